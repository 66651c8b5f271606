"""The head of a file may lag behind its entries: the log's end is the same for all.

So may the table that has the keys: each key is written once all the same.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.ledger.merkle import Frontier, leaf_hash
from holdfast.operations.ports.store import Appended, Draft
from holdfast.storage.errors import CLOSED
from holdfast.storage.opening import open_store
from holdfast.storage.sqlite import SqliteStore

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
# So many lone entries may stand behind the head; the next one moves it.
BEHIND = 64
# What made a ledger file of version 1, but for tables that stayed as they were.
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
# The same of version 2.
VERSION_2 = """
CREATE TABLE leaf (leaf_index INTEGER NOT NULL, key TEXT NOT NULL,
  data BLOB NOT NULL, leaf_hash BLOB NOT NULL, recorded_at INTEGER,
  PRIMARY KEY (leaf_index), UNIQUE (key)) STRICT;
CREATE VIEW entry AS SELECT leaf_index, key, data, leaf_hash FROM leaf;
CREATE TRIGGER entry_keeps_data BEFORE UPDATE ON leaf
  BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entry_stays BEFORE DELETE ON leaf
  BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
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


def _keys(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as reader:
        return dict(reader.execute("SELECT * FROM entry_key").fetchall())


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
    path = Path(str(store._place))
    assert _keys(path) == {f"k{at}": at for at in range(_head(path))}


@pytest.mark.parametrize("count", [1, 2, 17, 64, 65, 66, 200])
def test_entries_behind_the_head_count(path: Path, count: int) -> None:
    """Whatever the head says, this store, another and the next agree on the log."""
    store = _open(path)
    _add(store, 0, count)
    # The first goes the long way, which moves the head.
    assert count - _head(path) == (count - 1) % (BEHIND + 1)
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
    for run in (1, 4, 65, 2, 70, 1, 1):
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


@pytest.mark.parametrize("turn", [1, 5, 200])
def test_a_key_is_written_once(path: Path, turn: int) -> None:
    """However old, alone or in a group, by whom: a known key keeps its one place."""
    draw = random.Random(turn)  # noqa: S311 - Any order will do.
    stores = [_open(path), _open(path)]
    size = 0
    for step in range(600):
        wanted, fresh = [], []
        for _ in range(draw.choice((1, 1, 1, 4))):
            new = size == 0 or draw.random() < 0.6
            fresh.append(new)
            wanted.append(size if new else size - draw.randint(1, min(size, 100)))
            size += new
        drafts = [_stamped(f"k{at}") for at in wanted]
        answer = stores[step // turn % 2].append(drafts, now=NOW)
        assert answer == Appended(size, tuple(wanted), tuple(fresh))
    _require_sound(stores[0], size)
    for store in stores:
        store.close()


@pytest.mark.parametrize("width", [1, 3])
def test_entries_go_behind_the_known_one_only(
    store: SqliteStore, path: Path, width: int
) -> None:
    """Where the log was changed in place, what is there now is read first."""
    _add(store, 0, 4)
    with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
        intruder.execute("DROP TRIGGER entry_stays")
        intruder.execute("DELETE FROM entry_row WHERE leaf_index = 3")
    drafts = [_stamped(f"k{at}") for at in range(3, 3 + width)]
    assert store.append(drafts, now=NOW).indices == tuple(range(3, 3 + width))
    _require_sound(store, 3 + width)


@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM entry_row WHERE leaf_index = 2",
        "INSERT INTO entry_row VALUES (9, 'x', x'78', x'78', 0)",
        "UPDATE entry_row SET recorded_at = NULL WHERE leaf_index = 5",
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
        return reader.execute("SELECT * FROM entry_row").fetchall()


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
        _drop(old, "head")
        old.executescript(VERSION_1)
        old.execute("DROP TRIGGER head_is_one")
        head = (1, 1, count, front.to_bytes(), int(NOW.timestamp()) * 1_000_000)
        old.execute("INSERT INTO head VALUES (?, ?, ?, ?, ?)", head)
        old.execute(VERSION_1[VERSION_1.index("CREATE TRIGGER head_is_one") :])
        for at, entry in enumerate(entries):
            row = (at, f"k{at}", entry, leaf_hash(entry))
            old.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", row)


def _drop(old: sqlite3.Connection, *also: str) -> None:
    old.execute("DROP VIEW entry")
    for table in ("entry_row", "entry_key", *also):
        # A table's own triggers go with it.
        old.execute(f"DROP TABLE {table}")


def _version_2(path: Path, count: int) -> None:
    """Make a file of version 2, whose head lags."""
    store = _open(path)
    _add(store, 0, count)
    store.close()
    rows = _rows(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        _drop(old)
        old.executescript(VERSION_2)
        old.executemany("INSERT INTO leaf VALUES (?, ?, ?, ?, ?)", rows)
        old.execute("UPDATE head SET format = 2")


@pytest.mark.parametrize("version", [_version_1, _version_2])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_an_older_file_is_brought_forward(
    path: Path, count: int, version: Callable[[Path, int], None]
) -> None:
    """A file of before keeps its entries, and goes on as one of this version."""
    version(path, count)
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(_open, [path] * 4))
    for store in stores:
        _require_sound(store, count)
    for at in range(count):
        assert stores[at % 4].append([_stamped(f"k{at}")], now=NOW).fresh == (False,)
    _add(stores[0], count, count + 20)
    _require_sound(stores[1], count + 20)
    for statement in (
        "REPLACE INTO entry VALUES (0, 'k0', x'78', x'78')",
        "DELETE FROM entry_row",
        "UPDATE entry_row SET key = 'x'",
        "DELETE FROM entry_key",
    ):
        with (
            closing(sqlite3.connect(path)) as intruder,
            pytest.raises(sqlite3.DatabaseError),
        ):
            intruder.execute(statement)
    _require_sound(stores[2], count + 20)
    for store in stores:
        store.close()


def test_version_1_is_refused_by_the_file(path: Path) -> None:
    """A process of that version, still running, writes nothing more."""
    _version_1(path, 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        insert = "INSERT INTO entry VALUES (?, ?, ?, ?)"
        older.execute("SELECT * FROM entry").fetchall()
        _open(path).close()
        with pytest.raises(sqlite3.OperationalError, match="it is a view"):
            older.execute(insert, (3, "k3", b"x", leaf_hash(b"x")))


def test_version_2_is_refused_by_the_file(path: Path) -> None:
    """A process of that version would write entries and no keys: it writes nothing."""
    _version_2(path, 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("SELECT * FROM leaf").fetchall()
        _open(path).close()
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            older.execute("INSERT INTO leaf VALUES (3, 'k3', x'78', x'78', 0)")
    store = _open(path)
    _require_sound(store, 3)
    store.close()


def test_a_closed_log_stays_closed(path: Path) -> None:
    """Neither a lone entry nor a group gets past the end of a log."""
    store = _open(path)
    _add(store, 0, 3)
    store.close_log()
    _require_closed(store)
    store.close()


def test_a_closed_log_stays_closed_as_it_is_brought_forward(path: Path) -> None:
    """What closed a file of version 2 still does when it is one of this version."""
    _version_2(path, 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute(
            "CREATE TRIGGER entry_closed BEFORE INSERT ON leaf"
            f" BEGIN SELECT RAISE(ABORT, '{CLOSED}'); END"
        )
    store = _open(path)
    _require_closed(store)
    store.close()


def _require_closed(store: SqliteStore) -> None:
    for drafts in ([_stamped("a")], [_stamped("b"), _stamped("c")]):
        with pytest.raises(HoldfastError, match="is closed"):
            store.append(drafts, now=NOW)
    _require_sound(store, 3)
