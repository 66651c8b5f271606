"""`holdfast people`: who is kept, what is kept of them, and how they are erased."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Literal

import typer
from rich.table import Table

from holdfast.assembly.reading import open_log
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    PersonOption,
    console,
    home_at,
    print_json,
    progress_bar,
)
from holdfast.operations import erasing

app = typer.Typer(help="Personal data: see and erase it.", no_args_is_help=True)

WhoArgument = Annotated[
    str, typer.Argument(metavar="PERSON", help="An id, or person:ID or customer:ID.")
]


@app.command("list")
def list_people(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List people and customers by their ids, and whether anything is kept of them."""
    reader = open_log(home_at(home))
    with closing(reader.store):
        found = erasing.listed(reader.log)
    if json:
        print_json([asdict(one) for one in found])
        return
    table = Table("Who", "Roles or services", "Kept", box=None)
    for one in found:
        kept = f"erased {one.erased_at}" if one.erased_at else _yes(one.kept)
        table.add_row(one.reference, ", ".join(one.roles) or "-", kept)
    console().print(table if found else "nobody is adopted yet")


@app.command()
def show(
    name: WhoArgument,
    person: PersonOption,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show all that is known of somebody: the answer to a person who asks."""
    at = home_at(home)
    reader = open_log(at)
    with closing(reader.store), progress_bar("reading the log", quiet=json) as told:
        reference = erasing.find(reader.log, name)
        found = erasing.show(reader.log, person, reference, told)
    if json:
        print_json(asdict(found))
        return
    contact = found.contact
    rows = {
        "who": found.reference,
        "roles": ", ".join(found.roles) or "-",
        "terms": found.affiliation,
        "name": contact.name if contact else None,
        "e-mail": contact.email if contact else None,
        "phone": contact.phone if contact else None,
        "Slack": contact.slack if contact else None,
        "salt": found.salt,
        "commitment": found.commitment,
        "as adopted": None if found.matches is None else _yes(found.matches),
        "erased": found.erased_at,
    }
    out = console()
    for label, value in rows.items():
        if value is not None:
            out.print(f"{label:<11} {value}", markup=False)
    _print_mentions(found.mentioned)


@app.command()
def erase(
    name: WhoArgument,
    person: PersonOption,
    reason: Annotated[
        Literal["request", "left", "retention", "mistake"],
        typer.Option("--reason", help="Why: a class, for the log keeps it for good."),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Even if nobody holds the role then.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Destroy what is kept of somebody, for good; the pseudonym stays in the log."""
    at = home_at(home)
    reader = open_log(at)
    with closing(reader.store), progress_bar("reading the log", quiet=json) as told:
        reference = erasing.find(reader.log, name)
        done = erasing.erase(
            reader.log,
            person,
            reference,
            reason,
            sure=yes,
            progress=told,
        )
    if json:
        print_json(asdict(done))
        return
    out = console()
    word = "was erased before" if done.already else "is erased"
    out.print(f"{reference} {word}: entry {done.index}.", markup=False)
    for text in done.texts:
        out.print(f"removed     {text}, an adopted catalogue", markup=False)
    for role in done.last_of:
        out.print(f"warning     nobody holds the role {role} any more", markup=False)
    _print_mentions(done.mentioned)
    out.print("What is left to do is in docs/operating/personal-data.md: their")
    out.print("sign-in, the resilience folder, older backups of the database.")


def _print_mentions(mentioned: Sequence[erasing.Mentioned]) -> None:
    table = Table("Entries that name the pseudonym", "Count", "First", "Last", box=None)
    for one in mentioned:
        table.add_row(one.type, str(one.count), str(one.first), str(one.last))
    console().print(table if mentioned else "no entry names the pseudonym")


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
