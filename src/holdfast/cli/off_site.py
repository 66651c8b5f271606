"""`holdfast ledger publish`, `status`, `escrow`, `quarantine`: the copies of the log
out of its machine's reach, and what waits after a recovery from them.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Annotated

import typer
from rich.table import Table

from holdfast.assembly.keys import create_escrow_key, keyring_of_runner
from holdfast.assembly.reading import SystemClock, open_log, require_whole
from holdfast.assembly.runner import copies_of, keepers_of
from holdfast.cli.approving import signed_desk
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
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.note import encode64, parse_note
from holdfast.operations import approving
from holdfast.operations import quarantine as held
from holdfast.operations.copies import DiffersError, OutOfReachError, UnreadableError
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError
from holdfast.settings import RUNNER_FILE, RunnerHome
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import open_store

NODE = "recovery"

quarantine = typer.Typer(help="What waits after a recovery.", no_args_is_help=True)


def publish(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Bring every copy off-site forward to the latest signed checkpoint."""
    at = RunnerHome(home)
    with closing(open_store(at.store_url, create=False)) as store:
        require_whole(at.folder, store)
        clock = SystemClock()
        log = Log(store, NODE, clock, partial(keyring_of_runner, at))
        copies = _copies(at, copies_of(at, log, timedelta(0)))
        keepers = keepers_of(at, log)
        rows = []
        for copy in copies:
            with progress_bar(f"publishing to {copy.name}", quiet=json) as told:
                shipped = copy.publish(told)
            keeper = keepers.get(copy.name)
            saved = keeper.save(log.state(), clock.now()) if keeper else None
            rows.append(
                {
                    "target": copy.name,
                    "size": shipped.size,
                    "root": encode64(shipped.root),
                    "files": shipped.files,
                    "people": saved.rows if saved else None,
                    "people_at": saved.target if saved else None,
                    "people_left": saved.left if saved and saved.left >= 0 else None,
                }
            )
    if json:
        print_json(rows)
        return
    for row in rows:
        console().print(
            f"{row['target']}: {row['size']} entries, {row['files']} files written.",
            markup=False,
        )
        kept = f"{row['people']} rows saved at {row['people_at']}"
        none = "not backed up: name a place for them (personal = …)"
        told_of = none if row["people_at"] is None else kept
        console().print(f"personal data: {told_of}.", markup=False)


def status(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Say of every copy what it shows, how far it is behind, and what ails it."""
    at = RunnerHome(home)
    with closing(open_store(at.store_url, create=False)) as store:
        log = Log(store, NODE, SystemClock())
        known = log.state().copies
        size = store.size()
        rows = []
        for copy in _copies(at, copies_of(at, log)):
            shown, fault = _shown(copy)
            recorded = known.get(copy.name)
            failing = recorded.failing if recorded else None
            checked = recorded.checked if recorded else None
            rows.append(
                {
                    "target": copy.name,
                    "size": shown,
                    "lag": None if shown is None else size - shown,
                    "error": fault or (failing.reason if failing else None),
                    "failing_since": failing.at.isoformat() if failing else None,
                    "checked_at": checked.at.isoformat() if checked else None,
                    "checked_ok": checked.ok if checked else None,
                }
            )
    if json:
        print_json(rows)
        return
    table = Table("Copy", "Entries", "Behind", "Read back", "Error", box=None)
    for row in rows:
        told = [row["size"], row["lag"], row["checked_at"], row["error"]]
        cells = ["-" if cell is None else str(cell) for cell in told]
        table.add_row(str(row["target"]), *cells)
    console().print(table)


def escrow(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Make the key that seals the evidence off-site."""
    path = home / "escrow.key"
    if (home / RUNNER_FILE).exists():
        at = RunnerHome(home)
        path = at.path(at.settings.escrow_key)
    create_escrow_key(path)
    if json:
        print_json({"file": str(path)})
        return
    out = console()
    out.print(f"Made {path}.", markup=False)
    out.print("Keep a copy where this machine's loss cannot reach it: on paper, in a")
    out.print("safe. Without it nobody can recover rules and people from the copy.")


@quarantine.command("list")
def list_quarantine(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List the notices whose deliveries wait for a person."""
    reader = open_log(home_at(home))
    with closing(reader.store):
        found = held.waiting(reader.log)
    if json:
        print_json([asdict(one) for one in found])
        return
    table = Table("Notice", "Subject", "By", "Due", "Deliveries", box=None)
    for one in found:
        table.add_row(
            one.notice, one.subject, one.channel, one.due_at, str(one.deliveries)
        )
    console().print(table if found else "nothing is in quarantine")


@quarantine.command("release")
def release(
    notice: Annotated[str, typer.Argument(help="As `quarantine list` shows it.")],
    person: PersonOption,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Let a notice's deliveries go; whoever had them already gets them twice."""
    at = home_at(home)
    reader = open_log(at)
    with closing(reader.store):
        count = held.release(signed_desk(at, reader, person), notice)
        waiting = approving.pending(reader.desk("").situation())
    orders = [one.ordered.order for one in waiting if one.ordered.subject == notice]
    order = orders[-1] if count is None and orders else None
    if json:
        print_json({"notice": notice, "released": count, "order": order})
    elif count is None:
        text = f"{notice} waits for a second person: holdfast approve {order}"
        console().print(text, markup=False)
    else:
        console().print(f"{count} deliveries of {notice} will be sent.", markup=False)


def _copies(at: RunnerHome, copies: list[OffSite]) -> list[OffSite]:
    if not copies:
        raise HoldfastError(
            "no copy off-site is configured",
            "Name one in the runner's settings: [[publish]] url = …; see "
            "off-site-copy.md.",
            str(at.folder / RUNNER_FILE),
        )
    return copies


def _shown(copy: OffSite) -> tuple[int | None, str | None]:
    """Return the size that a copy shows, or was last given, and what is wrong."""
    fault = None
    try:
        copy.look()
        note = copy.newest()
    except UnreadableError:
        note = copy.record.newest()
    except (OutOfReachError, DiffersError, ForkError) as error:
        note, fault = copy.record.newest(), str(error)
    size = parse_checkpoint(parse_note(note).text).size if note else None
    return size, fault
