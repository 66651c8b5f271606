"""What an append will write, worked out before anything is written.

The three stores share this, so that they agree on keys, order and time; how it is
written is each store's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from holdfast.ledger.merkle import leaf_hash
from holdfast.ledger.tiles import require_entry
from holdfast.operations.ports.store import Appended, Draft, Parcel
from holdfast.storage.errors import StoreError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry to store."""

    index: int
    key: str
    data: bytes
    leaf: bytes


@dataclass(slots=True)
class Plan:
    """The rows to write, and for every draft where it stands and whether it is new."""

    rows: list[Row] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    fresh: list[bool] = field(default_factory=list)

    def appended(self, size: int) -> Appended:
        """Return the answer for a log that had ``size`` entries before."""
        whole = size + len(self.rows)
        return Appended(whole, tuple(self.indices), tuple(self.fresh))


def plan(
    drafts: Sequence[Draft], known: Mapping[str, int], size: int, recorded_at: datetime
) -> Plan:
    """Seal the drafts whose key is new, in order; the others keep their place."""
    result = Plan()
    new: dict[str, int] = {}
    for draft in drafts:
        place = known.get(draft.key, new.get(draft.key))
        if place is None:
            place = new[draft.key] = size + len(result.rows)
            data = draft.seal(recorded_at)
            require_entry(data)
            result.rows.append(Row(place, draft.key, data, leaf_hash(data)))
            result.fresh.append(True)
        else:
            result.fresh.append(False)
        result.indices.append(place)
    return result


def require_keys(drafts: Sequence[Draft], parcels: Sequence[Parcel]) -> None:
    """Refuse a key that not every store can keep."""
    for key in (*(one.key for one in drafts), *(one.key for one in parcels)):
        if not key or not key.isprintable():
            raise StoreError(
                f"not a key: {key!r}",
                "A key is printable text made from what caused the entry.",
            )


def to_micros(moment: datetime) -> int:
    """Return a moment as microseconds since 1970, UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the moment of `to_micros`."""
    return _EPOCH + micros * _MICROSECOND
