"""Which signed checkpoints a copy off-site is given: cosigned ones, if they come soon.

A copy's files are written once, so that a checkpoint is worth waiting for until its
witnesses answered. One that is silent must not keep new entries out of the copy: after
a patience they go without it, until a quorum answers again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import monotonic

from holdfast.ledger.note import VerifierKey
from holdfast.ledger.witness import cosigners

PATIENCE = timedelta(seconds=10)


class Ripening:
    """Chooses for one copy. Without witnesses everything is ripe at once."""

    def __init__(
        self,
        witnesses: Sequence[VerifierKey] = (),
        quorum: int = 0,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._witnesses = tuple(witnesses)
        self._quorum = quorum
        self._patience = patience.total_seconds()
        self._waits_since: float | None = None

    def chosen(self, notes: Mapping[int, bytes], shown: int | None) -> dict[int, bytes]:
        """Return what to publish of the checkpoints, by size, beyond what is shown.

        That is everything up to the newest one that a quorum cosigned; or everything,
        where the patience ended or the copy shows nothing yet.
        """
        new = {size: notes[size] for size in notes if shown is None or size > shown}
        if not new or self._quorum < 1:
            return new
        cosigned = self._newest_cosigned(new)
        if cosigned is not None:
            self._waits_since = None
            return {size: note for size, note in new.items() if size <= cosigned}
        now = monotonic()
        if self._waits_since is None:
            self._waits_since = now
        waits = shown is not None and now - self._waits_since < self._patience
        return {} if waits else new

    def _newest_cosigned(self, notes: Mapping[int, bytes]) -> int | None:
        for size in sorted(notes, reverse=True):
            if len(cosigners(notes[size], self._witnesses)) >= self._quorum:
                return size
        return None
