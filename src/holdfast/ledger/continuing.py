"""The proof that a log continues, made from its old front and the leaves since.

A whole tree in memory would give it too. But who offers each new checkpoint to a
witness needs this proof every second, of a log of any size.
"""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.ledger.merkle import Frontier, fold


def continuation(front: Frontier, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the consistency proof (RFC 6962, 2.1.2) from the front to its successor.

    What the proof names left of the old size are peaks of its front; all else covers
    new leaves only.
    """
    old, size = front.size, front.size + len(leaves)
    if old in (0, size):
        return []
    peaks, path = list(front.peaks), []
    start, stop = 0, size
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            path.append(fold(leaves[middle - old : stop - old]))
            stop = middle
        else:
            path.append(peaks.pop(0))
            start = middle
    if start:
        path.append(Frontier(old - start, tuple(peaks)).root())
    return path[::-1]


def _split(width: int) -> int:
    """Largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)
