"""Keeps personal data in a place of their own off-site, anew after each change.

Not with the log, which is kept for years and cannot be deleted: what may have to be
forgotten lies where it can be, and not for long. Each backup says to which size of the
log it belongs; whoever restores it replays the erasures of the log over it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.domain.events.copies import PublishFailing, PublishRecovered
from holdfast.domain.events.people import UNKNOWN, PersonalSaved
from holdfast.domain.state import State
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Checkpoint, parse_checkpoint
from holdfast.ledger.note import parse_note
from holdfast.operations.log import Log
from holdfast.operations.ports.clock import Clock

SAVE_EVERY = timedelta(days=1)
TRY_EVERY = timedelta(seconds=30)
_DETAIL_MAX = 300


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself in the clear: whose it is, and of which moment.

    ``escrow`` tells under which escrow key it is sealed.
    """

    origin: str
    size: int
    root: str
    at: datetime
    rows: int
    escrow: str = ""


@dataclass(frozen=True, slots=True)
class Backup:
    """What is kept of everybody, by reference, in the clear."""

    manifest: Manifest
    rows: Mapping[str, str]


class SafePlace(Protocol):
    """A place for backups of personal data, out of the machine's reach.

    Raises `OutOfReachError` for the outside world's faults.
    """

    @property
    def name(self) -> str:
        """Its address without credentials."""
        ...

    def save(self, backup: Backup) -> None:
        """Keep a backup, sealed; it is the newest one from then on."""
        ...

    def prune(self, before: datetime, size: int) -> tuple[str, ...] | None:
        """Remove backups made before a moment, or of a log not larger than a size.

        Returns the names of those that the place does not let go; the newest stays.
        ``None`` where it may not be listed, so that nobody knows.
        """
        ...


@dataclass(slots=True)
class Keeper:
    """Keeps one place up to date from the runner's side. Not for several threads.

    ``extra`` returns what belongs into a backup and is not in the table.
    """

    place: SafePlace
    log: Log
    clock: Clock
    retention: timedelta
    extra: Callable[[], Mapping[str, str]] = field(default=dict)
    tried_at: datetime | None = None
    saved_at: datetime | None = None
    failed: bool = False
    saved: object = None

    def is_due(self, signed: bytes | None, state: State) -> bool:
        """Say whether something changed, a day passed, or it is to be tried again.

        A backup waits for the checkpoint that covers the newest erasure, so that its
        size tells which erasures it knows.
        """
        if signed is None or state.adopted.catalogue is None:
            return False
        if _checkpoint(signed).size <= _last_erasure(state):
            return False
        now = self.clock.now()
        if self.failed and self.tried_at is not None:
            return now - self.tried_at >= TRY_EVERY
        if self.saved_at is None or now - self.saved_at >= SAVE_EVERY:
            return True
        return _revision(state) != self.saved

    def keep(self) -> Sequence[Fact]:
        """Save; return the facts that this turned."""
        self.tried_at = now = self.clock.now()
        state = self.log.state()
        known = state.copies.get(self.place.name)
        failing = known is not None and known.failing is not None
        try:
            saved = self.save(state, now)
        except HoldfastError as fault:
            self.failed = True
            event = PublishFailing(self.place.name, str(fault)[:_DETAIL_MAX], now)
            return () if failing else [Fact(event, now)]
        self.failed, self.saved, self.saved_at = False, _revision(state), now
        back = PublishRecovered(self.place.name, saved.size, now)
        return [Fact(saved, now), *([Fact(back, now)] if failing else [])]

    def save(self, state: State, now: datetime) -> PersonalSaved:
        """Save what is kept now, and let go of what is too old or was erased since."""
        signed = self.log.store.checkpoint()
        if signed is None:
            raise HoldfastError(
                "nothing is signed yet: a backup belongs to a signed log",
                "Let the node run until it has signed a checkpoint.",
            )
        # The rows are read after the checkpoint, and so know every erasure it covers.
        checkpoint = _checkpoint(signed)
        if checkpoint.size <= _last_erasure(state):
            raise HoldfastError(
                "the newest erasure is not signed yet: no backup could say it knows it",
                "Wait until the node has signed a checkpoint that covers it.",
            )
        rows = {**self.log.people.opened(), **self.extra()}
        rows = {name: text for name, text in rows.items() if name not in state.erasures}
        root = base64.b64encode(checkpoint.root).decode()
        manifest = Manifest(checkpoint.origin, checkpoint.size, root, now, len(rows))
        self.place.save(Backup(manifest, rows))
        left = self.place.prune(now - self.retention, _last_erasure(state))
        count = UNKNOWN if left is None else len(left)
        return PersonalSaved(self.place.name, checkpoint.size, len(rows), count, now)


def _checkpoint(note: bytes) -> Checkpoint:
    return parse_checkpoint(parse_note(note).text)


def _last_erasure(state: State) -> int:
    """Return the index of the newest erasure; a backup of that size may hold them."""
    return max((one.index for one in state.erasures.values()), default=-1)


def _revision(state: State) -> object:
    """Return what changes when the table does: only adoptions and erasures write it."""
    adopted = state.adopted.catalogue
    return adopted.key if adopted else None, _last_erasure(state)
