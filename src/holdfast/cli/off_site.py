"""`holdfast ledger publish`, `status`, `recover`, `escrow`, `quarantine`: the copies of
the log out of its machine's reach, and the way back from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from holdfast.assembly.keys import create_escrow_key, escrow_of
from holdfast.assembly.node import MARK, RECOVERED
from holdfast.assembly.reading import SystemClock, open_log
from holdfast.assembly.runner import copies_of
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
    read_text,
)
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.note import VerifierKey, encode64, parse_note, parse_verifier_key
from holdfast.operations import approving
from holdfast.operations import quarantine as held
from holdfast.operations.copies import DiffersError, OutOfReachError, UnreadableError
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError
from holdfast.settings import FILE, RUNNER_FILE, RunnerHome, read_private
from holdfast.storage.folder import Folder
from holdfast.storage.mark import FileMark
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import open_store
from holdfast.storage.rebuilding import rebuild
from holdfast.storage.recover import pull
from holdfast.storage.targets import credentials_of, open_target
from holdfast.storage.versioned import through_versions

NODE = "recovery"
SPOOL = "ledger.recovering"

quarantine = typer.Typer(no_args_is_help=True)


def publish(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Bring every copy off-site forward to the latest signed checkpoint."""
    at = RunnerHome(home)
    with closing(open_store(at.store_url, create=False)) as store:
        log = Log(store, NODE, SystemClock())
        copies = _copies(at, copies_of(at, log, timedelta(0)))
        rows = []
        for copy in copies:
            with progress_bar(f"publishing to {copy.name}", quiet=json) as told:
                shipped = copy.publish(told)
            rows.append(
                {
                    "target": copy.name,
                    "size": shipped.size,
                    "root": encode64(shipped.root),
                    "files": shipped.files,
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


def escrow(home: HomeOption = DEFAULT_HOME) -> None:
    """Make the key that seals the evidence off-site."""
    path = home / "escrow.key"
    if (home / RUNNER_FILE).exists():
        at = RunnerHome(home)
        path = at.path(at.settings.escrow_key)
    create_escrow_key(path)
    out = console()
    out.print(f"Made {path}.", markup=False)
    out.print("Keep a copy where this machine's loss cannot reach it: on paper, in a")
    out.print("safe. Without it nobody can recover the adopted texts from the copy.")


def recover(
    source: Annotated[str, typer.Option("--from", help="The copy's address.")],
    home: HomeOption = DEFAULT_HOME,
    key: Annotated[
        str | None, typer.Option("--key", help="The log's verifier key, or its file.")
    ] = None,
    escrow_key: Annotated[
        Path | None, typer.Option("--escrow-key", help="The key's private file.")
    ] = None,
    credentials: Annotated[
        Path | None, typer.Option("--credentials", help="A private file that may get.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", help="Instead of the home's: rebuilt, or forward."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Rebuild the log from its copy alone, or bring an old database forward."""
    home = home.absolute()
    keys = _keys(key, home)
    text = read_private(credentials) if credentials else ""
    options = credentials_of(text)
    target = through_versions(open_target(source, options), options)
    sealed = escrow_key or home / "escrow.key"
    has_key = escrow_key is not None or sealed.exists()
    evidence = escrow_of(read_private(sealed)) if has_key else None
    _make_home(home)
    spool = Folder(home / SPOOL)
    with spool.locked(), progress_bar("verifying the copy", quiet=json) as told:
        pulled = pull(target, keys, spool, told)
    mark = FileMark(home / MARK)
    with closing(open_store(database or _store_url(home))) as store:
        if store.size() < pulled.size:
            # Before the first entry: a node that starts after a crash must know, too.
            (home / RECOVERED).touch(mode=0o600)
        log = Log(store, NODE, SystemClock())
        with progress_bar("writing the log", quiet=json) as told:
            done = rebuild(log, pulled, mark, escrow=evidence, progress=told)
        waiting = held.waiting(log)
    spool.remove()
    vkey = home / "ledger.vkey"
    if not vkey.exists():
        vkey.write_text("".join(f"{one}\n" for one in keys), encoding="utf-8")
    found = {
        "origin": done.checkpoint.origin,
        "size": done.checkpoint.size,
        "root": encode64(done.checkpoint.root),
        "added": done.added,
        "evidence": done.evidence.found,
        "evidence_absent": list(done.evidence.absent),
        "evidence_damaged": list(done.evidence.damaged),
        "quarantined": sum(one.deliveries for one in waiting),
        "jobs_given_up": list(done.jobs),
        "ignored": list(pulled.ignored),
    }
    if json:
        print_json(found)
        return
    out = console()
    for line in (
        f"{found['origin']}: {found['size']} entries, all sound.",
        f"root        {found['root']}",
        f"added       {found['added']} entries",
        f"evidence    {found['evidence']} texts, receipts and results of jobs",
        *(f"  damaged   {digest}" for digest in done.evidence.damaged),
        *(f"  absent    {digest}" for digest in done.evidence.absent),
        f"quarantine  {found['quarantined']} deliveries wait for a person",
        f"jobs        {len(done.jobs)} were open; none is started again",
        *(f"ignored     {path}: not signed by this key" for path in pulled.ignored),
    ):
        out.print(line, markup=False)


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
) -> None:
    """Let a notice's deliveries go; whoever had them already gets them twice."""
    at = home_at(home)
    reader = open_log(at)
    with closing(reader.store):
        count = held.release(signed_desk(at, reader, person), notice)
        waiting = approving.pending(reader.desk("").situation())
    if count is None:
        name = waiting[-1].ordered.order
        text = f"{notice} waits for a second person: holdfast approve {name}"
    else:
        text = f"{count} deliveries of {notice} will be sent."
    console().print(text, markup=False)


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
        note = copy.newest()
    except UnreadableError:
        note = copy.record.newest()
    except (OutOfReachError, DiffersError, ForkError) as error:
        note, fault = copy.record.newest(), str(error)
    size = parse_checkpoint(parse_note(note).text).size if note else None
    return size, fault


def _keys(key: str | None, home: Path) -> Sequence[VerifierKey]:
    if key is not None and "+" in key and not Path(key).exists():
        return [parse_verifier_key(key)]
    file = home / "ledger.vkey" if key is None else Path(key)
    if key is None and not file.exists():
        raise HoldfastError(
            "the log's public key is missing",
            "Give it with --key, from where its owner published it; the copy cannot "
            "vouch for itself.",
            str(file),
        )
    lines = read_text(file, "verifier key").splitlines()
    return [parse_verifier_key(line) for line in lines if line.strip()]


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise HoldfastError(
            f"the home folder cannot be made: {fault.strerror}",
            "Check the path and its permissions.",
            str(home),
        ) from None


def _store_url(home: Path) -> str:
    has_settings = (home / FILE).exists()
    default = f"sqlite:///{home / 'holdfast.sqlite'}"
    return home_at(home).store_url if has_settings else default
