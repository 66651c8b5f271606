"""Rebuilds the log from a copy alone, by itself, and records whether it is the same.

What nobody ever restored is no backup: so the copy is brought into an empty place that
is removed again, folded there, and its standing held against ours sentence by sentence.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.rehearsal import LedgerRebuilt, Outcome
from holdfast.domain.state import State
from holdfast.errors import HoldfastError
from holdfast.evidence.standing import Ledger, standing
from holdfast.journal import Fact, Recorded, read
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Frontier
from holdfast.operations.copies import (
    DiffersError,
    OutOfReachError,
    UnreadableError,
)
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError
from holdfast.operations.ports.store import Store

REBUILD_EVERY = timedelta(days=7)
# What went wrong is tried again sooner, but not at once: it is long.
TRY_AGAIN = timedelta(hours=6)
READ_AT_ONCE = 4_096
_DETAIL_MAX = 600
# So many who did not come back are named.
NAMED = 5

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Brought:
    """What a rebuild brought back: the store, and who is reachable again.

    ``people`` counts those who came back from the backup of the personal data, and
    ``lacking`` names those of the catalogue who did not, or not as adopted. ``untried``
    says why nobody was tried.
    """

    store: Store
    people: int = 0
    lacking: tuple[str, ...] = ()
    untried: str | None = None


class Rebuilder(Protocol):
    """Brings one copy back into an empty place of its own."""

    @property
    def name(self) -> str:
        """The copy's address."""
        ...

    @property
    def people_at(self) -> str | None:
        """Where the personal data are backed up, if anywhere."""
        ...

    def rebuilt(
        self, progress: Progress | None = None
    ) -> AbstractContextManager[Brought]:
        """Return what came back; with its end all of it is gone.

        Raises `UnreadableError` where the credentials may not get, `LedgerError`,
        `DiffersError` or `ForkError` for what was altered, other `HoldfastError`s and
        `OSError` for what prevented it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a rebuild came to."""

    outcome: Outcome
    size: int
    root: bytes
    detail: str


def rebuild_is_due(log: Log, rebuilder: Rebuilder, now: datetime) -> bool:
    """Say whether the copy is to be rebuilt from.

    It waits for the backup of the personal data that belongs to the catalogue in force,
    unless that fails.
    """
    state = log.state()
    known = state.copies.get(rebuilder.name)
    if rebuilder.people_at is not None and not _is_saved(state, rebuilder.people_at):
        return False
    last = known.rebuilt if known else None
    if last is None:
        return True
    return now - last.at >= (REBUILD_EVERY if last.outcome == "whole" else TRY_AGAIN)


def rehearse(
    log: Log, rebuilder: Rebuilder, progress: Progress | None = None
) -> LedgerRebuilt:
    """Rebuild from the copy, compare, and record what came of it."""
    began_at = log.now()
    found = _try(log, rebuilder, progress)
    at = log.now()
    event = LedgerRebuilt(
        target=rebuilder.name,
        size=found.size,
        root=base64.b64encode(found.root).decode(),
        outcome=found.outcome,
        seconds=round((at - began_at).total_seconds()),
        detail=found.detail[:_DETAIL_MAX],
        at=at,
    )
    log.record([Fact(event, at)])
    return event


def rehearsed(log: Log, rebuilder: Rebuilder) -> Sequence[Fact]:
    """Do it beside the beat, if it is still due."""
    if rebuild_is_due(log, rebuilder, log.now()):
        rehearse(log, rebuilder)
    return ()


def _try(log: Log, rebuilder: Rebuilder, progress: Progress | None) -> Found:
    try:
        with rebuilder.rebuilt(progress) as brought:
            return _with_people(_compared(log, brought.store), brought)
    except UnreadableError as fault:
        return Found("unreadable", 0, b"", f"{fault}. {fault.hint}")
    except OutOfReachError as fault:
        return Found("failed", 0, b"", str(fault))
    except (LedgerError, DiffersError, ForkError) as fault:
        return Found("differs", 0, b"", str(fault))
    except HoldfastError as fault:
        return Found("failed", 0, b"", str(fault))
    except OSError as fault:
        return Found("failed", 0, b"", f"no room to rebuild in: {fault.strerror}")


def _is_saved(state: State, place: str) -> bool:
    known, adopted = state.copies.get(place), state.adopted.catalogue
    if adopted is None or (known is not None and known.failing is not None):
        return True
    saved = state.saved.get(place)
    return saved is not None and saved.at >= adopted.at


def _with_people(found: Found, brought: Brought) -> Found:
    """Say of a whole log who can be reached again."""
    if found.outcome != "whole":
        return found
    if brought.untried is not None:
        return replace(found, detail=f"{found.detail}; people: {brought.untried}")
    if brought.lacking:
        names = ", ".join(brought.lacking[:NAMED])
        count = len(brought.lacking)
        words = (
            f"the log is whole, but {count} of the personal data did not come back as"
            f" adopted: {names}"
        )
        return replace(found, outcome="failed", detail=words)
    words = f"{found.detail}; {brought.people} people and customers came back"
    return replace(found, detail=words)


def _compared(log: Log, store: Store) -> Found:
    """Hold what came back against what is here, as it was at that size."""
    size, root = store.root()
    here = _root_at(log.store, size)
    if here != root:
        detail = f"at size {size}: expected root {here.hex()}, found {root.hex()}"
        return Found("differs", size, root, detail)
    now = log.now()
    theirs = _standing(store, log, size, now)
    ours = _standing(log.store, log, size, now)
    for (anchor, mine), (_, other) in zip(ours, theirs, strict=False):
        if mine != other:
            detail = f"sentence {anchor}: expected {mine}, found {other}"
            return Found("differs", size, root, detail)
    if len(ours) != len(theirs):
        detail = f"expected {len(ours)} sentences, found {len(theirs)}"
        return Found("differs", size, root, detail)
    detail = f"{size:,} entries rebuilt; {len(ours)} sentences stand the same"
    return Found("whole", size, root, detail)


def _root_at(store: Store, size: int) -> bytes:
    front = Frontier()
    while front.size < size:
        leaves = store.leaf_hashes(front.size, min(front.size + READ_AT_ONCE, size))
        if not leaves:
            break
        front = front.extend(leaves)
    return front.root()


def _standing(
    store: Store, log: Log, size: int, now: datetime
) -> list[tuple[str, str]]:
    """Return how each sentence stood after the first ``size`` entries, in words."""
    view = Log(_Until(store, size), log.node, log)  # type: ignore[arg-type]
    state = view.state()
    rules = view.rules(state)
    if rules is None:
        return []
    ledger = Ledger(size, "", "", lambda index: _entry(store, index))
    shown = standing(Situation(rules, state, now), ledger)
    return [
        (sentence.anchor, f"{sentence.standing}: {sentence.reason}")
        for sentence in shown.sentences
    ]


def _entry(store: Store, index: int) -> Recorded:
    return read(index, store.read(index, index + 1)[0])


@dataclass(frozen=True, slots=True)
class _Until:
    """A store as it was at a size, as far as a fold reads it."""

    store: Store
    until: int

    def size(self) -> int:
        return self.until

    def read(self, start: int, stop: int) -> Sequence[bytes]:
        return self.store.read(start, min(stop, self.until))

    def blob(self, digest: str) -> bytes | None:
        return self.store.blob(digest)
