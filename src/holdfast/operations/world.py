"""Everything a use case may touch, joined once by `assembly`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from holdfast.domain.controls.judging import Situation
from holdfast.domain.drill_window import DrillWindow
from holdfast.domain.events.notice import ChannelName
from holdfast.errors import HoldfastError
from holdfast.journal import Fact, seal
from holdfast.operations.copies import Hearsay, Shipper
from holdfast.operations.inspecting import Inspector
from holdfast.operations.keeping import Keeper
from holdfast.operations.locks import Lock
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.packing import Packer
from holdfast.operations.ports.channel import Channel
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.engine import Engine
from holdfast.operations.ports.source import Lookout
from holdfast.operations.ports.store import Store
from holdfast.operations.self_proof import Rebuilder
from holdfast.operations.witnessing import Witnesses

LONGEST_NODE = "n" * 63
Work = Callable[[], Sequence[Fact]]


class Inbox:
    """Facts that were observed and wait for the next beat to record them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: list[Fact] = []

    def put(self, facts: Sequence[Fact]) -> None:
        """Add facts; callable from any thread.

        Raises `HoldfastError` for a fact that no log can take; the others are kept, so
        that it holds up nothing but itself.
        """
        fit, faults = [], []
        for fact in facts:
            try:
                seal(fact, LONGEST_NODE, fact.observed_at)
                fit.append(fact)
            except HoldfastError as fault:
                faults.append(fault)
        with self._lock:
            self._facts.extend(fit)
        if faults:
            raise faults[0]

    def hand_over(self, record: Callable[[Sequence[Fact]], object]) -> None:
        """Have everything recorded that is there; what could not be stays here."""
        with self._lock:
            facts, self._facts = self._facts, []
        if not facts:
            return
        try:
            record(facts)
        except BaseException:
            with self._lock:
                self._facts[:0] = facts
            raise


class Hands(Protocol):
    """Do slow work beside the beat: a beat never waits."""

    def do(self, key: str, work: Work) -> None:
        """Start the work unless work of the same key is under way.

        Its facts go to the inbox. Work that raises is reported, never swallowed.
        """
        ...

    def close(self) -> None:
        """Wait for what is under way, and start nothing more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every process of Holdfast works with, and what a runner holds besides.

    ``engines`` are by the name that a datastore gives. A process does what it has the
    parts for: without an engine it starts no job, without a lookout it sees no page.
    """

    log: Log
    store: Store
    clock: Clock
    inbox: Inbox
    hands: Hands
    host: str
    engines: Mapping[str, Engine] = field(default_factory=dict)
    shippers: Sequence[Shipper] = ()
    keepers: Sequence[Keeper] = ()
    lookout: Lookout | None = None
    rebuilders: Mapping[str, Rebuilder] = field(default_factory=dict)
    locks: Mapping[str, Lock] = field(default_factory=dict)
    packer: Packer | None = None

    def situation(self) -> Situation | None:
        """Return rules, state and moment; ``None`` before a policy is adopted."""
        state = self.log.state()
        rules = self.log.rules(state)
        return Situation(rules, state, self.clock.now()) if rules else None


@dataclass(frozen=True, slots=True, kw_only=True)
class World(Workshop):
    """What a node works with: it decides, tells people and signs.

    ``addresses`` leads from a recipient reference ("channel:irt") to an address where
    the catalogue does not. A node holds no engine; a simulated one plays both parts.
    """

    channels: Mapping[ChannelName, Channel]
    notary: Notary
    addresses: Mapping[str, str]
    # Longer than any channel's own deadline, so that a live courier keeps its claim.
    lease: timedelta = timedelta(seconds=30)
    witnesses: Witnesses | None = None
    hearsay: Hearsay | None = None
    # When the schedule may order drills; without it, a person orders them.
    drill_window: DrillWindow | None = None
    inspector: Inspector | None = None
