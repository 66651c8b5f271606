"""The notary: it signs what grows from what it signed, and never a fork."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.operations.company import SEED, company, entries

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Signer, parse_checkpoint
from holdfast.ledger.note import parse_note
from holdfast.operations.notary import ForkError, Notary
from holdfast.operations.ports.store import Draft, Mark, Store
from holdfast.storage.mark import FileMark
from holdfast.storage.memory import MemoryStore
from holdfast.storage.opening import open_store

SIGNER = Signer("northwind.example/log", SEED)


def grow(store: Store, times: int = 3, *, hours: int = 0) -> None:
    """Let the log grow by the beats of a company."""
    made = company(store, adopted=not store.size())
    made.clock.advance(timedelta(hours=hours))
    for _ in range(times):
        made.turn(ok=True)
        made.clock.advance(timedelta(seconds=1))
        made.turn(ok=False)
        made.clock.advance(timedelta(seconds=1))
        made.world.inbox.hand_over(made.world.log.record)


def signed_size(note: bytes | None) -> int:
    """Return the size that a note signs."""
    assert note is not None
    return parse_checkpoint(parse_note(note).text).size


def test_signs_growth() -> None:
    """Each time the log grew the notary signs its head, and only then."""
    store = MemoryStore()
    grow(store)
    notary = Notary(store, SIGNER)
    assert signed_size(notary.sign()) == store.size()
    notary.sign()
    assert len(list(store.checkpoints())) == 1
    grow(store, hours=1)
    assert signed_size(notary.sign()) == store.size()
    assert len(list(store.checkpoints())) == 2
    assert notary.refusal is None


def test_resumes() -> None:
    """A restarted notary goes on from what was signed before."""
    store = MemoryStore()
    grow(store)
    Notary(store, SIGNER).sign()
    grow(store, hours=1)
    notary = Notary(store, SIGNER)
    assert signed_size(notary.sign()) == store.size()
    assert notary.refusal is None


def test_nothing_yet() -> None:
    """The empty log is signed as such."""
    store = MemoryStore()
    assert signed_size(Notary(store, SIGNER).sign()) == 0


def alter(file: Path, statement: str) -> None:
    """Change the database behind Holdfast's back."""
    with sqlite3.connect(file) as database:
        for name, sql in database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            assert sql
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement)
    database.close()


def test_changed_leaf(tmp_path: Path) -> None:
    """A leaf changed below what was signed ends the signing, and it is said."""
    file = tmp_path / "ledger.sqlite"
    store = open_store(f"sqlite://{file}")
    grow(store)
    Notary(store, SIGNER).sign()
    alter(file, "UPDATE entry_row SET leaf_hash = zeroblob(32) WHERE leaf_index = 2")
    notary = Notary(store, SIGNER)
    before = store.checkpoint()
    assert notary.sign() == before
    assert isinstance(notary.refusal, ForkError)
    assert "does not hold the log that was signed" in str(notary.refusal)
    assert notary.refusal.hint
    store.close()


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("grown", [False, True])
def test_restored_database(tmp_path: Path, *, restarted: bool, grown: bool) -> None:
    """An old database put back is not signed, though its checkpoints are old too."""
    file, copy = tmp_path / "ledger.sqlite", tmp_path / "copy.sqlite"
    mark = FileMark(tmp_path / "mark")
    store = open_store(f"sqlite://{file}")
    grow(store)
    notary = Notary(store, SIGNER, mark)
    notary.sign()
    store.close()
    shutil.copy(file, copy)
    store = open_store(f"sqlite://{file}")
    notary._store = store
    grow(store, hours=1)
    notary.sign()
    store.close()
    for beside in tmp_path.glob("ledger.sqlite-*"):
        beside.unlink()
    shutil.copy(copy, file)
    store = open_store(f"sqlite://{file}")
    if grown:
        grow(store, times=9, hours=2)
    again = Notary(store, SIGNER, mark) if restarted else notary
    again._store = store
    before = list(store.checkpoints())
    again.sign()
    assert isinstance(again.refusal, ForkError)
    assert list(store.checkpoints()) == before
    store.close()


def test_keeps_recording() -> None:
    """After a refusal the beat goes on: it records, decides and delivers."""
    store = MemoryStore()
    made = company(store)
    made.beat()
    store._leaves[0] = bytes(32)
    notary = Notary(store, SIGNER)
    notary.sign()
    assert notary.refusal is not None
    made.world.notary.refusal = notary.refusal
    signed = store.checkpoint()
    made.turn(ok=False)
    made.beat(times=5)
    assert made.kept["slack"].sent
    assert any(entry.event.TYPE == "incident.opened" for entry in entries(store))
    assert store.checkpoint() == signed


def test_refusal_is_for_good() -> None:
    """What was refused once is not signed because it looks right again."""
    store = MemoryStore()
    grow(store)
    notary = Notary(store, SIGNER)
    kept = store._leaves[1]
    notary.sign()
    grow(store, hours=1)
    store._leaves[-1] = bytes(32)
    notary.sign()
    assert notary.refusal is not None
    store._leaves[-1] = kept
    size = signed_size(notary.sign())
    assert size < store.size()


class FullDisk:
    """A mark that cannot be written."""

    def newest(self) -> bytes | None:
        """Return nothing."""
        return None

    def keep(self, note: bytes) -> None:
        """Fail."""
        del note
        raise HoldfastError("no space left", "Make room.")


def test_mark_before_checkpoint() -> None:
    """What could not be marked is not signed: the mark is never behind."""
    store = MemoryStore()
    grow(store)
    mark: Mark = FullDisk()
    with pytest.raises(HoldfastError, match="no space"):
        Notary(store, SIGNER, mark).sign()
    assert store.checkpoint() is None


def test_mark_file(tmp_path: Path) -> None:
    """A mark is what was kept last; one that cannot be used says so."""
    mark = FileMark(tmp_path / "mark")
    assert mark.newest() is None
    mark.keep(b"one")
    mark.keep(b"two")
    assert mark.newest() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["mark"]
    with pytest.raises(HoldfastError, match="cannot be written") as odd:
        FileMark(tmp_path / "nowhere" / "mark").keep(b"one")
    assert odd.value.hint
    with pytest.raises(HoldfastError, match="cannot be read"):
        FileMark(tmp_path).newest()


def test_verifier_key() -> None:
    """The public key is told under the log's name, so that others can verify."""
    assert Notary(MemoryStore(), SIGNER).verifier_key.startswith(SIGNER.name + "+")


class Ticking:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 2, tzinfo=UTC)

    def now(self) -> datetime:
        """Return its moment."""
        return self.moment


def test_history_keeps_one_a_second() -> None:
    """Checkpoints that only pass by make room; the newest, the seen, the slow stay."""
    store, clock = MemoryStore(), Ticking()
    notary = Notary(store, SIGNER, clock=clock)

    def sign(key: str, after: float) -> int:
        clock.moment += timedelta(seconds=after)
        size = store.append([Draft(key, lambda _: b"x")], now=clock.moment).size
        assert signed_size(notary.sign()) == size
        return size

    first = sign("a", 0)
    for number in range(50):
        sign(f"b{number}", 0.01)
    newest = sign("c", 0.01)
    assert [size for size, _ in store.checkpoints()] == [first, newest]
    late = sign("d", 60)
    assert [size for size, _ in store.checkpoints()] == [first, newest, late]
    passing = sign("e", 0.01)
    note = dict(store.checkpoints())[passing]
    line = note.splitlines()[-1].replace(SIGNER.name.encode(), b"witness.example")
    store.save_checkpoint(passing, note + line + b"\n")
    cosigned = passing
    sign("f", 0.01)
    assert cosigned in dict(store.checkpoints())


def test_a_clock_set_back_drops_nothing() -> None:
    """Where the clock went back, checkpoints stay."""
    store, clock = MemoryStore(), Ticking()
    notary = Notary(store, SIGNER, clock=clock)
    for number in range(4):
        store.append([Draft(f"k{number}", lambda _: b"x")], now=clock.moment)
        notary.sign()
        clock.moment -= timedelta(hours=1)
    assert len(list(store.checkpoints())) == 4
