"""What the SQLite and the PostgreSQL store have in common: one writing transaction.

Entries, outbox rows and the head go in one transaction, begun by locking the head; a
read is one statement, hence of one moment. Appends of several threads share one
transaction (`storage.turns`). How to lock, to look up and to insert fast is each
database's own and stands in its file.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from holdfast.ledger.merkle import Frontier, leaf_hash
from holdfast.ledger.tiles import ENTRY_MAX
from holdfast.operations.ports.people import PersonalChange, SealedRow
from holdfast.operations.ports.store import (
    Appended,
    Claim,
    Delivered,
    Draft,
    LeaseLostError,
    Parcel,
    Settlement,
)
from holdfast.storage import outbox as letters
from holdfast.storage import people as personal_data
from holdfast.storage.checkpoints import added_to
from holdfast.storage.edge import Edge
from holdfast.storage.errors import StoreError
from holdfast.storage.planning import (
    Course,
    Request,
    Rows,
    lay_together,
    no_earlier,
    require_keys,
    tell_together,
)
from holdfast.storage.tables import (
    ADDED,
    FORMAT,
    METADATA,
    blob,
    checkpoint,
    entry,
    head,
)
from holdfast.storage.turns import Turns

_PAGE = 1_000
_RESTORE = "Restore the database from a backup, or the log from its published copy."

# Asked first, since SQLite's trigger would refuse a row that is then not put in.
_KEEP_CHECKPOINT = text(
    "INSERT INTO checkpoint (size, note) SELECT :size, :note WHERE NOT EXISTS"
    " (SELECT 1 FROM checkpoint WHERE size = :size)"
    " ON CONFLICT (size) DO NOTHING"
)
_ADD_TO_CHECKPOINT = text("UPDATE checkpoint SET note = :note WHERE size = :size")
_DROP_CHECKPOINT = text(
    "DELETE FROM checkpoint WHERE size = :size AND note = :note"
    " AND (SELECT count(*) FROM checkpoint WHERE size > :size) = 1"
)
_KEEP_BLOB = text(
    "INSERT INTO blob (digest, data) VALUES (:digest, :data)"
    " ON CONFLICT (digest) DO NOTHING"
)


class _Reached(Enum):
    """How far a write came."""

    NOTHING = auto()
    ITS_TURN = auto()
    THE_COMMIT = auto()


class SqlStore(ABC):
    """A `Store` in a database. ``place`` names it in errors, without a password."""

    def __init__(
        self,
        engine: Engine,
        reader: Engine,
        place: str,
        fault: type[Exception],
        version: int = FORMAT,
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._place = place
        self._faults = (SQLAlchemyError, fault)
        self._format = version
        # Where the log ends as far as this store knows.
        self._edge = Edge(Frontier())
        self._recorded_at = 0
        self._wrote_last = False
        self._turns = Turns(self._serve)

    # Each database's own.

    @property
    @abstractmethod
    def _closing(self) -> Sequence[str]:
        """The statements that close the log, each repeatable."""

    @property
    @abstractmethod
    def _guards(self) -> Mapping[str, str]:
        """The triggers of signed checkpoints by name; an older Holdfast had none."""

    @abstractmethod
    def _held_by(self, connection: Connection) -> Collection[str]:
        """Return the names of the triggers that the table of checkpoints has."""

    @abstractmethod
    def _appending(self) -> AbstractContextManager[Connection]:
        """Begin the transaction of an append, and commit it."""

    @abstractmethod
    def _write_from(self, start: Edge, rows: Rows, recorded_at: int) -> bool:
        """Write entries, from that edge to `_edge`, and commit, in the fewest steps.

        Does nothing and returns false if the log does not end at ``start``, or a key is
        there already.
        """

    @abstractmethod
    def _write_one(
        self, start: Edge, key: str, data: bytes, leaf: bytes, recorded_at: int
    ) -> bool:
        """Write one entry behind that edge, and leave `_edge` behind the entry.

        Does nothing and returns false if the log does not end at ``start``, or the key
        is there already.
        """

    @abstractmethod
    def _take_turn(
        self, keys: Sequence[str]
    ) -> tuple[int, bytes, int, Mapping[str, int]]:
        """Become the one writer, within `_appending`.

        Returns size, frontier and last recorded moment, and where those of the keys
        stand that are in the log already.
        """

    @abstractmethod
    def _write(self, rows: Rows, recorded_at: int) -> None:
        """Write entries and the head they lead to, which is `_edge`."""

    @abstractmethod
    def _wipe(self) -> None:
        """Clear what deleted rows left in the database's files, as far as it can."""

    @abstractmethod
    def _explain(self, fault: Exception) -> StoreError:
        """Say in words what a driver's error means."""

    # The log.

    def size(self) -> int:
        """Return the number of entries."""
        with self._reading() as connection:
            size = connection.execute(select(head.c.size)).scalar_one_or_none()
        if size is None:
            raise self._headless()
        return int(size)

    def read(self, start: int, stop: int) -> Sequence[bytes]:
        """Return entries of a range, clipped to the log."""
        return self._column(entry.c.data, start, stop)

    def leaf_hashes(self, start: int, stop: int) -> Sequence[bytes]:
        """Return leaf hashes of a range, clipped to the log."""
        return self._column(entry.c.leaf_hash, start, stop)

    def root(self) -> tuple[int, bytes]:
        """Return size and root of one moment."""
        with self._reading() as connection:
            size, peaks, *_ = self._end(connection)
        return size, Frontier.from_bytes(size, peaks).root()

    def append(
        self,
        drafts: Sequence[Draft],
        *,
        now: datetime,
        expected_size: int | None = None,
        parcels: Sequence[Parcel] = (),
        settlements: Sequence[Settlement] = (),
        personal: PersonalChange | None = None,
    ) -> Appended:
        """Write all of it, or nothing."""
        if len(drafts) == 1 and not parcels and not settlements and personal is None:
            alone = self._append_alone(drafts[0], now, expected_size)
            if alone is not None:
                return alone
        require_keys(drafts, parcels)
        request = Request(drafts, now, expected_size, parcels, settlements, personal)
        self._turns.submit(request)
        appended = request.result()
        if personal is not None and (personal.erase or personal.texts):
            self._wipe()
        return appended

    def _append_alone(
        self, draft: Draft, now: datetime, expected_size: int | None
    ) -> Appended | None:
        """Write one entry at once, while nobody else of this process writes.

        The same as `_write_at_once` of it alone, without what a group needs: each step
        here is one of every append, and runs slowly, just after a wait for the disk.
        Returns ``None``, and has written nothing, where that returns false.
        """
        if not self._turns.take():
            return None
        try:
            edge, key = self._edge, draft.key
            at = edge.size
            if not (self._wrote_last and key and key.isprintable()):
                return None
            if expected_size is not None and expected_size != at:
                return None
            moment, recorded_at = no_earlier(now, self._recorded_at)
            try:
                data = draft.seal(recorded_at)
            except Exception:  # noqa: BLE001 - It may be there, and need no seal.
                return None
            if len(data) > ENTRY_MAX:
                return None
            leaf = leaf_hash(data)
            self._wrote_last = False
            if not self._write_one(edge, key, data, leaf, moment):
                return None
            self._recorded_at, self._wrote_last = moment, True
        finally:
            self._turns.pass_on()
        return Appended(at + 1, (at,), (True,))

    def _serve(self, group: Sequence[Request]) -> None:
        """Write what several callers want together, and answer each of them."""
        reached, fault = self._write_together(group)
        if fault is None:
            return
        if reached is not _Reached.ITS_TURN or len(group) == 1:
            _refuse(group, fault)
            return
        # What one of them brings may be to blame: nobody suffers for another.
        for at, request in enumerate(group):
            reached, fault = self._write_together([request])
            if fault is not None:
                # Whoever did not get its turn leaves no hope to those after it.
                rest = group[at:] if reached is _Reached.NOTHING else [request]
                _refuse(rest, fault)
                if len(rest) > 1:
                    return

    def _write_together(
        self, group: Sequence[Request]
    ) -> tuple[_Reached, Exception | None]:
        """Write a group in one transaction; return how far it came, and its fault."""
        reached = _Reached.NOTHING
        try:
            if self._wrote_last and self._write_at_once(group):
                return _Reached.THE_COMMIT, None
            self._wrote_last = False
            with self._appending() as connection:
                keys = [draft.key for request in group for draft in request.drafts]
                head = self._take_turn(keys)
                reached = _Reached.ITS_TURN
                course = self._lay(connection, group, *head)
                reached = _Reached.THE_COMMIT
            course.tell()
        except Exception as fault:  # noqa: BLE001 - It is raised in each caller.
            self._wrote_last = False
            return reached, fault
        return reached, None

    def _write_at_once(self, group: Sequence[Request]) -> bool:
        """Write requests as if the log still ended where this store left it.

        They may have nothing but entries. Returns false, and has written nothing, if it
        does not end there, or something else about them needs a look into the log.
        """
        size = self._edge.size
        try:
            rows, recorded_at = lay_together(group, size, self._recorded_at)
        except Exception:  # noqa: BLE001 - It may be there, and need no seal.
            return False
        start, self._wrote_last = self._edge, False
        self._edge = start.grown(rows.leaves)
        if not self._write_from(start, rows, recorded_at):
            self._edge = start
            return False
        self._recorded_at, self._wrote_last = recorded_at, True
        tell_together(group, size)
        return True

    def _lay(
        self,
        connection: Connection,
        group: Sequence[Request],
        size: int,
        peaks: bytes,
        recorded: int,
        known: Mapping[str, int],
    ) -> Course:
        wrote_last = self._edge.is_at(size, peaks)
        # Else another process has written, or a commit failed.
        edge = self._edge if wrote_last else Edge(Frontier.from_bytes(size, peaks))
        course = Course(size, recorded, known)
        for request in group:
            course.take(request, partial(_settle, connection))
        self._edge = edge.grown(course.rows.leaves)
        if course.rows:
            self._write(course.rows, course.recorded_at)
        letters.post(connection, course.parcels)
        for change in course.personal:
            personal_data.change(connection, change)
        self._recorded_at, self._wrote_last = course.recorded_at, wrote_last
        return course

    # The outbox.

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int = 1,
        channel: str | None = None,
    ) -> Sequence[Claim]:
        """Take due parcels under a lease."""
        until = now + lease
        with self._writing() as connection:
            return letters.claim(connection, now, until, max(limit, 0), channel)

    def unsettled(self) -> int:
        """Count the open parcels."""
        with self._reading() as connection:
            return letters.unsettled(connection)

    def deliveries(self, notice: str) -> tuple[int, Sequence[Delivered]]:
        """Return how many of a notice are open, and the settled ones by key."""
        with self._reading() as connection:
            return letters.deliveries(connection, notice)

    def hold(self, notice: str) -> int:
        """Put a notice's open parcels into quarantine."""
        with self._writing() as connection:
            return letters.hold(connection, notice)

    def held(self) -> Sequence[Parcel]:
        """Return the parcels in quarantine."""
        with self._reading() as connection:
            return letters.held(connection)

    def release(self, notice: str, now: datetime) -> int:
        """Let a notice's quarantined parcels be delivered."""
        with self._writing() as connection:
            return letters.release(connection, notice, now)

    # Checkpoints and blobs.

    def save_checkpoint(
        self, size: int, note: bytes, *, instead_of: tuple[int, bytes] | None = None
    ) -> None:
        """Keep a signed checkpoint."""
        with self._writing() as connection:
            values = {"size": size, "note": note}
            fresh = connection.execute(_KEEP_CHECKPOINT, values).rowcount == 1
            if not fresh:
                mine = select(checkpoint.c.note).where(checkpoint.c.size == size)
                held = connection.execute(mine.with_for_update()).scalar_one()
                values["note"] = added_to(size, held, note)
                if values["note"] != held:
                    connection.execute(_ADD_TO_CHECKPOINT, values)
            if fresh and instead_of is not None:
                # After its successor: only then do the database's triggers let it go.
                dropped = dict(zip(("size", "note"), instead_of, strict=True))
                connection.execute(_DROP_CHECKPOINT, dropped)

    def save_checkpoints(self, notes: Sequence[tuple[int, bytes]]) -> None:
        """Keep many signed checkpoints at once."""
        if not notes:
            return
        rows = [{"size": size, "note": note} for size, note in notes]
        with self._writing() as connection:
            connection.execute(_KEEP_CHECKPOINT, rows)

    def checkpoint(self) -> bytes | None:
        """Return the latest signed checkpoint."""
        latest = select(checkpoint.c.note).order_by(checkpoint.c.size.desc()).limit(1)
        with self._reading() as connection:
            return connection.execute(latest).scalar_one_or_none()

    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        """Yield the signed checkpoints, smallest first."""
        # By pages, so that no connection is held while the caller works.
        last = -1
        while True:
            page = (
                select(checkpoint.c.size, checkpoint.c.note)
                .where(checkpoint.c.size > last)
                .order_by(checkpoint.c.size)
                .limit(_PAGE)
            )
            with self._reading() as connection:
                rows = connection.execute(page).all()
            for row in rows:
                yield row.size, row.note
            if len(rows) < _PAGE:
                return
            last = rows[-1].size

    def put_blob(self, data: bytes) -> str:
        """Keep evidence by its digest."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        with self._writing() as connection:
            connection.execute(_KEEP_BLOB, {"digest": digest, "data": data})
        return digest

    def blob(self, digest: str) -> bytes | None:
        """Return kept evidence, checked against its digest."""
        with self._reading() as connection:
            wanted = select(blob.c.data).where(blob.c.digest == digest)
            data = connection.execute(wanted).scalar_one_or_none()
        if data is not None and digest != f"sha256:{hashlib.sha256(data).hexdigest()}":
            raise StoreError(
                f"the kept evidence {digest} was altered",
                "Its bytes no longer have that digest: restore it from a backup.",
                self._place,
            )
        return data

    # What is personal.

    def people(self) -> Sequence[SealedRow]:
        """Return every row of the erasable table."""
        with self._reading() as connection:
            return personal_data.rows(connection)

    def person(self, reference: str) -> SealedRow | None:
        """Return the row of a reference."""
        with self._reading() as connection:
            return personal_data.row(connection, reference)

    def follow(self) -> bool:
        """A server's address always leads to what it serves now."""
        return False

    def close_log(self) -> None:
        """Have the database refuse every further entry and delivery."""
        with self._writing() as connection:
            for statement in self._closing:
                connection.exec_driver_sql(statement)

    def close(self) -> None:
        """Let go of files and connections."""
        self._engine.dispose()

    # Opening.

    def _check(self) -> None:
        """Refuse tables that are not ours, not whole, or do not agree."""
        missing = self._missing()
        if missing == set(METADATA.tables):
            raise StoreError(
                "there is no ledger here",
                "Give the address of the ledger's own database.",
                self._place,
            )
        lost = missing - ADDED
        if lost:
            raise self._damaged(lost)
        self._check_head()
        with self._reading() as connection:
            unguarded = set(self._guards) - set(self._held_by(connection))
        if missing or (unguarded and self._may_guard()):
            with self._writing() as connection:
                self._add(connection)

    def _add(self, connection: Connection) -> None:
        """Add what an older Holdfast did not make; two that start at once agree."""
        for name in sorted(ADDED):
            statement = CreateTable(METADATA.tables[name], if_not_exists=True)
            connection.execute(statement)
        if self._may_guard():
            held = self._held_by(connection)
            for name, made in self._guards.items():
                if name not in held:
                    connection.exec_driver_sql(made)

    def _may_guard(self) -> bool:
        """Say whether this user may put triggers on the table."""
        return True

    def _missing(self) -> set[str]:
        with self._reading() as connection:
            return set(METADATA.tables) - set(inspect(connection).get_table_names())

    def _check_head(self) -> None:
        with self._reading() as connection:
            versions = connection.execute(select(head.c.format)).scalars().all()
        if len(versions) != 1:
            raise self._headless()
        if versions[0] > self._format:
            raise StoreError(
                f"the ledger's tables are of version {versions[0]},"
                f" this Holdfast reads version {self._format}",
                "Use the Holdfast that wrote it, or a newer one.",
                self._place,
            )
        if versions[0] < self._format:
            with self._writing() as connection:
                self._bring_forward(connection)
        with self._reading() as connection:
            size, peaks, _, entries = self._end(connection)
        if entries != size:
            raise StoreError(
                f"the ledger's head says {size} entries, the table has {entries}",
                _RESTORE,
                self._place,
            )
        Frontier.from_bytes(size, peaks)

    def _bring_forward(self, connection: Connection) -> None:
        """Make tables of an older version into this one's."""
        raise NotImplementedError

    def _damaged(self, lost: Collection[str]) -> StoreError:
        names = ", ".join(sorted(lost))
        message = f"the ledger is damaged: no table {names}"
        return StoreError(message, _RESTORE, self._place)

    def _headless(self) -> StoreError:
        return StoreError("the ledger has no head", _RESTORE, self._place)

    def _end(self, connection: Connection) -> tuple[int, bytes, int, int]:
        """Return where the log ends, of one moment: size, peaks and last moment.

        Beside these, how many entries there are.
        """
        last = select(func.max(entry.c.leaf_index)).scalar_subquery()
        count = func.coalesce(last + 1, 0)
        ends = select(head.c.size, head.c.frontier, head.c.recorded_at, count)
        found = connection.execute(ends).one_or_none()
        if found is None:
            raise self._headless()
        size, peaks, recorded_at, entries = found
        return size, peaks, recorded_at, entries

    # Connections.

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explained(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._faults as fault:
            raise self._explain(fault) from None

    def _column(self, column: Any, start: int, stop: int) -> Sequence[bytes]:
        rows = (
            select(column)
            .where(entry.c.leaf_index >= max(start, 0), entry.c.leaf_index < stop)
            .order_by(entry.c.leaf_index)
        )
        with self._reading() as connection:
            return connection.execute(rows).scalars().all()


def _settle(
    connection: Connection, settlements: Sequence[Settlement], moment: int
) -> None:
    """Settle one caller's claims; where one is lost, none of the others is settled."""
    if len(settlements) == 1:
        letters.settle(connection, settlements, moment)
        return
    connection.exec_driver_sql("SAVEPOINT settling")
    try:
        letters.settle(connection, settlements, moment)
    except LeaseLostError:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT settling")
        raise


def _refuse(group: Sequence[Request], fault: Exception) -> None:
    """Refuse each caller by an error of its own."""
    for request in group:
        mine = fault
        if isinstance(fault, StoreError) and len(group) > 1:
            mine = StoreError(fault.message, fault.hint, fault.where)
        request.refuse(mine)


def fill(connection: Connection) -> None:
    """Create all tables and the one head row."""
    METADATA.create_all(connection, checkfirst=False)
    first = {"id": 1, "format": FORMAT, "size": 0, "frontier": b"", "recorded_at": 0}
    connection.execute(head.insert(), first)


def driver_fault(fault: Exception) -> Exception:
    """Return the driver's own error, out of what SQLAlchemy wrapped round it."""
    return getattr(fault, "orig", None) or fault
