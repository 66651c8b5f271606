"""Everything a use case may touch, joined once by `assembly`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.notice import ChannelName
from holdfast.journal import Fact
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports import Channel, Clock, Engine, Lookout, Store

Work = Callable[[], Sequence[Fact]]


class Inbox:
    """Facts that were observed and wait for the next beat to record them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: list[Fact] = []

    def put(self, facts: Sequence[Fact]) -> None:
        """Add facts; callable from any thread."""
        with self._lock:
            self._facts.extend(facts)

    def drain(self) -> list[Fact]:
        """Take everything that is there, in order."""
        with self._lock:
            facts, self._facts = self._facts, []
            return facts


class Hands(Protocol):
    """Do slow work beside the beat: a beat never waits."""

    def do(self, key: str, work: Work) -> None:
        """Start the work unless work of the same key is under way.

        Its facts go to the inbox. Work that raises is reported, never swallowed.
        """
        ...


@dataclass(frozen=True, slots=True)
class World:
    """The parts, as the use cases need them.

    ``addresses`` leads from a recipient reference ("channel:irt") to an address where
    the catalogue does not. ``engines`` are by the name that a datastore gives.
    """

    log: Log
    store: Store
    clock: Clock
    inbox: Inbox
    hands: Hands
    channels: Mapping[ChannelName, Channel]
    engines: Mapping[str, Engine]
    notary: Notary
    lookout: Lookout | None
    addresses: Mapping[str, str]
    host: str
    # Longer than any channel's own deadline, so that a live courier keeps its claim.
    lease: timedelta = timedelta(seconds=30)

    def situation(self) -> Situation | None:
        """Return rules, state and moment; ``None`` before a policy is adopted."""
        state = self.log.state()
        rules = self.log.rules(state)
        return Situation(rules, state, self.clock.now()) if rules else None
