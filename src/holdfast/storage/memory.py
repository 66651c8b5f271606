"""A store in memory, for tests and simulation: every promise but durability.

One lock guards all; an append works out all that it will change before it changes
anything, so that an exception half-way leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Literal

from holdfast.ledger.merkle import Frontier
from holdfast.operations.ports.people import PersonalChange, SealedRow
from holdfast.operations.ports.store import (
    HELD,
    Appended,
    Claim,
    Delivered,
    Draft,
    LeaseLostError,
    MovedOnError,
    Parcel,
    Settlement,
)
from holdfast.storage.checkpoints import added_to
from holdfast.storage.errors import CLOSED_WORDS, StoreError
from holdfast.storage.planning import Plan, plan, require_keys


@dataclass(frozen=True, slots=True)
class _Slot:
    """A parcel in the outbox. ``order`` is that of arrival."""

    parcel: Parcel
    order: int
    not_before: datetime
    state: Literal["open", "delivered", "abandoned"] = "open"
    lease_until: datetime | None = None
    token: int = 0
    attempt: int = 0
    failures: int = 0
    receipt: str = ""
    settled_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it may be claimed."""
        free = self.lease_until is None or self.lease_until <= now
        return self.state == "open" and self.not_before <= now and free


class MemoryStore:
    """The `Store` of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[bytes] = []
        self._leaves: list[bytes] = []
        self._places: dict[str, int] = {}
        self._frontier = Frontier()
        self._recorded_at = datetime.min.replace(tzinfo=UTC)
        self._outbox: dict[str, _Slot] = {}
        self._open: dict[str, None] = {}
        self._checkpoints: dict[int, bytes] = {}
        self._blobs: dict[str, bytes] = {}
        self._people: dict[str, SealedRow] = {}
        self._closed = False

    def size(self) -> int:
        """Return the number of entries."""
        return self._frontier.size

    def read(self, start: int, stop: int) -> Sequence[bytes]:
        """Return entries of a range, clipped to the log."""
        with self._lock:
            return self._entries[max(start, 0) : max(stop, 0)]

    def leaf_hashes(self, start: int, stop: int) -> Sequence[bytes]:
        """Return leaf hashes of a range, clipped to the log."""
        with self._lock:
            return self._leaves[max(start, 0) : max(stop, 0)]

    def root(self) -> tuple[int, bytes]:
        """Return size and root of one moment."""
        frontier = self._frontier
        return frontier.size, frontier.root()

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
        require_keys(drafts, parcels)
        with self._lock:
            size = self._frontier.size
            if expected_size is not None and expected_size != size:
                raise MovedOnError(expected_size, size)
            moment = max(now, self._recorded_at)
            planned = plan(drafts, self._places, size, moment)
            if planned.rows or parcels or settlements:
                self._require_open()
            outbox = self._posted(parcels)
            for settlement in settlements:
                _settle(outbox, self._outbox, settlement, moment)
            self._commit(planned, outbox, moment)
            self._change(personal or PersonalChange())
            return planned.appended()

    def _posted(self, parcels: Sequence[Parcel]) -> dict[str, _Slot]:
        """Slots of the parcels whose key is new."""
        posted: dict[str, _Slot] = {}
        for parcel in parcels:
            if parcel.key not in self._outbox and parcel.key not in posted:
                order = len(self._outbox) + len(posted)
                posted[parcel.key] = _Slot(parcel, order, parcel.not_before)
        return posted

    def _commit(
        self, planned: Plan, outbox: Mapping[str, _Slot], moment: datetime
    ) -> None:
        rows = planned.rows
        self._entries += rows.datas
        self._leaves += rows.leaves
        self._places.update(zip(rows.keys, count(rows.start)))
        if rows:
            self._recorded_at = moment
        self._keep(outbox)
        # Last, since `size` and `root` read it without the lock.
        self._frontier = self._frontier.extend(rows.leaves)

    def _change(self, personal: PersonalChange) -> None:
        self._people.update({row.reference: row for row in personal.keep})
        for reference in personal.erase:
            self._people.pop(reference, None)
        for digest in personal.texts:
            self._blobs.pop(digest, None)

    def _keep(self, changed: Mapping[str, _Slot]) -> None:
        """Put slots in place, and keep apart which are open: every courier asks."""
        self._outbox.update(changed)
        for key, slot in changed.items():
            if slot.state == "open":
                self._open[key] = None
            else:
                self._open.pop(key, None)

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int = 1,
        channel: str | None = None,
    ) -> Sequence[Claim]:
        """Take due parcels under a lease."""
        self._require_open()
        with self._lock:
            due = [
                slot
                for slot in map(self._outbox.__getitem__, self._open)
                if slot.is_due(now) and channel in {None, slot.parcel.channel}
            ]
            due.sort(key=lambda slot: (slot.not_before, slot.order))
            claims = []
            for slot in due[: max(limit, 0)]:
                token, attempt = slot.token + 1, slot.attempt + 1
                until = now + lease
                taken = replace(slot, token=token, attempt=attempt, lease_until=until)
                self._outbox[slot.parcel.key] = taken
                parcel = replace(slot.parcel, not_before=slot.not_before)
                claims.append(Claim(parcel, token, attempt, slot.failures, until))
            return claims

    def unsettled(self) -> int:
        """Count the open parcels."""
        with self._lock:
            return sum(slot.state == "open" for slot in self._outbox.values())

    def deliveries(self, notice: str) -> tuple[int, Sequence[Delivered]]:
        """Return how many of a notice are open, and the settled ones by key."""
        with self._lock:
            slots = [s for s in self._outbox.values() if s.parcel.notice == notice]
        settled = [one for slot in slots if (one := _delivered(slot)) is not None]
        settled.sort(key=lambda one: one.key)
        return len(slots) - len(settled), settled

    def hold(self, notice: str) -> int:
        """Put a notice's open parcels into quarantine."""
        return self._move(notice, HELD, datetime.min.replace(tzinfo=UTC))

    def held(self) -> Sequence[Parcel]:
        """Return the parcels in quarantine, oldest first."""
        with self._lock:
            slots = [s for s in self._outbox.values() if s.state == "open"]
        slots.sort(key=lambda slot: slot.order)
        found = [slot for slot in slots if slot.not_before >= HELD]
        return [replace(slot.parcel, not_before=HELD) for slot in found]

    def release(self, notice: str, now: datetime) -> int:
        """Let a notice's quarantined parcels be delivered."""
        return self._move(notice, now, HELD)

    def _move(self, notice: str, to: datetime, since: datetime) -> int:
        """Give a notice's open parcels another moment, and end claims on them."""
        with self._lock:
            moved = {
                key: replace(slot, not_before=to, lease_until=None)
                for key, slot in self._outbox.items()
                if slot.parcel.notice == notice
                and slot.state == "open"
                and slot.not_before >= since
            }
            self._keep(moved)
            return len(moved)

    def save_checkpoint(
        self, size: int, note: bytes, *, instead_of: tuple[int, bytes] | None = None
    ) -> None:
        """Keep a signed checkpoint."""
        with self._lock:
            kept = self._checkpoints.get(size, b"")
            self._checkpoints[size] = added_to(size, kept, note)
            if instead_of is not None:
                dropped, unchanged = instead_of
                later = sum(each > dropped for each in self._checkpoints)
                if later == 1 and self._checkpoints.get(dropped) == unchanged:
                    del self._checkpoints[dropped]

    def save_checkpoints(self, notes: Sequence[tuple[int, bytes]]) -> None:
        """Keep many signed checkpoints at once."""
        with self._lock:
            self._checkpoints |= dict(notes)

    def checkpoint(self) -> bytes | None:
        """Return the latest signed checkpoint."""
        with self._lock:
            return self._checkpoints.get(max(self._checkpoints, default=0))

    def checkpoints(self, *, newest_first: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yield the signed checkpoints in the order of their sizes."""
        with self._lock:
            held = sorted(self._checkpoints.items(), reverse=newest_first)
        yield from held

    def put_blob(self, data: bytes) -> str:
        """Keep evidence by its digest."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        with self._lock:
            self._blobs[digest] = data
        return digest

    def blob(self, digest: str) -> bytes | None:
        """Return kept evidence, checked against its digest."""
        with self._lock:
            return self._blobs.get(digest)

    def people(self) -> Sequence[SealedRow]:
        """Return every row of the erasable table."""
        with self._lock:
            return [row for _, row in sorted(self._people.items())]

    def person(self, reference: str) -> SealedRow | None:
        """Return the row of a reference."""
        with self._lock:
            return self._people.get(reference)

    def follow(self) -> bool:
        """Memory is never another."""
        return False

    def close_log(self) -> None:
        """Refuse every further entry and delivery."""
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(*CLOSED_WORDS)

    def close(self) -> None:
        """Nothing is held that would need letting go."""


def _settle(
    staged: dict[str, _Slot],
    outbox: Mapping[str, _Slot],
    settlement: Settlement,
    moment: datetime,
) -> None:
    """Stage what a settlement makes of its parcel."""
    claim = settlement.claim
    key = claim.parcel.key
    slot = staged.get(key) or outbox.get(key)
    live = slot and slot.state == "open" and slot.lease_until is not None
    if slot is None or not live or slot.token != claim.token:
        raise LeaseLostError(key)
    match settlement.outcome:
        case "again":
            staged[key] = replace(
                slot,
                failures=slot.failures + 1,
                not_before=settlement.not_before or moment,
                lease_until=None,
            )
        case "delivered" | "abandoned" as outcome:
            staged[key] = replace(
                slot,
                state=outcome,
                receipt=settlement.receipt,
                settled_at=moment,
                lease_until=None,
            )


def _delivered(slot: _Slot) -> Delivered | None:
    if slot.state == "open" or slot.settled_at is None:
        return None
    return Delivered(
        key=slot.parcel.key,
        recipient=slot.parcel.recipient,
        outcome=slot.state,
        attempt=slot.attempt,
        failures=slot.failures,
        receipt=slot.receipt,
        settled_at=slot.settled_at,
    )
