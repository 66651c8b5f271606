"""Signs the log's checkpoints, and never two that contradict each other.

The greatest hazard is a restore of our own: an old database that grows again would
have us sign a fork that nobody can tell from tampering. So the notary carries its own
frontier forward from the newest signed checkpoint, over the leaf hashes, and signs only
what it arrives at itself. Recording and acting never wait for it.

Checkpoints go back with the database that holds them. So the newest one is also kept
as a mark outside, before anybody can see it, and the log must extend both. Where the
mark went back as well, a witness knows: each is asked before the first signature.

What is signed soon after every append would fill the history: a checkpoint that was the
newest for less than a second, and that nobody added anything to, makes room for its
successor. One a second stays.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Checkpoint, parse_checkpoint
from holdfast.ledger.merkle import Frontier
from holdfast.ledger.note import parse_note
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.signer import Signer, SignerError
from holdfast.operations.ports.store import ContradictsError, Mark, Store

READ_AT_ONCE = 4_096
STAYS_EVERY = timedelta(seconds=1)


class NotYetError(HoldfastError):
    """What was signed before is still being looked up; nothing is signed meanwhile."""


class ForkError(HoldfastError):
    """The log does not extend what was signed; a person must look before more is."""


class Notary:
    """Signs for one log; safe to use from several threads.

    Without a mark, a restored database is not recognised; without a clock, every
    checkpoint stays. ``consult`` is given the newest checkpoint that is kept, before
    the first signature, and raises `ForkError` where somebody else knows better.
    """

    def __init__(
        self,
        store: Store,
        signer: Signer,
        mark: Mark | None = None,
        clock: Clock | None = None,
        consult: Callable[[bytes], object] | None = None,
    ) -> None:
        self._store = store
        self._mark = mark
        self._signer = signer
        self._clock = clock
        self._consult = consult
        self._turn = threading.Lock()
        self._frontier: Frontier | None = None
        self._last: tuple[int, bytes] | None = None
        self._last_at: datetime | None = None
        self._stayed_at: datetime | None = None
        self.refusal: ForkError | None = None
        self.fault: SignerError | None = None

    @property
    def verifier_key(self) -> str:
        """The public key by which anybody checks what is signed here."""
        return self._signer.verifier_key

    @property
    def origin(self) -> str:
        """The log's name, as checkpoints bear it."""
        return self._signer.name

    @property
    def signs(self) -> bool:
        """Say whether it found the log in order since it started, and still does."""
        return self.refusal is None and self._frontier is not None

    def sign(self) -> bytes | None:
        """Sign the log's head, if it grew and extends what was signed before.

        Returns the newest signed checkpoint. A refusal stays in ``refusal`` and shows
        on every page; it does not stop the beat. A key that cannot be used is a
        ``fault`` until it can.
        """
        with self._turn:
            if self.refusal is None:
                try:
                    self._sign()
                    self.fault = None
                except SignerError as fault:
                    self.fault = fault
                except NotYetError:
                    pass  # It is asked again soon; recording and acting do not wait.
                except ForkError as refusal:
                    self.refusal = refusal
                except ContradictsError as fault:
                    self.refusal = ForkError(fault.message, fault.hint)
        return self._store.checkpoint()

    def compare(self, note: bytes) -> None:
        """Sign no more if the log does not hold what this checkpoint commits to."""
        signed = parse_checkpoint(parse_note(note).text)
        reached = self._forward(Frontier(), signed.size)
        if (reached.size, reached.root()) != (signed.size, signed.root):
            self.refuse(_not_held(signed))

    def refuse(self, refusal: ForkError) -> None:
        """Sign no more; the first reason stays."""
        with self._turn:
            self.refusal = self.refusal or refusal

    def _sign(self) -> None:
        frontier = self._frontier or self._resume()
        if self._consult is not None:
            self._consult(self._store.checkpoint() or self._empty())
            self._consult = None
        size, root = self._store.root()
        if size == frontier.size and self._frontier is not None:
            return
        reached = self._forward(frontier, size)
        if reached.size != size or reached.root() != root:
            raise ForkError(
                f"the log of size {size} does not extend the checkpoint signed at "
                f"size {frontier.size}",
                "Nothing is signed any more. Verify the log and compare it with its "
                "published copy: holdfast ledger verify.",
            )
        text = Checkpoint(self._signer.name, size, root).text()
        note = self._signer.sign(text)
        if self._mark is not None:
            self._mark.keep(note)
        if not self._is_kept(text):
            self._save(size, note)
        self._frontier = reached

    def _save(self, size: int, note: bytes) -> None:
        """Keep the new checkpoint, and the one before it unless it only passed by."""
        now = self._clock.now() if self._clock is not None else None
        passed = (
            now is not None
            and _is_soon(self._last_at, now)
            and _is_soon(self._stayed_at, self._last_at)
        )
        self._store.save_checkpoint(
            size, note, instead_of=self._last if passed else None
        )
        if not passed:
            self._stayed_at = self._last_at
        self._last, self._last_at = (size, note), now

    def _is_kept(self, text: str) -> bool:
        """Say whether it is kept already, perhaps with what witnesses added to it."""
        kept = self._store.checkpoint()
        return kept is not None and parse_note(kept).text == text

    def _resume(self) -> Frontier:
        """Recompute the frontier of what was signed last, and compare."""
        marked = self._mark.newest() if self._mark is not None else None
        notes = [note for note in (self._store.checkpoint(), marked) if note]
        known = [parse_checkpoint(parse_note(note).text) for note in notes]
        frontier = Frontier()
        for signed in sorted(known, key=lambda checkpoint: checkpoint.size):
            frontier = self._forward(frontier, signed.size)
            if frontier.size != signed.size or frontier.root() != signed.root:
                raise _not_held(signed)
        return frontier

    def _empty(self) -> bytes:
        """Sign the log of no entries, which every log extends."""
        return self._signer.sign(
            Checkpoint(self._signer.name, 0, Frontier().root()).text()
        )

    def _forward(self, frontier: Frontier, size: int) -> Frontier:
        while frontier.size < size:
            stop = min(frontier.size + READ_AT_ONCE, size)
            leaves = self._store.leaf_hashes(frontier.size, stop)
            if not leaves:
                break
            frontier = frontier.extend(leaves)
        return frontier


def _is_soon(before: datetime | None, now: datetime | None) -> bool:
    """Whether it is less than `STAYS_EVERY` later; a clock set back is not."""
    if before is None or now is None:
        return False
    return timedelta(0) <= now - before < STAYS_EVERY


def _not_held(signed: Checkpoint) -> ForkError:
    root = base64.b64encode(signed.root).decode()
    return ForkError(
        f"the database does not hold the log that was signed at size "
        f"{signed.size} with root {root}",
        "It was rolled back or changed. Verify it and compare it with its "
        "published copy: holdfast ledger verify.",
    )
