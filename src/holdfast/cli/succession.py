"""`holdfast ledger succeed`: after the key fell into wrong hands, a new log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from holdfast.assembly import sign_in as signing_in
from holdfast.assembly.keys import signer_of
from holdfast.assembly.node import MARK, SETTLED, VERIFYING
from holdfast.assembly.reading import SystemClock, open_log
from holdfast.assembly.runner import copies_of
from holdfast.cli.approving import GlassOption
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
from holdfast.cli.reading import HOME_KEY, read_keys
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.note import parse_note
from holdfast.ledger.verify import CHECKPOINT_PATH
from holdfast.operations.copies import OutOfReachError, UnreadableError
from holdfast.operations.key_acts import warrant
from holdfast.operations.log import Log
from holdfast.operations.respond import Desk
from holdfast.operations.succession import (
    check_succession,
    succeed,
    trusted_checkpoint,
)
from holdfast.settings import FILE, RUNNER_FILE, Home, RunnerHome
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import open_store


def succeed_log(
    source: Annotated[
        str, typer.Option("--from", help="The old log's database: sqlite:///… or …")
    ],
    reason: Annotated[str, typer.Option(help="Why; it stands in both logs.")],
    person: PersonOption,
    old_key: Annotated[
        Path | None,
        typer.Option("--old-key", help="The old log's public keys, one a line."),
    ] = None,
    trust: Annotated[
        int | None,
        typer.Option("--trust", help="The last checkpoint to believe; else the newest"),
    ] = None,
    glass: GlassOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Close the old log, and have that of the settings go on from it.

    Sign in first, stop every node, and let the settings name the new log's key,
    database and copies. Cut off, it goes on where it was when it is run again.
    """
    at = home_at(home)
    if _spelt(source) == _spelt(at.store_url):
        raise HoldfastError(
            "the settings still name the old log's database",
            'Give the new log one of its own: store = "sqlite:////…/holdfast-2.sqlite"',
            str(at.folder / FILE),
        )
    signer = signer_of(at)
    keys = read_keys(old_key or at.folder / HOME_KEY)
    clock = SystemClock()
    with (
        closing(open_store(source, create=False)) as old_store,
        closing(open_store(at.store_url)) as new_store,
    ):
        old = Log(old_store, at.settings.node, clock)
        new = Log(new_store, at.settings.node, clock)
        if (at.folder / RUNNER_FILE).exists():
            _require_own_places(copies_of(RunnerHome(at.folder), new), signer.name)
        desk = Desk(old, clock, person, signing_in.kept(at, person), glass)
        # Asked before the long reading, and once more when it acts.
        warrant(desk, desk.situation(), "close_ledger", signer.name)
        with progress_bar("reading the old log", quiet=json) as told:
            trusted = trusted_checkpoint(old, keys, trust, progress=told)
        with progress_bar("carrying it over", quiet=json) as told:
            done = succeed(
                desk,
                new,
                signer.name,
                trusted,
                reason,
                told,
            )
    _set_aside(at, signer.name, signer.verifier_key)
    opened = done.opened
    if json:
        print_json(
            {
                "origin": opened.origin,
                "key": signer.verifier_key,
                "continues": opened.continues,
                "trusted_size": opened.trusted_size,
                "trusted_root": opened.trusted_root,
                "entries": done.entries,
                "deliveries": done.deliveries,
            }
        )
        return
    out = console()
    for line in (
        f"{opened.continues} is closed, of {done.entries} entries.",
        f"{opened.origin} goes on from its checkpoint of size {opened.trusted_size},",
        f"root {opened.trusted_root}.",
        f"Its public key: {signer.verifier_key}",
        f"{done.deliveries} deliveries were still owed, and are owed by it now.",
        "Have the witnesses trust the new key, then start the node.",
    ):
        out.print(line, markup=False)


def show_succession(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Say which log this one goes on from, and recompute that it holds all of it."""
    reader = open_log(home_at(home))
    with closing(reader.store):
        opened = check_succession(reader.store)
    if opened is None:
        raise HoldfastError(
            "this log goes on from no other", "Its first entry would say so."
        )
    if json:
        print_json(
            {
                "origin": opened.origin,
                "continues": opened.continues,
                "old_keys": list(opened.old_keys),
                "trusted_size": opened.trusted_size,
                "trusted_root": opened.trusted_root,
                "entries": opened.entries,
                "root": opened.root,
                "reason": opened.reason,
                "by": opened.by,
                "at": opened.at.isoformat(),
            }
        )
        return
    out = console()
    for line in (
        f"{opened.origin} goes on from {opened.continues}: {opened.reason}",
        f"trusted    size {opened.trusted_size}, root {opened.trusted_root}",
        f"carried    {opened.entries} entries, root {opened.root}: all as it says",
        *(f"old key    {key}" for key in opened.old_keys),
    ):
        out.print(line, markup=False)


def _spelt(url: str) -> str:
    """Return an address so that two of one file are alike."""
    return re.sub(r"^sqlite:/+", "sqlite:/", url)


def _require_own_places(copies: Sequence[OffSite], origin: str) -> None:
    """Refuse a copy's place that another log has: that is left as it is."""
    for copy in copies:
        note = None
        with suppress(UnreadableError, OutOfReachError):
            note = copy.target.read(CHECKPOINT_PATH)
        if note is None:
            continue
        there = parse_checkpoint(parse_note(note).text).origin
        if there != origin:
            raise HoldfastError(
                f"the copy {copy.name} is that of {there}",
                "It stays as it is: give the new log another, in [[publish]].",
            )


def _set_aside(at: Home, origin: str, key: str) -> None:
    """Keep what this machine noted of the old log under other names; repeatable."""
    for name in (MARK, VERIFYING, SETTLED):
        mark = at.folder / name
        if mark.exists() and not mark.read_bytes().startswith(f"{origin}\n".encode()):
            mark.replace(at.folder / f"{name}.closed")
    public = at.folder / HOME_KEY
    old = public.read_text("utf-8") if public.exists() else ""
    if key not in old.splitlines():
        (at.folder / "ledger-closed.vkey").write_text(old, "utf-8")
        beside = at.folder / f".{HOME_KEY}"
        beside.write_text(f"{key}\n", "utf-8")
        beside.replace(public)
