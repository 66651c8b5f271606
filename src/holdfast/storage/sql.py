"""What the SQLite and the PostgreSQL store have in common, but for `storage.appending`.

A read is one statement, hence of one moment; a write is one transaction. What differs
between the two databases stands in the file of each.
"""

from __future__ import annotations

import hashlib
import logging
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from holdfast.ledger.merkle import Frontier
from holdfast.operations.ports.people import SealedRow
from holdfast.operations.ports.store import Claim, Delivered, Parcel
from holdfast.storage import outbox as letters
from holdfast.storage import people as personal_data
from holdfast.storage.appending import Appending
from holdfast.storage.checkpoints import added_to
from holdfast.storage.errors import StoreError
from holdfast.storage.tables import (
    ADDED,
    FORMAT,
    METADATA,
    blob,
    checkpoint,
    entry,
    head,
)

# Of a connection that died, its pool would print a traceback of a hundred lines. What
# it was used for says so in words.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)

_PAGE = 1_000
_RESTORE = "Restore the database from a backup, or the log from its published copy."

# Put together once: it is asked at each signature, and each beat.
_LAST = select(func.max(entry.c.leaf_index)).scalar_subquery()
_ENDS = select(
    head.c.size, head.c.frontier, head.c.recorded_at, func.coalesce(_LAST + 1, 0)
)

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


class SqlStore(Appending):
    """A `Store` in a database. ``place`` names it in errors, without a password."""

    def __init__(
        self,
        engine: Engine,
        reader: Engine,
        place: str,
        fault: type[Exception],
        version: int = FORMAT,
    ) -> None:
        super().__init__()
        self._engine = engine
        self._reader = reader
        self._place = place
        self._faults = (SQLAlchemyError, fault)
        self._format = version

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

    def checkpoints(self, *, newest_first: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yield the signed checkpoints in the order of their sizes."""
        size = checkpoint.c.size
        page = select(size, checkpoint.c.note).limit(_PAGE)
        page = page.order_by(size.desc() if newest_first else size)
        following = page
        # By pages, so that no connection is held while the caller works.
        while True:
            with self._reading() as connection:
                rows = connection.execute(following).all()
            for row in rows:
                yield row.size, row.note
            if len(rows) < _PAGE:
                return
            last = rows[-1].size
            following = page.where(size < last if newest_first else size > last)

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
        found = connection.execute(_ENDS).one_or_none()
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


def fill(connection: Connection) -> None:
    """Create all tables and the one head row."""
    METADATA.create_all(connection, checkfirst=False)
    first = {"id": 1, "format": FORMAT, "size": 0, "frontier": b"", "recorded_at": 0}
    connection.execute(head.insert(), first)


def driver_fault(fault: Exception) -> Exception:
    """Return the driver's own error, out of what SQLAlchemy wrapped round it."""
    return getattr(fault, "orig", None) or fault
