"""The newest checkpoint signed, here or as seen off-site: what a signature must extend.

A machine restored as a whole, mark and all, would not know that it is old. The copies
do; the runner reads them, and the ledger brings its word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.note import parse_note
from holdfast.operations.ports.store import Mark


class FarMark:
    """A mark of its own and what is told of the copies off-site.

    ``told`` raises `NotYetError` while their word is still to come.
    """

    def __init__(self, near: Mark, told: Callable[[], Sequence[bytes]]) -> None:
        self._near = near
        self._told = told

    def newest(self) -> bytes | None:
        """Return the larger of what is kept here and what was told of off-site."""
        near = self._near.newest()
        notes = [*self._told(), *([near] if near is not None else [])]
        return max(notes, key=_size, default=None)

    def keep(self, note: bytes) -> None:
        """Keep a signed checkpoint here; publishing brings it off-site."""
        self._near.keep(note)


def _size(note: bytes) -> int:
    return parse_checkpoint(parse_note(note).text).size
