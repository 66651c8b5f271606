"""How entries are appended: alone, or several callers' together in one commit.

Entries, outbox rows and the head go in one transaction, begun by locking the head. A
store that wrote last knows where the log ends, and lets the database write as if it
still ended there; only where it does not, the head is locked and read first. Appends
of several threads share one transaction (`storage.turns`). How to lock, to look up and
to insert fast is each database's own and stands in its file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum, auto
from functools import partial

from sqlalchemy import Connection

from holdfast.ledger.merkle import Frontier, leaf_hash
from holdfast.ledger.tiles import ENTRY_MAX
from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import (
    Appended,
    Draft,
    LeaseLostError,
    Parcel,
    Settlement,
)
from holdfast.storage import outbox as letters
from holdfast.storage import people as personal_data
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
from holdfast.storage.turns import Turns


class _Reached(Enum):
    """How far a write came."""

    NOTHING = auto()
    ITS_TURN = auto()
    THE_COMMIT = auto()


class Appending(ABC):
    """What appends to the log of one database; threads may share it."""

    def __init__(self) -> None:
        # Where the log ends as far as this store knows.
        self._edge = Edge(Frontier())
        self._recorded_at = 0
        self._wrote_last = False
        self._turns = Turns(self._serve)

    # Each database's own.

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

    # The same for each.

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
