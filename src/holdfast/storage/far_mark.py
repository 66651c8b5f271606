"""The newest checkpoint signed, here or as seen off-site: what a signature must extend.

A machine restored as a whole, mark and all, would not know that it is old. The copies
do, where they can be reached. Nothing is signed until they were asked or the patience
ended; recording and acting never wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import monotonic

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.note import parse_note
from holdfast.operations.notary import NotYetError
from holdfast.operations.ports.store import Mark

PATIENCE = timedelta(seconds=10)
Look = Callable[[], bytes | None]


class FarMark:
    """A mark of its own and what each look off-site sees."""

    def __init__(
        self, near: Mark, looks: Sequence[Look], patience: timedelta = PATIENCE
    ) -> None:
        self._near = near
        self._looks = looks
        self._patience = patience.total_seconds()
        self._seen: list[bytes] = []
        self._threads: list[threading.Thread] = []
        self._until = 0.0

    def newest(self) -> bytes | None:
        """Return the larger of what is kept here and what was seen off-site.

        Raises `NotYetError` while a look is under way. A copy out of reach is left
        out; what it refuses to show is told when it is published to.
        """
        if not self._threads:
            self._until = monotonic() + self._patience
            for look in self._looks:
                thread = threading.Thread(target=self._look, args=(look,), daemon=True)
                self._threads.append(thread)
                thread.start()
        looking = any(thread.is_alive() for thread in self._threads)
        if looking and monotonic() < self._until:
            raise NotYetError("the copies off-site are being asked", "Wait a moment.")
        near = self._near.newest()
        notes = [*self._seen, *([near] if near is not None else [])]
        return max(notes, key=_size, default=None)

    def keep(self, note: bytes) -> None:
        """Keep a signed checkpoint here; publishing brings it off-site."""
        self._near.keep(note)

    def _look(self, look: Look) -> None:
        try:
            note = look()
        except HoldfastError:
            return
        if note is not None:
            self._seen.append(note)


def _size(note: bytes) -> int:
    return parse_checkpoint(parse_note(note).text).size
