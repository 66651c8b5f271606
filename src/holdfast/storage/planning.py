"""What a write will put where, worked out before anything is written.

The stores share this, so that they agree on keys, order and time; how it is written is
each store's own. Several callers' requests in one write are taken one after the other:
each sees the log as those before it leave it, and what one of them gets wrong is its
own fault only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import compress, count
from typing import TypeAlias

from holdfast.ledger.merkle import leaf_hashes
from holdfast.ledger.tiles import ENTRY_MAX, require_entry
from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import (
    Appended,
    Draft,
    LeaseLostError,
    MovedOnError,
    Parcel,
    Settlement,
)
from holdfast.storage.errors import StoreError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class Rows:
    """Entries to store one after the other, column by column, and where they begin."""

    start: int
    keys: list[str]
    datas: list[bytes]
    leaves: list[bytes]

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.keys)

    def __iter__(self) -> Iterator[tuple[int, str, bytes, bytes]]:
        """Yield index, key, data and leaf hash of each."""
        return zip(count(self.start), self.keys, self.datas, self.leaves)

    def add(self, more: Rows) -> None:
        """Put others behind these."""
        self.keys += more.keys
        self.datas += more.datas
        self.leaves += more.leaves


@dataclass(slots=True)
class Plan:
    """The rows to write, and for every draft where it stands and whether it is new."""

    rows: Rows
    indices: Sequence[int]
    fresh: Sequence[bool]

    def appended(self) -> Appended:
        """Return the answer for when the rows are written."""
        whole = self.rows.start + len(self.rows.keys)
        return Appended(whole, tuple(self.indices), tuple(self.fresh))


def plan(
    drafts: Sequence[Draft], known: Mapping[str, int], size: int, recorded_at: datetime
) -> Plan:
    """Seal the drafts whose key is new, in order; the others keep their place."""
    keys = [draft.key for draft in drafts]
    indices: Sequence[int] = range(size, size + len(keys))
    fresh = [True] * len(keys)
    if len(set(keys)) < len(keys) or not known.keys().isdisjoint(keys):
        indices, fresh = _places(keys, known, size)
        drafts = list(compress(drafts, fresh))
        keys = list(compress(keys, fresh))
    datas = []
    for draft in drafts:
        data = draft.seal(recorded_at)
        if len(data) > ENTRY_MAX:
            require_entry(data)
        datas.append(data)
    return Plan(Rows(size, keys, datas, leaf_hashes(datas)), indices, fresh)


def _places(
    keys: Sequence[str], known: Mapping[str, int], size: int
) -> tuple[list[int], list[bool]]:
    """Return where each key stands or will stand, and whether that is new."""
    new: dict[str, int] = {}
    indices, fresh = [], []
    for key in keys:
        there = known.get(key, new.get(key))
        fresh.append(there is None)
        if there is None:
            there = new[key] = size + len(new)
        indices.append(there)
    return indices, fresh


@dataclass(slots=True, eq=False)
class Request:
    """One caller's append, and its answer. ``turn`` and ``leads`` are for `Turns`."""

    drafts: Sequence[Draft]
    now: datetime
    expected_size: int | None = None
    parcels: Sequence[Parcel] = ()
    settlements: Sequence[Settlement] = ()
    personal: PersonalChange | None = None
    turn: threading.Lock | None = None
    leads: bool = False
    _appended: Appended | None = None
    _fault: BaseException | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it has nothing but entries."""
        rest = self.parcels or self.settlements
        return not rest and self.personal is None

    @property
    def is_answered(self) -> bool:
        """Whether it is known what became of it."""
        return self._appended is not None or self._fault is not None

    def answer(self, appended: Appended) -> None:
        """Say that it is stored."""
        self._appended = appended

    def refuse(self, fault: BaseException) -> None:
        """Say that it is not, or that nobody knows."""
        self._fault = fault

    def result(self) -> Appended:
        """Return the answer, or raise it."""
        if self._fault is not None:
            raise self._fault
        assert self._appended is not None, "every request that was served is answered"
        return self._appended


def lay_together(
    group: Sequence[Request], size: int, recorded_at: int
) -> tuple[Rows, int]:
    """Return the rows of requests for nothing but new entries, and the last moment.

    The same as a `Course` of them in a third of the time, as most groups are. Raises
    what a seal raises, or `LookupError` where one of the requests needs a closer look.
    """
    keys: list[str] = []
    datas: list[bytes] = []
    for request in group:
        if not request.is_plain or request.expected_size not in {
            None,
            size + len(keys),
        }:
            raise LookupError
        recorded_at, moment = no_earlier(request.now, recorded_at)
        for draft in request.drafts:
            keys.append(draft.key)
            datas.append(draft.seal(moment))
    if len(set(keys)) < len(keys) or not keys:
        raise LookupError
    require_entry(max(datas, key=len))
    return Rows(size, keys, datas, leaf_hashes(datas)), recorded_at


def tell_together(group: Sequence[Request], size: int) -> None:
    """Answer requests whose rows are stored from that size on."""
    for request in group:
        start, size = size, size + len(request.drafts)
        fresh = (True,) * (size - start)
        request.answer(Appended(size, tuple(range(start, size)), fresh))


Settle: TypeAlias = Callable[[Sequence[Settlement], int], None]


class Course:
    """The log as it grows within one write.

    Nobody is answered before `tell`, which comes after the commit: what is not stored
    is not acknowledged, and a refusal may rest on what others wrote before.
    """

    def __init__(self, size: int, recorded_at: int, known: Mapping[str, int]) -> None:
        self.size = size
        self.recorded_at = recorded_at
        self.rows = Rows(size, [], [], [])
        self.parcels: list[Parcel] = []
        self.personal: list[PersonalChange] = []
        self._known = dict(known)
        self._answers: list[tuple[Request, Appended | Exception]] = []

    def take(self, request: Request, settle: Settle | None = None) -> None:
        """Let a request take its place; ``settle`` writes its settlements, or undoes.

        What is wrong with the request itself, a seal that fails included, is kept for
        its caller and changes nothing. A fault of the database is raised.
        """
        expected = request.expected_size
        if expected is not None and expected != self.size:
            self._answers.append((request, MovedOnError(expected, self.size)))
            return
        moment, recorded_at = no_earlier(request.now, self.recorded_at)
        try:
            planned = plan(request.drafts, self._known, self.size, recorded_at)
        except Exception as fault:  # noqa: BLE001 - It is raised where it belongs.
            self._answers.append((request, fault))
            return
        if request.settlements:
            assert settle is not None, "settlements need a database"
            try:
                settle(request.settlements, moment)
            except LeaseLostError as fault:
                self._answers.append((request, fault))
                return
        self._answers.append((request, planned.appended()))
        if planned.rows:
            self._known.update(zip(planned.rows.keys, count(self.size)))
            self.rows.add(planned.rows)
            self.size += len(planned.rows)
            self.recorded_at = moment
        self.parcels.extend(request.parcels)
        if request.personal is not None:
            self.personal.append(request.personal)

    def tell(self) -> None:
        """Answer everybody; the write is stored."""
        for request, outcome in self._answers:
            if isinstance(outcome, Appended):
                request.answer(outcome)
            else:
                request.refuse(outcome)


def require_keys(drafts: Sequence[Draft], parcels: Sequence[Parcel]) -> None:
    """Refuse a key that not every store can keep."""
    keys = [draft.key for draft in drafts]
    if parcels:
        keys += [parcel.key for parcel in parcels]
    # Asked of all at once, since it is asked at each append.
    if not (all(keys) and "".join(keys).isprintable()):
        raise _not_a_key(next(key for key in keys if not _is_key(key)))


def _is_key(key: str) -> bool:
    return bool(key) and key.isprintable()


def _not_a_key(key: str) -> StoreError:
    return StoreError(
        f"not a key: {key!r}",
        "A key is printable text made from what caused the entry.",
    )


def no_earlier(now: datetime, last: int) -> tuple[int, datetime]:
    """Return now, but not before the last recorded moment, as microseconds and in UTC.

    Time in the log never goes back, whatever the clock does.
    """
    micros = (now - _EPOCH) // _MICROSECOND
    if micros >= last and now.tzinfo is UTC:
        return micros, now
    micros = max(micros, last)
    return micros, from_micros(micros)


def to_micros(moment: datetime) -> int:
    """Return a moment as microseconds since 1970, UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the moment of `to_micros`."""
    return _EPOCH + micros * _MICROSECOND
