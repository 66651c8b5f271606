"""A company on a real database with a copy in a real folder, and an intruder's hands.

The intruder is who the triggers cannot stop: the database's superuser, or root.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from tests.contracts.conftest import Home
from tests.operations.company import SEED, Company, company

from holdfast.domain.events.tampering import TamperingFound
from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.attest import check_ledger
from holdfast.operations.copies import Shipper
from holdfast.operations.inspecting import Inspector
from holdfast.operations.keys import wrong_signer
from holdfast.operations.notary import Notary
from holdfast.operations.settled import Settled
from holdfast.storage.mark import FileBookmark, FileMark
from holdfast.storage.off_site import OffSite
from holdfast.storage.targets import open_target

SIGNER = Signer("northwind.example/log", SEED)
STRANGER = Signer("northwind.example/log", bytes(31) + b"\x01")
KEY = parse_verifier_key(SIGNER.verifier_key)
TRIGGERS = (
    "entry_keeps_data",
    "entry_stays",
    "checkpoint_keeps_note",
    "checkpoint_stays",
    "checkpoint_is_new",
)


@dataclass
class Rig:
    """The company, its database, and the folder of its copy."""

    made: Company
    home: Home
    folder: Path

    def sql(self, statement: str, *values: object) -> None:
        """Run a statement past every trigger, and past SQLite's view of the entries."""
        if self.home.kind == "sqlite":
            with closing(sqlite3.connect(self.database)) as intruder:
                for name in TRIGGERS:
                    intruder.execute(f"DROP TRIGGER IF EXISTS {name}")
                intruder.execute(statement.replace("entry", "entry_row"), values)
                intruder.commit()
            return
        with psycopg.connect(self.home.url) as intruder:
            intruder.execute("SET session_replication_role = replica")
            text = statement.replace("?", "%s")
            intruder.execute(text, values)  # type: ignore[arg-type]

    @property
    def database(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.home.url.removeprefix("sqlite://"))

    def found(self) -> list[TamperingFound]:
        """Return what was found so far."""
        events = self.made.events(TamperingFound)
        return [event for event in events if isinstance(event, TamperingFound)]

    def alerts(self) -> list[str]:
        """Return what the response team was told."""
        return [sent.message.text for sent in self.made.kept["slack"].sent]


def rig_at(home: Home, folder: Path) -> Rig:
    """Return a company whose log is signed, copied, and was read in full."""
    (folder / "copy").mkdir()
    rig = joined(company(home.open()), home, folder)
    rig.made.turn(ok=True)
    rig.made.beat(2)
    assert check_ledger(rig.made.world).ok
    rig.made.beat(2)
    assert not rig.found()
    return rig


def joined(made: Company, home: Home, folder: Path) -> Rig:
    """Join the company's node anew, as after a restart."""
    world = made.world
    mark = FileMark(folder / "mark")
    notary = Notary(world.store, SIGNER, mark)
    target = open_target((folder / "copy").as_uri())
    record = FileMark(folder / "published")
    copy = OffSite(world.store, target, lambda: (KEY,), record)
    made.world = replace(
        world,
        notary=notary,
        shippers=[Shipper(copy, world.log, world.clock)],
        inspector=Inspector(
            world.store,
            lambda note: wrong_signer(note, world.log.state().custody, (KEY,)),
            mark,
            [copy],
            FileBookmark(folder / "verifying"),
            Settled(FileBookmark(folder / "settled")),
        ),
    )
    return Rig(made, home, folder / "copy")


def forged(size: int, root: bytes, signer: Signer = SIGNER) -> bytes:
    """Return a checkpoint that the log never had."""
    return signer.sign(Checkpoint(SIGNER.name, size, root).text())
