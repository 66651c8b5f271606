"""`holdfast ledger publish`, `status`, `escrow`, `quarantine`: the copies of the log
out of its machine's reach, and what waits after a recovery from them.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated

import typer
from rich.table import Column, Table

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
from holdfast.errors import FaultsError, HoldfastError
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.note import encode64, parse_note
from holdfast.operations import approving
from holdfast.operations import quarantine as held
from holdfast.operations.copies import DiffersError, OutOfReachError, UnreadableError
from holdfast.operations.keeping import Keeper
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError
from holdfast.settings import RUNNER_FILE, RunnerHome
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import open_store

NODE = "recovery"

quarantine = typer.Typer(help="What waits after a recovery.", no_args_is_help=True)


def publish(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Bring every copy off-site forward to the latest signed checkpoint.

    One that fails keeps no other back; the exit code is 0 only if none did.
    """
    at = RunnerHome(home)
    with closing(open_store(at.store_url, create=False)) as store:
        require_whole(at.folder, store)
        log = Log(store, NODE, SystemClock(), partial(keyring_of_runner, at))
        copies = _copies(at, copies_of(at, log, timedelta(0)))
        keepers = keepers_of(at, log)
        faults: list[HoldfastError] = []
        done = [
            _published(log, copy, keepers.get(copy.name), faults, quiet=json)
            for copy in copies
        ]
    if json:
        print_json([asdict(one) for one in done])
    else:
        for one in done:
            for line in one.lines:
                console().print(line, markup=False)
    if len(faults) > 1:
        raise FaultsError("not everything was published", tuple(faults))
    if faults:
        raise faults[0]


@dataclass(slots=True)
class _Published:
    """What came of one copy: of the log, then of the personal data."""

    target: str
    size: int | None = None
    root: str | None = None
    files: int | None = None
    error: str | None = None
    people: int | None = None
    people_at: str | None = None
    people_left: int | None = None
    people_error: str | None = None

    @property
    def lines(self) -> tuple[str, str]:
        """The same for a person to read."""
        if self.error is not None:
            log = f"{self.target}: FAILED: {self.error}"
        else:
            log = f"{self.target}: {self.size} entries, {self.files} files written."
        if self.people_error is not None:
            people = f"FAILED: {self.people_error}"
        elif self.people_at is None:
            people = "not backed up: name a place for them (personal = …)."
        else:
            people = f"{self.people} rows saved at {self.people_at}."
        return log, f"personal data: {people}"


def _published(
    log: Log,
    copy: OffSite,
    keeper: Keeper | None,
    faults: list[HoldfastError],
    *,
    quiet: bool,
) -> _Published:
    done = _Published(copy.name)
    try:
        with progress_bar(f"publishing to {copy.name}", quiet=quiet) as told:
            shipped = copy.publish(told)
        done.size, done.root = shipped.size, encode64(shipped.root)
        done.files = shipped.files
    except HoldfastError as fault:
        done.error = fault.message
        faults.append(fault)
    if keeper is None:
        return done
    try:
        saved = keeper.save(log.state(), log.now())
        done.people, done.people_at = saved.rows, saved.target
        done.people_left = saved.left if saved.left >= 0 else None
    except HoldfastError as fault:
        done.people_error = fault.message
        faults.append(fault)
    return done


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
    whole = Column("Copy", overflow="fold")
    table = Table(whole, "Entries", "Behind", "Read back", "Error", box=None)
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
    whole = Column("Notice", overflow="fold")  # It is typed to release it.
    table = Table(whole, "Subject", "By", "Due", "Deliveries", box=None)
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
