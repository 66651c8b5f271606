"""Looks at the log itself: at what is new with each beat, at all of it once a day.

Nothing is believed but entries, signatures and what this process saw before. What a
look costs follows from what is new; the whole log is read beside the beat, and goes on
after a crash from where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Checkpoint, parse_checkpoint
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Frontier
from holdfast.ledger.note import parse_note
from holdfast.operations.leaves import (
    READ_AT_ONCE,
    AlteredError,
    Leaves,
    changed,
    checked_leaves,
)
from holdfast.operations.ports.store import Bookmark, Mark, Store
from holdfast.operations.settled import Settled

# So many of the newest entries are hashed again with every look, grown or not.
TAIL = 64
BOOKMARK_EVERY = 65_536

Progress = Callable[[int, int], None]


class Elsewhere(Protocol):
    """Another copy of the log, to name what differs. It raises where it cannot tell."""

    @property
    def name(self) -> str:
        """Its address."""
        ...

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """Return the leaf hashes of the entries that it holds of the range."""
        ...


@dataclass(slots=True)
class Inspector:
    """Looks at one store. One look at a time, and one reading in full beside it."""

    store: Store
    wrong_signer: Callable[[bytes], str | None]
    mark: Mark | None = None
    elsewhere: Sequence[Elsewhere] = ()
    bookmark: Bookmark | None = None
    settled: Settled = field(default_factory=Settled)
    alarmed: set[str] = field(default_factory=set)
    _largest: int = 0
    _seen: dict[int, bytes] = field(default_factory=dict)
    _front: Frontier | None = None
    _ahead: int = -1
    _verified: tuple[bytes, Checkpoint] | None = None

    def look(self) -> None:
        """Look at head, newest checkpoint, mark and tail; raise `AlteredError`.

        Until the log was read in full once, the tail is held against its own hashes
        only; from then on every new entry against the head.
        """
        marked, note = self._marked(), self.store.checkpoint()
        size, root = self._root()
        if size < self._largest:
            raise AlteredError(
                f"the log was rolled back or cut: it had {self._largest} entries, and "
                "holds fewer"
            )
        signed = self._newest(note, size)
        self._require_mark(marked, signed, size)
        self._require_tail(size)
        if self._front is not None and self._front.size <= size:
            self._front = self._carried(self._front, size, root, signed)
        self._largest = size

    def read(self, progress: Progress | None = None) -> tuple[int, bytes]:
        """Recompute the whole log; return size and root, or raise `AlteredError`."""
        marked, note = self._marked(), self.store.checkpoint()
        size, root = self._root()
        newest = self._newest(note, size)
        if marked is not None and marked.size > size:
            raise AlteredError(_shorter(marked.size))
        front = self._resumed(size)
        found: list[int] = []
        leaves = Leaves(self.store, front.size, size)

        def told(front: Frontier) -> None:
            self._told(front, size, progress)

        for signed_size, row in self.store.checkpoints():
            if signed_size > size:
                break
            found.append(signed_size)
            if signed_size >= front.size:
                checkpoint = self._checked(signed_size, row)
                before, front = front, leaves.grow(front, signed_size, told)
                self._require_root(before, front, checkpoint.root, "signed")
        before, front = front, leaves.grow(front, size, told)
        self._require_root(before, front, root, "counted by the head")
        self._require_checkpoints(found, newest.origin if newest else "")
        told(front)
        if self.bookmark is not None:
            self.bookmark.keep(None)
        self._front = self._front or front
        return size, root

    def _root(self) -> tuple[int, bytes]:
        try:
            return self.store.root()
        except (LedgerError, ValueError) as fault:
            message = f"the log's head cannot be read: {fault}"
            raise AlteredError(message) from None

    def _marked(self) -> Checkpoint | None:
        note = self.mark.newest() if self.mark is not None else None
        return None if note is None else self._signed(note, "the mark")

    def _newest(self, note: bytes | None, size: int) -> Checkpoint | None:
        if note is None:
            return None
        if self._verified is None or self._verified[0] != note:
            self._verified = (note, self._signed(note, "the newest checkpoint"))
        signed = self._verified[1]
        if signed.size > size:
            raise AlteredError(_shorter(signed.size))
        return signed

    def _require_mark(
        self, marked: Checkpoint | None, signed: Checkpoint | None, size: int
    ) -> None:
        """Refuse a log or a checkpoint older than the mark, which is kept first."""
        if marked is None:
            return
        if marked.size > size:
            raise AlteredError(_shorter(marked.size))
        newest = -1 if signed is None else signed.size
        if newest < marked.size and self._ahead == marked.size:
            raise AlteredError(
                f"the checkpoint of size {marked.size} was signed and is missing; the "
                f"newest is of size {max(newest, 0)}"
            )
        self._ahead = marked.size if newest < marked.size else -1
        if signed is not None and signed.size == marked.size:
            _require_same(signed, marked)

    def _require_tail(self, size: int) -> None:
        start = max(0, size - TAIL)
        leaves = checked_leaves(self.store, start, size)
        for index, leaf in enumerate(leaves, start):
            seen = self._seen.get(index, leaf)
            if seen != leaf:
                raise changed(index, seen, leaf)
        self._seen = dict(enumerate(leaves, start))

    def _carried(
        self, front: Frontier, size: int, root: bytes, signed: Checkpoint | None
    ) -> Frontier:
        leaves = Leaves(self.store, front.size, size)
        if signed is not None and signed.size >= front.size:
            before, front = front, leaves.grow(front, signed.size)
            self._require_root(before, front, signed.root, "signed")
        before, front = front, leaves.grow(front, size)
        self._require_root(before, front, root, "counted by the head")
        return front

    def _require_root(
        self, before: Frontier, front: Frontier, root: bytes, how: str
    ) -> None:
        computed, size = front.root(), front.size
        if computed == root:
            return
        grown = size > before.size
        words = f"entries {before.size} to {size - 1}" if grown else "the entries"
        raise AlteredError(
            f"{words} are not those {how} at size {size}: expected root {root.hex()}, "
            f"found {computed.hex()}{self._named(before.size, size)}"
        )

    def _named(self, start: int, stop: int) -> str:
        """Return which entry it is, where a copy elsewhere can tell."""
        for copy in self.elsewhere:
            with suppress(HoldfastError):
                here = self.store.leaf_hashes(start, stop)
                there = copy.leaves(start, stop)
                pairs = zip(here, there, strict=False)
                for index, (ours, theirs) in enumerate(pairs, start):
                    if ours != theirs:
                        where = f" as in {copy.name}"
                        return f"; {changed(index, theirs, ours, where)}"
        return ""

    def _require_checkpoints(self, found: list[int], origin: str) -> None:
        """Refuse a log that lacks a checkpoint that it had at the last reading."""
        missing = self.settled.missing(found, origin)
        if missing:
            message = f"the checkpoint of size {missing[0]} was there and is missing"
            raise AlteredError(message)

    def _checked(self, size: int, note: bytes) -> Checkpoint:
        checkpoint = self._signed(note, f"the checkpoint of size {size}")
        if checkpoint.size != size:
            raise AlteredError(
                f"the checkpoint of size {size} says size {checkpoint.size}"
            )
        return checkpoint

    def _signed(self, note: bytes, what: str) -> Checkpoint:
        fault = self.wrong_signer(note)
        if fault is not None:
            raise AlteredError(f"{what} is not ours: {fault}")
        return parse_checkpoint(parse_note(note).text)

    def _resumed(self, size: int) -> Frontier:
        kept = self.bookmark.read() if self.bookmark is not None else None
        if kept is None:
            return Frontier()
        try:
            values = json.loads(kept)
            front = Frontier.from_bytes(values["size"], bytes.fromhex(values["peaks"]))
        except (ValueError, KeyError, TypeError, LedgerError):
            return Frontier()
        return front if front.size <= size else Frontier()

    def _told(self, front: Frontier, size: int, progress: Progress | None) -> None:
        if progress is not None:
            progress(front.size, size)
        due = front.size % BOOKMARK_EVERY < READ_AT_ONCE
        if self.bookmark is not None and due and front.size < size:
            kept = {"size": front.size, "peaks": front.to_bytes().hex()}
            self.bookmark.keep(json.dumps(kept).encode())


def _require_same(signed: Checkpoint, marked: Checkpoint) -> None:
    if signed.root != marked.root:
        raise AlteredError(
            f"two checkpoints of size {signed.size} were signed: expected root "
            f"{marked.root.hex()} as in the mark, found {signed.root.hex()}"
        )


def _shorter(signed: int) -> str:
    return (
        f"the log was rolled back or cut: it was signed at size {signed}, and holds "
        "fewer entries"
    )
