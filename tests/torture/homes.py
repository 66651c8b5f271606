"""A company's home with a copy off-site, and the machine on which it is recovered.

Its log is long enough for several bundles and a tile of level 1, and owes notices; so a
recovery has everything to bring back that it ever brings back.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.operations.company import SEED, START, company
from typer.testing import CliRunner

from holdfast.assembly.keys import recovered_keyring, write_private
from holdfast.cli.main import app
from holdfast.domain.events.governance import NodeStarted
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.people import People
from holdfast.operations.quarantine import waiting
from holdfast.settings import Home
from holdfast.simulation.clock import JumpingClock
from holdfast.storage.evidence import digests_of
from holdfast.storage.keyring import HomeKeyring
from holdfast.storage.mark import FileMark
from holdfast.storage.opening import open_store

ORIGIN = "northwind.example/log"
KEY = Signer(ORIGIN, SEED).verifier_key
PEOPLE_KEY = bytes(32)
STARTS = 560
IN_THE_SAFE = ("ledger.key", "ledger.vkey", "escrow.key")


def holdfast(*argv: object) -> str:
    """Run a command in this process; return what it printed."""
    result = CliRunner().invoke(app, [str(one) for one in argv])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def make_home(folder: Path, copy: Path) -> Path:
    """Make a home whose company lived through an outage; signed, not published."""
    home = folder / "home"
    home.mkdir()
    copy.mkdir()
    write_private(home / "ledger.key", f"{ORIGIN}\n{SEED.hex()}\n")
    write_private(home / "people.key", f"{PEOPLE_KEY.hex()}\n")
    (home / "ledger.vkey").write_text(f"{KEY}\n", "utf-8")
    (home / "holdfast.toml").write_text('node = "n"\n', "utf-8")
    publish = f'[[publish]]\nurl = "{copy.as_uri()}"\n'
    (home / "runner.toml").write_text(publish, "utf-8")
    holdfast("ledger", "escrow", "--home", home)
    live(home)
    return home


def live(home: Path, *, adopted: bool = True, starts: int = STARTS) -> None:
    """Let the home's company live through something, and sign its log."""
    with closing(open_store(Home(home).store_url)) as store:
        made = company(store, adopted=adopted)
        made.world.log.people.keep_settings("n", (home / "holdfast.toml").read_text())
        made.turn(ok=False)
        made.beat(3)
        made.owe(channel="slack", recipients=["channel:irt"])
    sign_on(home, starts)


def sign_on(home: Path, starts: int, url: str | None = None) -> None:
    """Record that the node started so often, and sign the log."""
    with closing(open_store(url or _store_of(home), create=False)) as store:
        log, size = Log(store, "n", JumpingClock(START)), store.size()
        events = [NodeStarted(f"n{size}-{at}", "1", START) for at in range(starts)]
        log.record([Fact(event, START) for event in events])
        signer = Signer(ORIGIN, SEED)
        notary = Notary(store, signer, FileMark(home / "ledger.signed"))
        notary.sign()
        assert notary.refusal is None, str(notary.refusal)


def empty_machine(home: Path, folder: Path) -> Path:
    """Return a new home that has nothing but what lay in the safe."""
    folder.mkdir()
    for name in IN_THE_SAFE:
        shutil.copy(home / name, folder / name)
    return folder


@dataclass(frozen=True)
class Contents:
    """What a home has and owes, whichever way it came to it."""

    size: int
    root: bytes
    checkpoints: int
    people: Mapping[str, str]
    blobs: int
    held: tuple[str, ...]
    settings: str


def contents(home: Path, *, original: bool = False, url: str | None = None) -> Contents:
    """Return what the home has; the notices that wait, or that the original owes."""
    with closing(open_store(url or _store_of(home), create=False)) as store:
        ring = HomeKeyring(PEOPLE_KEY, "") if original else recovered_keyring(home)
        log = Log(store, "n", JumpingClock(START), lambda: ring)
        size, root = store.root()
        people = People(store, lambda: ring).opened()
        owed = log.state().notices.undelivered
        named = set(digests_of(store.read(0, size), 0))
        held = owed if original else [one.notice for one in waiting(log)]
        return Contents(
            size,
            root,
            len(list(store.checkpoints())),
            {n: t for n, t in people.items() if not n.startswith("settings:")},
            sum(store.blob(one) is not None for one in named),
            tuple(sorted(held)),
            (home / "runner.toml").read_text("utf-8"),
        )


def _store_of(home: Path) -> str:
    return (
        Home(home).store_url
        if (home / "holdfast.toml").exists()
        else (f"sqlite://{home / 'holdfast.sqlite'}")
    )
