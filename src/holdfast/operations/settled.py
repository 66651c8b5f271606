"""Which signed checkpoints a log keeps for good, remembered out of it.

A checkpoint that is taken out of the database leaves no gap that anybody could compute:
not every size is signed. So what was there at the last full reading is kept in a file,
and the next reading, also that of another process, must find all of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import accumulate

from holdfast.operations.ports.store import Bookmark

# The newest checkpoints may still give way to newer ones; older ones stay for good.
UNSETTLED = 16


class Settled:
    """The sizes of one log's checkpoints that stay, here and in ``place``."""

    def __init__(self, place: Bookmark | None = None) -> None:
        self._place = place
        self._known: frozenset[int] | None = None

    def missing(self, found: Sequence[int], origin: str) -> list[int]:
        """Return what was there and is not among the sizes found.

        ``found`` are all that the log of that origin has now, the smallest first. They
        are remembered if nothing is missing.
        """
        head = f"{origin}\n".encode()
        if self._known is None:
            self._known = frozenset(self._read(head))
        gone = sorted(self._known.difference(found))
        if gone:
            return gone
        settled = found[:-UNSETTLED]
        if self._place is not None and self._known != frozenset(settled):
            self._place.keep(head + _packed(settled))
        self._known = frozenset(settled)
        return []

    def _read(self, head: bytes) -> Sequence[int]:
        data = self._place.read() if self._place is not None else None
        if data is None or not data.startswith(head):
            return ()  # Nothing, or another log's.
        return _unpacked(data.removeprefix(head))


def _packed(sizes: Sequence[int]) -> bytes:
    """Return sizes as the distances between them: they take little room so."""
    pairs = zip((0, *sizes), sizes, strict=False)
    return zlib.compress(" ".join(f"{size - last:x}" for last, size in pairs).encode())


def _unpacked(data: bytes) -> Sequence[int]:
    """Read what `_packed` wrote; anything else is as good as nothing."""
    try:
        words = zlib.decompress(data).split()
        return list(accumulate(int(word, 16) for word in words))
    except (zlib.error, ValueError):
        return ()
