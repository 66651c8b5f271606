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
from holdfast.domain.rules import Rules
from holdfast.domain.state import State, evolve
from holdfast.journal import BrokenEntryError, Fact, read, seal
from holdfast.operations.adopted import Adoptions
from holdfast.operations.people import People
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.people import Keyring, PersonalChange
from holdfast.operations.ports.store import Appended, Draft, Parcel, Settlement, Store

FOLD_AT_ONCE = 1_000


class Log:
    """One node's view of the ledger. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        node: str,
        clock: Clock,
        make_keyring: Callable[[], Keyring] | None = None,
    ) -> None:
        self.store = store
        self.people = People(store, make_keyring)
        self.node = node
        self._clock = clock
        self._lock = threading.Lock()
        self._state = State()
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
            size = self.store.size()
            if size < self._state.size:
                self._state = State()  # An older database was put in its place.
            while (start := self._state.size) < size:
                stop = min(start + FOLD_AT_ONCE, size)
                entries = self.store.read(start, stop)
                if len(entries) < stop - start:
                    raise BrokenEntryError(
                        f"entries are missing between {start} and {stop}",
                        "Run holdfast ledger verify: the log may have been tampered "
                        "with.",
                    )
                for data in entries:
                    entry = read(self._state.size, data)
                    self._state = evolve(
                        self._state, entry.event, entry.index, entry.recorded_at
                    )
            return self._state

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


def as_fact(conclusion: Conclusion, rules: Rules, now: datetime) -> Fact:
    """Return the conclusion as a fact, with the clause that demands it."""
    sentences = rules.sentences_of(conclusion.control) if conclusion.control else ()
    clause = sentences[0].anchor if sentences else None
    return Fact(conclusion.event, observed_at=now, clause=clause)
