"""The store in one SQLite file: nothing to install, any number of processes.

Write-ahead log and ``synchronous=FULL``: a commit returns when it is on the disk. A
writer begins with ``BEGIN IMMEDIATE``, so that it waits at the start and never has to
give up half-way; threads of one process take turns before that. So a ``seal`` may read
the store, but never write to it. Appending speaks to the driver directly, where each
call counts; whether a key is new is first left to the table's own constraint to say.

Entries stand in the table ``entry_row``; ``entry`` is a view of it, which refuses every
change. The head may lag: entries that came alone keep their own moment, and where the
log ends is read from the head and what stands behind it
(docs/decisions/0024-the-head-may-lag.md). So may ``entry_key``, which has the keys of
the entries before the head, each once (docs/decisions/0025-keys-stand-apart.md).
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, select
from sqlalchemy.exc import SQLAlchemyError

from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Frontier
from holdfast.storage.edge import Edge
from holdfast.storage.errors import CLOSED, CLOSED_WORDS, StoreError
from holdfast.storage.planning import Rows
from holdfast.storage.sql import SqlStore, driver_fault, fill
from holdfast.storage.sqlite_tables import (
    BRING_FORWARD,
    CLOSING,
    FORMAT,
    GUARDS,
    MAKE,
    TRIGGERS,
)
from holdfast.storage.tables import METADATA, head

BUSY_SECONDS = 30

# How many entries may stand behind the head. They are read wherever its end matters.
_BEHIND = 64

# More than the thousand pages of the write-ahead log after which it begins anew.
_WAL_BYTES = 4_200_000
# So many times as much must be free on the disk.
_WAL_ROOM = 20

# So long, in seconds, a look at the file's place holds for the next lone entries: no
# longer than a commit may take, during which the file can be taken away as well.
_STANDS = 0.001

_END = """SELECT head.size, head.frontier, head.recorded_at,
    (SELECT coalesce(max(leaf_index) + 1, 0) FROM entry_row),
    entry_row.leaf_hash, entry_row.recorded_at, entry_row.key
  FROM head LEFT JOIN entry_row ON entry_row.leaf_index >= head.size
  ORDER BY entry_row.leaf_index"""
_SIZE = """SELECT max(size, coalesce((SELECT max(leaf_index) + 1 FROM entry_row), 0))
  FROM head"""
_MOVE = "UPDATE head SET size = ?, frontier = ?, recorded_at = ? WHERE id = 1"
_MOVE_FROM = """UPDATE head SET size = ?, frontier = ?, recorded_at = ?
  WHERE id = 1 AND size = ? AND frontier = ?
    AND (SELECT leaf_hash FROM entry_row WHERE leaf_index = ? - 1) IS ?"""
_INSERT = "INSERT INTO entry_row (leaf_index, key, data, leaf_hash) VALUES "
_ADD_KEYS = """INSERT INTO entry_key
  SELECT key, leaf_index FROM entry_row WHERE leaf_index >= ?"""
_FIND = "SELECT leaf_index FROM entry_key WHERE key = ?"
# As many rows in one statement take half the time of as many statements.
_ROWS = 128

# One entry in one statement, which is its own transaction, and only behind the entry
# that is known to be the last, and under a new key; else its hash is null, which the
# table refuses. It writes one page: to move the head as well, or to put its key among
# the others, would each write one more, for longer than all that we do ourselves.
_ADD = """INSERT INTO entry_row VALUES (?1, ?3, ?4,
  CASE WHEN (SELECT leaf_hash FROM entry_row WHERE leaf_index = ?1 - 1) IS ?2
    AND NOT EXISTS (SELECT 1 FROM entry_key WHERE key = ?3) THEN ?5 END,
  ?6)"""

_HINTS = {
    "SQLITE_NOTADB": (
        "the file is not a ledger",
        "Give the ledger's own file; this one is no SQLite database.",
    ),
    "SQLITE_CORRUPT": (
        "the ledger file is damaged",
        "Restore it from a backup, or the log from its published copy.",
    ),
    "SQLITE_BUSY": (
        f"another process held the ledger for {BUSY_SECONDS} seconds",
        "Look for a process that hangs while it writes, then try again.",
    ),
    "SQLITE_READONLY": (
        "the ledger file cannot be written",
        (
            "Give this user write access to the file and to its folder, which SQLite "
            "needs to read, too; an auditor verifies what its owner exported: holdfast "
            "ledger export."
        ),
    ),
    "SQLITE_CANTOPEN": (
        "the ledger file cannot be opened",
        "Give this user read and write access to the file and to its folder.",
    ),
    "SQLITE_FULL": (
        "the disk of the ledger is full",
        "Make room on the disk; nothing was written.",
    ),
    "SQLITE_IOERR": (
        "the disk of the ledger failed",
        "Look into the system's log for errors of the disk.",
    ),
}


class _NotThereError(Exception):
    """The head is not where it was thought to be."""


class SqliteStore(SqlStore):
    """The `Store` in one file; made with mode 0600 where there is none."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        place = str(path)
        if not path.exists():
            if not create:
                raise StoreError(
                    "there is no ledger file",
                    "Give the path of an existing one.",
                    place,
                )
            _create_file(path)
        elif not path.is_file() or path.stat().st_size == 0:
            raise StoreError(
                "the file is not a ledger: it is empty or no file",
                "If a ledger should be here, restore it; if not, remove what is here.",
                place,
            )
        engine = _engine(path)
        super().__init__(engine, engine, place, sqlite3.Error, FORMAT)
        self._turn = threading.Lock()
        # One connection is kept for writing, and its driver at hand: checking one out
        # and in again would cost as much as the insert itself.
        self._writer: Connection | None = None
        self._driver: sqlite3.Connection | None = None
        # Where this store last saw the head, and the keys it put behind it since.
        self._seen, self._tail = (0, b""), set[str]()
        self._file, self._stood_until = _identity(place), 0.0
        self._wrote, self._has_room = 0, False
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def follow(self) -> bool:
        """Open the file that stands at the path now, if it is another."""
        found = _identity(self._place)
        if found in (None, self._file):
            return False
        self.close()
        self._file, self._wrote_last = found, False
        self._check()
        return True

    def close(self) -> None:
        """Let go of files and connections."""
        with self._turn:
            if self._writer is not None:
                self._writer.close()
                self._writer = self._driver = None
        super().close()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._explained(), self._begun() as connection:
            yield connection

    def _appending(self) -> AbstractContextManager[Connection]:
        return self._writing()

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """Take this process's turn, then the file's."""
        with self._turn:
            driver = self._ready()
            try:
                driver.execute("BEGIN IMMEDIATE")
                assert self._writer is not None, "it was opened with its driver"
                yield self._writer
                driver.execute("COMMIT")
            except BaseException:
                # What a rollback meets was met by what made it necessary.
                with suppress(sqlite3.Error):
                    driver.rollback()
                raise

    def _ready(self) -> sqlite3.Connection:
        """Return what to write by; refuse a file that nobody will ever open again.

        SQLite goes on in a file that was removed or replaced, and what it commits there
        is gone when this process ends.
        """
        if _identity(self._place) != self._file:
            raise StoreError(
                "the ledger file is gone, or another one stands in its place",
                "Nothing was written. Put the ledger back, or start Holdfast anew.",
                self._place,
            )
        self._stood_until = monotonic() + _STANDS
        return self._driver or self._open_writer()

    def _open_writer(self) -> sqlite3.Connection:
        with self._explained():
            writer = self._engine.connect()
            # A copy made by SQLite's own backup has lost this setting.
            _use_wal(writer)
            # Rows of one statement wait in a table of their own, which costs a sixth of
            # the whole if it might become a file.
            writer.exec_driver_sql("PRAGMA temp_store = MEMORY")
        self._writer = writer
        self._driver = _driver(writer)
        return self._driver

    def _write_from(self, start: Edge, rows: Rows, recorded_at: int) -> bool:
        # As `_begun` does it, without what a context manager costs.
        with self._turn:
            driver = self._ready()
            try:
                driver.execute("BEGIN IMMEDIATE")
                if not self._has_room:
                    self._make_room(len(rows) + len(self._tail))
                self._write(rows, recorded_at, start)
                driver.execute("COMMIT")
            except BaseException as fault:  # noqa: BLE001 - It is raised there.
                return self._undone(driver, fault)
        return True

    def _write_one(
        self, start: Edge, key: str, data: bytes, leaf: bytes, recorded_at: int
    ) -> bool:
        if len(self._tail) >= _BEHIND:
            return self._write_and_move(start, key, data, leaf, recorded_at)
        if key in self._tail:
            return False
        with self._turn:
            driver = self._driver
            if driver is None or monotonic() > self._stood_until:
                driver = self._ready()
            try:
                driver.execute(
                    _ADD, (start.size, start.last, key, data, leaf, recorded_at)
                )
            except BaseException as fault:  # noqa: BLE001 - It is raised there.
                return self._undone(driver, fault)
            self._tail.add(key)
        start.push(leaf)
        return True

    def _make_room(self, entries: int) -> None:
        """Once it has written some, give the write-ahead log its whole length at once.

        While that file grows, each commit must also put down where its new blocks are,
        and takes up to twice as long. Whoever calls holds the lock of writers; what is
        put at the end overwrites nothing in any case, and is no frame to SQLite.
        """
        self._wrote += entries
        if self._wrote <= _BEHIND:
            return  # Most commands are over before it would pay.
        self._has_room = True
        place = Path(f"{self._place}-wal")
        with suppress(OSError), place.open("ab", buffering=0) as wal:
            disk = os.fstatvfs(wal.fileno())
            if disk.f_bavail * disk.f_frsize >= _WAL_ROOM * _WAL_BYTES:
                wal.write(bytes(max(0, _WAL_BYTES - wal.tell())))
                os.fsync(wal.fileno())

    def _write_and_move(
        self, start: Edge, key: str, data: bytes, leaf: bytes, recorded_at: int
    ) -> bool:
        """Write one entry, and the head, which many had passed by."""
        self._edge = start.grown((leaf,))
        rows = Rows(start.size, [key], [data], [leaf])
        if self._write_from(start, rows, recorded_at):
            return True
        self._edge = start
        return False

    def _undone(self, driver: sqlite3.Connection, fault: BaseException) -> bool:
        """Return false where the log is not as it was thought to be, or raise."""
        # What a rollback meets was met by what made it necessary.
        with suppress(sqlite3.Error):
            driver.rollback()
        if isinstance(fault, (sqlite3.IntegrityError, _NotThereError)):
            return False
        if isinstance(fault, self._faults):
            raise self._explain(fault) from None
        raise fault

    @property
    def _speaking(self) -> sqlite3.Connection:
        assert self._driver is not None, "a transaction has a driver"
        return self._driver

    def _take_turn(
        self, keys: Sequence[str]
    ) -> tuple[int, bytes, int, Mapping[str, int]]:
        driver = self._speaking
        rows = driver.execute(_END).fetchall()
        size, peaks, recorded, _ = self._read_end(rows)
        self._seen = rows[0][:2]
        behind = {row[-1]: at for at, row in enumerate(rows, rows[0][0])}
        known = {}
        for key in keys:
            found = driver.execute(_FIND, (key,)).fetchone()
            at = behind.get(key) if found is None else found[0]
            if at is not None:
                known[key] = at
        return size, peaks, recorded, known

    def _write(self, rows: Rows, recorded_at: int, start: Edge | None = None) -> None:
        driver = self._speaking
        head = (self._edge.size, self._edge.peaks, recorded_at)
        if start is None:
            driver.execute(_MOVE, head)
        else:
            there = (*self._seen, rows.start, start.last)
            if driver.execute(_MOVE_FROM, head + there).rowcount != 1:
                raise _NotThereError
        keys, datas, leaves = rows.keys, rows.datas, rows.leaves
        for at in range(0, len(keys), _ROWS):
            some, to = keys[at : at + _ROWS], at + _ROWS
            values = (rows.start + at, *some, *datas[at:to], *leaves[at:to])
            driver.execute(_insert(len(some)), values)
        driver.execute(_ADD_KEYS, self._seen[:1])
        self._seen = head[:2]
        self._tail.clear()

    def size(self) -> int:
        """Return the number of entries."""
        with self._reading() as connection:
            size: int | None = connection.exec_driver_sql(_SIZE).scalar_one_or_none()
        if size is None:
            raise self._headless()
        return size

    def _end(self, connection: Connection) -> tuple[int, bytes, int, int]:
        return self._read_end(connection.exec_driver_sql(_END).all())

    def _read_end(self, rows: Sequence[Sequence[Any]]) -> tuple[int, bytes, int, int]:
        """Return what `_end` does, from the rows of `_END`.

        Where entries are missing before the head, it is the head that tells.
        """
        if not rows:
            raise self._headless()
        size, peaks, recorded, count, leaf, *_ = rows[0]
        if leaf is None:
            return size, peaks, recorded, count
        if size + len(rows) != count or rows[-1][5] is None:
            raise LedgerError(
                f"entries are missing between {size} and {count}, or were put there",
                "Restore the ledger from a backup, or from its published copy.",
            )
        front = Frontier.from_bytes(size, peaks).extend(row[4] for row in rows)
        return count, front.to_bytes(), max(recorded, rows[-1][5]), count

    def _missing(self) -> set[str]:
        return set(METADATA.tables) - self._named()

    def _check_head(self) -> None:
        super()._check_head()
        # Only now are they those of this version.
        lost = {"entry_row", "entry_key"} - self._named()
        if lost:
            raise self._damaged(lost)

    def _named(self) -> set[str]:
        """Return what tables and views the file has."""
        asked = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        with self._reading() as connection:
            return set(connection.exec_driver_sql(asked).scalars())

    def _bring_forward(self, connection: Connection) -> None:
        # Asked again, since another process may have been faster.
        version = connection.execute(select(head.c.format)).scalar_one()
        for statement in BRING_FORWARD.get(version, ()):
            connection.exec_driver_sql(statement)

    def _wipe(self) -> None:
        """Empty the write-ahead log, which holds pages as they were before.

        Deleted rows are overwritten in the file itself (`secure_delete`). A reader at
        work may keep the log from being emptied; the next one that is not busy does it.
        """
        with self._turn:
            driver = self._driver or self._open_writer()
            self._has_room = False
            with suppress(sqlite3.OperationalError):
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @property
    def _guards(self) -> Mapping[str, str]:
        return GUARDS

    def _held_by(self, connection: Connection) -> Collection[str]:
        asked = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        return connection.exec_driver_sql(asked).scalars().all()

    @property
    def _closing(self) -> Sequence[str]:
        return CLOSING

    def _explain(self, fault: Exception) -> StoreError:
        return _explain(fault, self._place)


@cache
def _insert(count: int) -> str:
    """Return the statement for rows: the first's index, then keys, data and hashes."""
    rows = (
        f"(?1 + {at}, ?{2 + at}, ?{2 + count + at}, ?{2 + 2 * count + at})"
        for at in range(count)
    )
    return _INSERT + ", ".join(rows)


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _explain(fault: Exception, place: str) -> StoreError:
    cause = driver_fault(fault)
    if str(cause) == CLOSED:
        return StoreError(*CLOSED_WORDS, place)
    name = getattr(cause, "sqlite_errorname", None) or ""
    for known, (message, hint) in _HINTS.items():
        if name.startswith(known):
            return StoreError(message, hint, place)
    return StoreError(
        f"the ledger file was refused by SQLite: {cause}",
        "Its tables may be of another version of Holdfast, or damaged.",
        place,
    )


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        # The driver begins nothing by itself: each statement stands for itself, but
        # for those between BEGIN IMMEDIATE and COMMIT.
        connect_args={
            "timeout": BUSY_SECONDS,
            "isolation_level": None,
            "check_same_thread": False,
        },
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(driver: sqlite3.Connection, _record: Any) -> None:
    for setting in (
        "synchronous = FULL",
        "fullfsync = ON",
        "trusted_schema = OFF",
        "secure_delete = ON",
    ):
        driver.execute(f"PRAGMA {setting}").close()


def _use_wal(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA journal_mode = WAL").close()


def _create_file(path: Path) -> None:
    """Make the whole ledger under another name, then give it its own.

    So that a crash leaves no half-made ledger, and two processes that start at once
    agree on one. The file is never opened beside SQLite: closing it would drop the
    locks that SQLite holds on it.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            _fill_file(temporary)
            _link(temporary, path)
        finally:
            temporary.unlink()
    except OSError as fault:
        raise StoreError(
            f"the ledger file cannot be created: {fault.strerror}",
            "Its folder must exist and be writable for this user.",
            str(path),
        ) from None


def _fill_file(path: Path) -> None:
    engine = _engine(path)
    try:
        with engine.connect() as connection:
            _use_wal(connection)
            fill(connection)
            for statement in (*MAKE, *TRIGGERS, *GUARDS.values()):
                connection.exec_driver_sql(statement)
    except (SQLAlchemyError, sqlite3.Error) as fault:
        raise _explain(fault, str(path)) from None
    finally:
        engine.dispose()
    _sync(path)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - At each append: twice as quick as a Path.
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return  # Another process was faster: its ledger is the one.
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
