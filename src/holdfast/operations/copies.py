"""Copies of the log out of its machine's reach: what a copy promises, and its rounds.

A copy that cannot be reached is a fact, recorded when it begins and when it ends; a
copy that contradicts this log ends the signing. Neither ever delays a beat. The runner
holds the copies and makes the rounds; the node signs, and knows the copies by hearsay,
from the ledger.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.domain.events.copies import (
    CopySeen,
    PublishChecked,
    PublishFailing,
    PublishRecovered,
)
from holdfast.domain.state import State
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import verify_checkpoint
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import VerifierKey
from holdfast.operations.keys import keys_ever
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError, Notary, NotYetError
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.store import Store

CHECK_EVERY = timedelta(days=1)
TRY_EVERY = timedelta(seconds=30)
# Where nothing is new, what the copy shows is still looked at.
LOOK_EVERY = timedelta(minutes=1)
# How long a node that starts waits for the runner's word before it signs.
PATIENCE = timedelta(seconds=10)
# Reading back is long: where it ended badly, it is not begun again at every entry.
LOOK_AGAIN_AFTER = timedelta(hours=1)
_DETAIL_MAX = 300


class OutOfReachError(HoldfastError):
    """The copy's place did not answer, or did not take what it was given."""


class DiffersError(HoldfastError):
    """What lies in the copy is not what was published: altered, or another log's."""


class UnreadableError(HoldfastError):
    """The credentials may put and not get: the copy cannot be read back from here."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """What the copy shows after a publication; ``files`` were written for it."""

    size: int
    root: bytes
    files: int


class Copy(Protocol):
    """One off-site copy, named by its address without credentials.

    Raises `OutOfReachError` for the outside world's faults, `DiffersError` for what was
    altered there, `ForkError` where the copy holds a log that ours does not extend.
    """

    @property
    def name(self) -> str:
        """Its address."""
        ...

    def look(self) -> None:
        """Look at the checkpoint it shows: ours, and no older than what it was given.

        Where it may not be read, nothing is said.
        """
        ...

    def publish(self, progress: Callable[[int, int], None] | None = None) -> Shipped:
        """Bring the copy forward to the latest signed checkpoint; repeatable."""
        ...

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """Return the leaf hashes of what it holds of the range, unverified."""
        ...

    def check(self, progress: Callable[[int, int], None] | None = None) -> Shipped:
        """Read the whole copy back, verify it, and hold it against the store.

        Raises `UnreadableError` where the credentials do not allow it.
        """
        ...

    def newest(self) -> bytes | None:
        """Return the signed checkpoint that the copy shows, if it shows one."""
        ...


@dataclass(slots=True)
class Shipper:
    """Keeps one copy up to date from the runner's side. Not for several threads."""

    copy: Copy
    log: Log
    clock: Clock
    tried_at: datetime | None = None
    failed: bool = False
    shown: bytes | None = None
    looked_at: datetime | None = None
    doubted: bool = False

    def is_due(self, signed: bytes | None) -> bool:
        """Say whether there is something to publish, or to try or check again."""
        if signed is None or self.tried_at is None:
            return signed is not None
        since = self.clock.now() - self.tried_at
        if self.failed:
            return since >= TRY_EVERY
        return signed != self.shown or since >= LOOK_EVERY

    def is_asked(self, state: State) -> bool:
        """Say whether a node started that has not heard yet what the copy shows."""
        known = state.copies.get(self.copy.name)
        heard = known.seen_index if known else None
        started = state.node_started_index
        return started is not None and (heard is None or heard < started)

    def tell(self) -> Sequence[Fact]:
        """Return what the copy shows; nothing where that cannot be seen."""
        try:
            note = self.copy.newest()
        except HoldfastError:
            return ()
        if note is None:
            return ()
        now = self.clock.now()
        return [Fact(CopySeen(self.copy.name, note.decode(), now), now)]

    def ship(self) -> Sequence[Fact]:
        """Publish; return the facts that this turned, and once a day the check's."""
        self.tried_at = now = self.clock.now()
        known = self.log.state().copies.get(self.copy.name)
        failing = known is not None and known.failing is not None
        signed = self.log.store.checkpoint()
        found = self._looked(now)
        if found is None:
            return ()
        try:
            shipped = self.copy.publish()
        except (DiffersError, ForkError) as fault:
            self.failed = True
            return found or self._differs(fault, now)
        except HoldfastError as fault:
            self.failed = True
            event = PublishFailing(self.copy.name, str(fault)[:_DETAIL_MAX], now)
            return found if failing else [*found, Fact(event, now)]
        self.failed, self.shown = False, signed
        back = PublishRecovered(self.copy.name, shipped.size, now)
        return [
            *found,
            *([Fact(back, now)] if failing else []),
            *(() if found else self._check(now)),
        ]

    def _looked(self, now: datetime) -> Sequence[Fact] | None:
        """Return what a look at the copy finds; ``None`` if another is to decide.

        What was taken from it is told, and then brought back. Where other nodes publish
        too, one of them may just have come late: then a second look decides.
        """
        try:
            self.copy.look()
        except (DiffersError, ForkError) as fault:
            others = len(self.log.state().nodes) > 1
            if others and not self.doubted:
                self.doubted = self.failed = True
                return None
            self.looked_at = None  # It is read back as soon as it is brought forward.
            return self._differs(fault, now)
        except HoldfastError:
            pass  # The publication meets it too, and tells.
        self.doubted = False
        return ()

    def _check(self, now: datetime) -> Sequence[Fact]:
        known = self.log.state().copies.get(self.copy.name)
        checked = known.checked if known else None
        if checked and checked.ok and now - checked.at < CHECK_EVERY:
            return ()
        if self.looked_at is not None and now - self.looked_at < LOOK_AGAIN_AFTER:
            return ()
        self.looked_at = now
        try:
            event = read_back(self.copy, now, self.log.store)
        except ForkError as fault:
            return self._differs(fault, now)
        except HoldfastError:
            return ()  # Nothing is claimed of what could not be seen.
        return [Fact(event, now)] if event.ok else self._differs_once(event)

    def _differs(self, fault: HoldfastError, now: datetime) -> Sequence[Fact]:
        """Tell once that the copy differs, and what it shows where the log forked:
        the node ends the signing.
        """
        event = differing(self.copy.name, self.log.store, fault, now)
        told = self._differs_once(event)
        if not told or not isinstance(fault, ForkError):
            return told
        return [*told, *self.tell()]

    def _differs_once(self, event: PublishChecked) -> Sequence[Fact]:
        known = self.log.state().copies.get(self.copy.name)
        if known is not None and known.checked is not None and not known.checked.ok:
            return ()
        return [Fact(event, event.at)]


def read_back(
    copy: Copy,
    now: datetime,
    store: Store,
    progress: Callable[[int, int], None] | None = None,
) -> PublishChecked:
    """Have the whole copy read back; return what is to be recorded of it.

    Raises `HoldfastError` where it could not be seen.
    """
    try:
        found = copy.check(progress)
    except ForkError:
        raise
    except DiffersError as fault:
        return differing(copy.name, store, fault, now)
    root = base64.b64encode(found.root).decode()
    words = f"{found.size:,} entries read back and verified"
    return PublishChecked(copy.name, found.size, root, True, words, now)


def differing(
    name: str, store: Store, fault: HoldfastError, now: datetime
) -> PublishChecked:
    """Return what is to be recorded of a copy that differs."""
    size, root = store.root()
    text = base64.b64encode(root).decode()
    return PublishChecked(name, size, text, False, str(fault)[:_DETAIL_MAX], now)


@dataclass(slots=True)
class Hearsay:
    """What the node hears of the copies, and believes by the log's own signature."""

    log: Log
    own: Sequence[VerifierKey]
    patience: timedelta = PATIENCE
    _since: int | None = None
    _until: datetime | None = None
    _compared: int = 0

    def told(self) -> Sequence[bytes]:
        """Return the newest checkpoint that each copy showed since the node started.

        Raises `NotYetError` while one is to be heard of, until the patience ends: a
        runner that is not there holds up no signature for ever.
        """
        state, now = self.log.state(), self.log.now()
        if self._since is None or self._until is None:
            self._since, self._until = state.size, now + self.patience
        heard = [
            -1 if copy.seen_index is None else copy.seen_index
            for copy in state.copies.values()
            if copy.has_shown_the_log
        ]
        if any(index < self._since for index in heard) and now < self._until:
            raise NotYetError("the runner is asked what the copies show", "Wait.")
        return [note for _, note in self._notes(state)]

    def compare(self, notary: Notary) -> None:
        """Hold what was heard since the last time against the log that is signed."""
        state = self.log.state()
        for index, note in self._notes(state):
            if index >= self._compared:
                notary.compare(note)
        self._compared = state.size

    def _notes(self, state: State) -> list[tuple[int, bytes]]:
        notes, keys = [], keys_ever(state.custody, self.own)
        for copy in state.copies.values():
            if copy.seen is None or copy.seen_index is None:
                continue
            note = copy.seen.checkpoint.encode()
            with suppress(LedgerError):  # A forged one is nobody's word.
                verify_checkpoint(note, keys)
                notes.append((copy.seen_index, note))
        return notes
