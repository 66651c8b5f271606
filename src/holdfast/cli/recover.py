"""`holdfast recover`: the recovery itself, led step by step by the runbook.

All that it knows it reads from the ledger: run it again after any crash, here or at
another terminal, and it goes on where the recovery stands.
"""

from __future__ import annotations

import threading
import time
from typing import Annotated

import typer

from holdfast.assembly.reading import Reader, open_log
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    PersonOption,
    home_at,
    print_json,
    progress_console,
)
from holdfast.cli.recovery_leader import Leader, Wish
from holdfast.cli.recovery_wait import POLL_SECONDS
from holdfast.cli.recovery_words import plan_json, tell_order, tell_plan, tell_turn
from holdfast.domain.moments import parse_moment
from holdfast.errors import HoldfastError
from holdfast.operations.recover import ask, in_order, plan, require_runner

ANSWERED_WITHIN = 150.0
LATEST = "latest"
INTERRUPTED = 130


def recover(
    person: PersonOption,
    datastore: Annotated[
        str | None,
        typer.Argument(help="The datastore; else all that fail, by their ranks."),
    ] = None,
    repository: Annotated[
        int | None, typer.Option(help="Where to restore from; else you are asked.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT",
            help="Back to a moment: 2026-11-23T14:05:00Z, or with an offset or a zone; "
            "UTC without. Else, or with 'latest', to the last recoverable one.",
        ),
    ] = None,
    incident: Annotated[
        str | None, typer.Option("--incident", help="Its id; needed if several run.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; say what would be done.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Answer yes where a person must decide.")
    ] = False,
    wait: Annotated[
        bool, typer.Option(help="Go on to the end; else return at the first wait.")
    ] = True,
    again: Annotated[
        bool, typer.Option("--again", help="Once more, though the last one ended well.")
    ] = False,
    glass: Annotated[
        str | None,
        typer.Option("--break-glass", help="Why no second person can be asked."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Recover a datastore over production, led by its runbook; resumable."""
    latest = to is not None and to.strip().lower() == LATEST
    target = parse_moment(to) if to is not None and not latest else None
    at = home_at(home)
    reader = open_log(at)
    wish = Wish(
        repository=repository,
        target=target,
        latest=latest,
        incident=incident,
        yes=yes,
        wait=wait,
        again=again,
        glass=glass,
        quiet=json,
    )
    situation = reader.desk(person).situation()
    names = in_order(situation, datastore)
    if len(names) > 1 and not json:
        tell_order(situation, names)
    if dry_run:
        found = [_dry_run(reader, person, name, wish) for name in names]
        if json:
            print_json(found)
        raise typer.Exit(0 if all(each["ok"] for each in found) else 1)
    leader = Leader(at, reader, person, wish)
    results = []
    try:
        for number, name in enumerate(names, 1):
            if len(names) > 1 and not json:
                tell_turn(name, number, len(names))
            results.append(leader.recover(name))
            if "waits" in results[-1]:
                break  # By rank: the next one begins when this one is back.
    except (KeyboardInterrupt, typer.Abort):
        _say_goodbye(datastore)
        raise typer.Exit(INTERRUPTED) from None
    if json:
        print_json(results)


def _say_goodbye(datastore: str | None) -> None:
    words = " ".join(filter(None, ("holdfast recover", datastore)))
    progress_console().print(
        "\nYou left. What runs goes on; what waits for you waits. "
        f"Go on at any terminal: {words}",
        markup=False,
    )


def _dry_run(
    reader: Reader, person: str, datastore: str, wish: Wish
) -> dict[str, object]:
    """Do all that changes nothing, and say what would follow."""
    desk = reader.desk(person)
    situation = desk.situation()
    require_runner(situation)
    wanted = plan(reader.log, situation, datastore, wish.repository, wish.target)
    name = ask(desk, datastore, wanted.source.repository, wanted.target)
    answered = None
    limit = time.monotonic() + ANSWERED_WITHIN
    while answered is None:
        if time.monotonic() > limit:
            raise HoldfastError(
                "no runner has answered whether the restore can work",
                "Is one at work? On the database's host: holdfast runner --home "
                "FOLDER; on one machine: holdfast serve --with-runner.",
            )
        threading.Event().wait(POLL_SECONDS)
        answered = reader.log.state().checks[name].answered
    if not wish.quiet:
        tell_plan(situation, wanted, answered.checks)
    return plan_json(wanted, answered.ok, answered.checks)
