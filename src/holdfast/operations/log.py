"""The log as the use cases see it: facts in, state out, one moment at a time.

Facts are appended whatever the size; conclusions only at the size that they were drawn
from. The fold is kept in memory and carried forward by the entries that are new.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from holdfast.domain.decide import Conclusion
from holdfast.domain.events.kinds import Event
from holdfast.domain.rules import Rules
from holdfast.domain.state import State, evolve
from holdfast.errors import HoldfastError
from holdfast.journal import BrokenEntryError, Fact, read, seal
from holdfast.ledger.merkle import Frontier, leaf_hashes
from holdfast.operations.adopted import Adoptions
from holdfast.operations.people import People
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.fold import Fold, FoldCache
from holdfast.operations.ports.people import Keyring, PersonalChange
from holdfast.operations.ports.store import Appended, Draft, Parcel, Settlement, Store

FOLD_AT_ONCE = 1_000
# Folding so many takes seconds, of which the next start should not need any.
LONG_FOLD = 100_000


class Log:
    """One process's view of the ledger. Safe to use from several threads.

    ``may`` names the kinds of event that it may record; ``None`` is all of them.
    """

    def __init__(
        self,
        store: Store,
        node: str,
        clock: Clock,
        make_keyring: Callable[[], Keyring] | None = None,
        cache: FoldCache | None = None,
        may: frozenset[type[Event]] | None = None,
    ) -> None:
        self.store = store
        self.people = People(store, make_keyring)
        self.node = node
        self._may = may
        self._clock = clock
        self._lock = threading.Lock()
        self._state = State()
        self._cache = cache
        self._asked_cache = cache is None
        # Over the entries that were folded; followed only where a fold is kept.
        self._front = Frontier()
        self._kept = 0
        self._adoptions = Adoptions(store)
        self.grown = threading.Event()
        """Set when something was recorded here; whoever waits for it clears it."""

    def state(self) -> State:
        """Return the fold of everything recorded so far.

        Raises `UnknownEventError` where another version of Holdfast wrote, and
        `BrokenEntryError` where entries are missing or broken: a node that cannot read
        everything must not decide.
        """
        with self._lock:
            if not self._asked_cache:
                self._begin_with_what_is_kept()
            size = self.store.size()
            if size < self._state.size:
                # An older database was put in its place.
                self._state, self._front, self._kept = State(), Frontier(), 0
            before = self._state.size
            while (start := self._state.size) < size:
                stop = min(start + FOLD_AT_ONCE, size)
                entries = self.store.read(start, stop)
                if len(entries) < stop - start:
                    raise BrokenEntryError(
                        f"entries are missing between {start} and {stop}",
                        "Run holdfast ledger verify: the log may have been tampered "
                        "with.",
                    )
                self._fold(entries)
            state = self._state
        if state.size - before >= LONG_FOLD:
            self.keep_fold()  # Keeping it takes a small part of what folding it took.
        return state

    @property
    def unkept(self) -> int:
        """How many entries were folded since the fold was last kept for a next start.

        Zero where no fold is kept.
        """
        return 0 if self._cache is None else self._state.size - self._kept

    def keep_fold(self) -> None:
        """Keep the fold for the next start. It may take a second or two."""
        with self._lock:
            fold = Fold(self._state, self._front)
            if self._cache is None or fold.state.size == self._kept:
                return
            self._kept = fold.state.size
        self._cache.keep(fold)

    def _begin_with_what_is_kept(self) -> None:
        self._asked_cache = True
        fold = self._cache.load() if self._cache is not None else None
        if fold is not None:
            self._state, self._front = fold.state, fold.front
            self._kept = fold.state.size

    def _fold(self, entries: Sequence[bytes]) -> None:
        """Fold all of them, or none: state and front stay at one size."""
        state = self._state
        for data in entries:
            entry = read(state.size, data)
            state = evolve(state, entry.event, entry.index, entry.recorded_at)
        if self._cache is not None:
            self._front = self._front.extend(leaf_hashes(entries))
        self._state = state

    def rules(self, state: State) -> Rules | None:
        """Return the rules in force in that state, or ``None`` before adoption."""
        return self._adoptions.rules(state)

    def now(self) -> datetime:
        """Return the node's moment."""
        return self._clock.now()

    def record(
        self,
        facts: Sequence[Fact],
        *,
        settlements: Sequence[Settlement] = (),
        parcels: Sequence[Parcel] = (),
        personal: PersonalChange | None = None,
        expected_size: int | None = None,
    ) -> Appended:
        """Record facts, once each by key, with what belongs to them, in one write."""
        for fact in facts:
            self._require_its_own(fact)
        drafts = [
            Draft(fact.event.key, partial(seal, fact, self.node)) for fact in facts
        ]
        appended = self.store.append(
            drafts,
            now=self.now(),
            expected_size=expected_size,
            parcels=parcels,
            settlements=settlements,
            personal=personal,
        )
        self.grown.set()
        return appended

    def _require_its_own(self, fact: Fact) -> None:
        if self._may is not None and type(fact.event) not in self._may:
            raise HoldfastError(
                f"{self.node} may not record {fact.event.TYPE}",
                "A runner records what it did and saw; the rest is the node's.",
            )


def as_fact(conclusion: Conclusion, rules: Rules, now: datetime) -> Fact:
    """Return the conclusion as a fact, with the clause that demands it."""
    sentences = rules.sentences_of(conclusion.control) if conclusion.control else ()
    clause = sentences[0].anchor if sentences else None
    return Fact(conclusion.event, observed_at=now, clause=clause)
