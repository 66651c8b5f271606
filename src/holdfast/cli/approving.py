"""`holdfast sign-in`, `approve`, `break-glass`, `review`, `cancel`, `approvals`: acts
that cannot be taken back, and the second person.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from holdfast.assembly import sign_in as signing_in
from holdfast.assembly.reading import Reader, SystemClock, open_log
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    PersonOption,
    console,
    home_at,
    print_json,
)
from holdfast.operations import approving
from holdfast.operations.respond import Desk
from holdfast.settings import Home, read_private

GlassOption = Annotated[
    str | None,
    typer.Option(
        "--break-glass",
        help="Why nobody can sign in: it goes by your name, and is told.",
    ),
]
OrderArgument = Annotated[str, typer.Argument(help="The order's id.")]


def sign_in(
    person: PersonOption,
    password_file: Annotated[
        Path | None, typer.Option(help="A private file (0600) with the password.")
    ] = None,
    password_fd: Annotated[
        int | None, typer.Option(help="An open file descriptor to read it from.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Sign in for half an hour, for what needs more than a name."""
    at = home_at(home)
    password = _password(password_file, password_fd)
    signed = signing_in.authenticate(at, person, password, SystemClock().now())
    signing_in.keep(at, signed)
    ends = f"{signed.ends_at:%H:%M} UTC"
    if json:
        print_json({"person": person, "ends_at": signed.ends_at.isoformat()})
        return
    console().print(f"{person} is signed in until {ends}", markup=False)


def sign_out(
    person: PersonOption, home: HomeOption = DEFAULT_HOME, json: JsonOption = False
) -> None:
    """End your session at this terminal."""
    signing_in.forget(home_at(home), person)
    if json:
        print_json({"person": person})
        return
    console().print(f"{person} is signed out", markup=False)


def approve(
    order: OrderArgument,
    person: PersonOption,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Agree, as the second person, to what somebody ordered."""
    at = home_at(home)
    found = approving.approve(signed_desk(at, open_log(at), person), order)
    _say(json, f"{person} approved {order}, ordered by {found.ordered.by}", order)


def break_glass(
    order: OrderArgument,
    person: PersonOption,
    reason: Annotated[str, typer.Option(help="Why nobody else can be asked.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Go ahead without a second person; committee and lead are told at once."""
    at = home_at(home)
    approving.break_glass(signed_desk(at, open_log(at), person), order, reason)
    _say(json, f"the glass is broken for {order}; committee and lead are told", order)


def review(
    order: OrderArgument,
    person: PersonOption,
    words: Annotated[str, typer.Option(help="What you found, and what follows.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Review why the glass was broken, as somebody who did not."""
    at = home_at(home)
    approving.review(signed_desk(at, open_log(at), person), order, words)
    _say(json, f"reviewed: {order}", order)


def cancel(
    order: OrderArgument,
    person: PersonOption,
    reason: Annotated[str, typer.Option(help="Why.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Cancel an order (of a recovery, of a drill) of which nothing has begun."""
    approving.cancel(open_log(home_at(home)).desk(person), order, reason)
    _say(json, f"cancelled: {order}", order)


def approvals(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List the orders that wait for a second person, and what awaits review."""
    situation = open_log(home_at(home)).desk("").situation()
    rows = [
        {
            "order": order.ordered.order,
            "operation": order.ordered.operation,
            "subject": order.ordered.subject,
            "by": order.ordered.by,
            "waits_for": waits,
            "lapses_at": order.ordered.lapses_at.isoformat(timespec="seconds"),
        }
        for waits, found in (
            ("approval", approving.pending(situation)),
            ("review", approving.unreviewed(situation)),
        )
        for order in found
    ]
    if json:
        print_json(rows)
        return
    table = Table("Order", "What", "By", "Waits for", "Lapses", box=None)
    for row in rows:
        what = f"{row['operation']} {row['subject']}"
        cells = (row["order"], what, row["by"], row["waits_for"], row["lapses_at"])
        table.add_row(*map(escape, cells))
    console().print(table if rows else "nothing waits for anybody")


def signed_desk(
    home: Home, reader: Reader, person: str, glass: str | None = None
) -> Desk:
    """Return the person's desk, with their sign-in where there is one."""
    desk = reader.desk(person, signing_in.kept(home, person))
    return replace(desk, glass=glass)


def _password(file: Path | None, descriptor: int | None) -> str:
    """Return the password; it is never an argument, where others could see it."""
    if file is not None:
        return read_private(file)
    if descriptor is not None:
        with os.fdopen(descriptor, encoding="utf-8") as given:
            return given.readline().rstrip("\n")
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def _say(json: bool, text: str, order: str) -> None:
    if json:
        print_json({"order": order})
    else:
        console().print(text, markup=False)
