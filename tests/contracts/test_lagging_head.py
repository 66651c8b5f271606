"""The head of a file may lag behind its entries: the log's end is the same for all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.ledger.merkle import Frontier, leaf_hash
from holdfast.operations.ports.store import Draft
from holdfast.storage.opening import open_store
from holdfast.storage.sqlite import SqliteStore

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
# What made a ledger file before version 2, but for tables that stayed as they were.
VERSION_1 = """
CREATE TABLE head (id INTEGER NOT NULL CHECK (id = 1), format INTEGER NOT NULL,
  size INTEGER NOT NULL, frontier BLOB NOT NULL, recorded_at INTEGER NOT NULL,
  PRIMARY KEY (id)) STRICT;
CREATE TABLE entry (leaf_index INTEGER NOT NULL, key TEXT NOT NULL,
  data BLOB NOT NULL, leaf_hash BLOB NOT NULL, PRIMARY KEY (leaf_index),
  UNIQUE (key)) STRICT;
CREATE TRIGGER entry_keeps_data BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entry_stays BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
CREATE TRIGGER entry_is_new AFTER INSERT ON entry
  BEGIN INSERT OR IGNORE INTO head VALUES (1, 0, 0, x'', 0); END;
CREATE TRIGGER head_is_one AFTER INSERT ON head
  BEGIN SELECT RAISE(ABORT, 'entries are never replaced'); END;
"""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture(name="store")
def _store(path: Path) -> Iterator[SqliteStore]:
    store = _open(path)
    yield store
    store.close()


def _open(path: Path) -> SqliteStore:
    store = open_store(f"sqlite://{path}")
    assert isinstance(store, SqliteStore)
    return store


def _stamped(key: str) -> Draft:
    """Return an entry that holds its key and its moment."""
    return Draft(key, lambda at: f"{key} {at.isoformat()}".encode())


def _add(store: SqliteStore, first: int, stop: int, now: datetime = NOW) -> None:
    """Append entries one by one; only the first goes the long way."""
    for at in range(first, stop):
        assert store.append([_stamped(f"k{at}")], now=now).indices == (at,)


def _head(path: Path) -> int:
    with closing(sqlite3.connect(path)) as reader:
        size: int = reader.execute("SELECT size FROM head").fetchone()[0]
        return size


def _require_sound(store: SqliteStore, size: int) -> None:
    """Hold sizes, root, keys and moments to the entries themselves."""
    entries = store.read(0, size + 1)
    assert store.size() == len(entries) == size
    front = Frontier().extend(leaf_hash(entry) for entry in entries)
    assert store.root() == (size, front.root())
    assert [entry.split()[0] for entry in entries] == [
        b"k%d" % at for at in range(size)
    ]
    moments = [entry.split()[1] for entry in entries]
    assert moments == sorted(moments)


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17, 18, 40])
def test_entries_behind_the_head_count(path: Path, count: int) -> None:
    """Whatever the head says, this store, another and the next agree on the log."""
    store = _open(path)
    _add(store, 0, count)
    # The first goes the long way, which moves the head.
    assert count - _head(path) == (count - 1) % 17
    _require_sound(store, count)
    beside = _open(path)
    _require_sound(beside, count)
    store.close()
    _add(beside, count, count + 3)
    beside.close()
    after = _open(path)
    _require_sound(after, count + 3)
    after.close()


def test_stores_in_turn_continue_each_other(store: SqliteStore, path: Path) -> None:
    """Two stores on one file, each with a run of its own, make one log."""
    other, size = _open(path), 0
    for run in (1, 4, 17, 2, 20, 1, 1):
        for each in (store, other):
            _add(each, size, size + run)
            size += run
            _require_sound(each, size)
    other.close()


def test_time_never_goes_back_behind_the_head(store: SqliteStore, path: Path) -> None:
    """The moment of an entry that the head does not count binds another store too."""
    _add(store, 0, 2)
    _add(store, 2, 5, NOW + timedelta(hours=1))
    assert _head(path) == 1
    other = _open(path)
    _add(other, 5, 7)
    _require_sound(other, 7)
    other.close()


@pytest.mark.parametrize("width", [1, 3])
def test_entries_go_behind_the_known_one_only(
    store: SqliteStore, path: Path, width: int
) -> None:
    """Where the log was changed in place, what is there now is read first."""
    _add(store, 0, 4)
    with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
        intruder.execute("DROP TRIGGER entry_stays")
        intruder.execute("DELETE FROM leaf WHERE leaf_index = 3")
    drafts = [_stamped(f"k{at}") for at in range(3, 3 + width)]
    assert store.append(drafts, now=NOW).indices == tuple(range(3, 3 + width))
    _require_sound(store, 3 + width)


@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM leaf WHERE leaf_index = 2",
        "INSERT INTO leaf VALUES (9, 'x', x'78', x'78', 0)",
        "UPDATE leaf SET recorded_at = NULL WHERE leaf_index = 5",
        "UPDATE head SET frontier = x'00'",
    ],
)
def test_a_damaged_end_is_told(store: SqliteStore, path: Path, spoil: str) -> None:
    """A hole behind the head, or an entry nobody counted, is no end of a log."""
    # With one gone, five are left, whose frontier is as long as that of six.
    _add(store, 0, 6)
    with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
        intruder.execute("DROP TRIGGER entry_stays")
        intruder.execute("DROP TRIGGER entry_keeps_data")
        intruder.execute(spoil)
    for act in (store.root, lambda: _open(path)):
        with pytest.raises(HoldfastError) as caught:
            act()
        assert caught.value.hint
    before = _rows(path)
    with pytest.raises(HoldfastError):
        _open(path)
    assert _rows(path) == before


def _rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as reader:
        return reader.execute("SELECT * FROM leaf").fetchall()


def _version_1(path: Path, count: int) -> None:
    """Make a file as an older Holdfast left it, with some entries."""
    store = _open(path)
    _add(store, 0, count)
    rows, (size, root) = store.leaf_hashes(0, count), store.root()
    front = Frontier().extend(rows)
    assert (front.size, front.root()) == (size, root)
    entries = store.read(0, count)
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        for statement in ("DROP VIEW entry", "DROP TABLE leaf", "DROP TABLE head"):
            # A table's own triggers go with it.
            old.execute(statement)
        old.executescript(VERSION_1)
        old.execute("DROP TRIGGER head_is_one")
        head = (1, 1, count, front.to_bytes(), int(NOW.timestamp()) * 1_000_000)
        old.execute("INSERT INTO head VALUES (?, ?, ?, ?, ?)", head)
        old.execute(VERSION_1[VERSION_1.index("CREATE TRIGGER head_is_one") :])
        for at, entry in enumerate(entries):
            row = (at, f"k{at}", entry, leaf_hash(entry))
            old.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", row)


@pytest.mark.parametrize("count", [0, 1, 20])
def test_an_older_file_is_brought_forward(path: Path, count: int) -> None:
    """A file of version 1 keeps its entries, and goes on as one of this version."""
    _version_1(path, count)
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(_open, [path] * 4))
    for store in stores:
        _require_sound(store, count)
    _add(stores[0], count, count + 20)
    _require_sound(stores[1], count + 20)
    for statement in (
        "REPLACE INTO entry VALUES (0, 'k0', x'78', x'78')",
        "DELETE FROM leaf",
        "UPDATE leaf SET key = 'x'",
    ):
        with (
            closing(sqlite3.connect(path)) as intruder,
            pytest.raises(sqlite3.DatabaseError),
        ):
            intruder.execute(statement)
    _require_sound(stores[2], count + 20)
    for store in stores:
        store.close()


def test_an_older_holdfast_is_refused_by_the_file(path: Path) -> None:
    """A process of the version before, still running, writes nothing more."""
    _version_1(path, 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        insert = "INSERT INTO entry VALUES (?, ?, ?, ?)"
        older.execute("SELECT * FROM entry").fetchall()
        _open(path).close()
        with pytest.raises(sqlite3.OperationalError, match="it is a view"):
            older.execute(insert, (3, "k3", b"x", leaf_hash(b"x")))


def test_a_closed_log_stays_closed(path: Path) -> None:
    """Neither a lone entry nor a group gets past the end of a log."""
    store = _open(path)
    _add(store, 0, 3)
    store.close_log()
    for drafts in ([_stamped("a")], [_stamped("b"), _stamped("c")]):
        with pytest.raises(HoldfastError, match="is closed"):
            store.append(drafts, now=NOW)
    _require_sound(store, 3)
    store.close()
