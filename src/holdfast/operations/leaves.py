"""The log's leaf hashes, computed anew from its entries and held against those kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.errors import HoldfastError
from holdfast.ledger.merkle import Frontier, leaf_hashes
from holdfast.operations.ports.store import Store

READ_AT_ONCE = 1_024
_HINT = "Keep everything as it is, and go by the runbook: the log was tampered with."


class AlteredError(HoldfastError):
    """The log does not agree with itself, or with what was seen or signed before."""

    def __init__(self, message: str) -> None:
        super().__init__(message, _HINT)


@dataclass(slots=True)
class Leaves:
    """The leaf hashes from ``start`` on up to ``size``, read by the batch."""

    store: Store
    start: int
    size: int
    waiting: list[bytes] = field(default_factory=list)

    def grow(
        self,
        front: Frontier,
        size: int,
        told: Callable[[Frontier], None] | None = None,
    ) -> Frontier:
        """Return the frontier grown to the size; each batch is told."""
        while front.size < size:
            if not self.waiting:
                stop = min(self.start + READ_AT_ONCE, self.size)
                self.waiting = checked_leaves(self.store, self.start, stop)
                self.start = stop
                if told is not None and front.size:
                    told(front)
            more = size - front.size
            front = front.extend(self.waiting[:more])
            self.waiting = self.waiting[more:]
        return front


def checked_leaves(store: Store, start: int, stop: int) -> list[bytes]:
    """Return the leaf hashes of a range, or raise `AlteredError`."""
    entries, kept = store.read(start, stop), store.leaf_hashes(start, stop)
    if not len(entries) == len(kept) == stop - start:
        message = f"entry {_first_missing(store, start, stop)} is missing"
        raise AlteredError(message)
    leaves = leaf_hashes(entries)
    for index, (computed, stored) in enumerate(zip(leaves, kept, strict=True), start):
        if computed != stored:
            raise changed(index, stored, computed)
    return leaves


def changed(index: int, expected: bytes, found: bytes, where: str = "") -> AlteredError:
    """Return the error that names a changed entry."""
    return AlteredError(
        f"entry {index} was changed: expected {expected.hex()}{where}, found "
        f"{found.hex()}"
    )


def _first_missing(store: Store, start: int, stop: int) -> int:
    for index in range(start, stop):
        if not store.read(index, index + 1):
            return index
    return stop
