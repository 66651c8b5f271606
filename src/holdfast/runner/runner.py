"""A runner at work: it takes orders from the ledger, and carries them out.

Nothing reaches it but the store that it reads. It holds the engines and the copies
off-site with their credentials; the node, which the network reaches, holds neither.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from holdfast.domain.events.runner import RunnerSeen
from holdfast.journal import Fact
from holdfast.operations.beat import work
from holdfast.operations.world import Workshop
from holdfast.runner.faults import Faults

LOGGER = logging.getLogger("holdfast.runner")
SEEN_EVERY = timedelta(minutes=5)


@dataclass(slots=True)
class Runner:
    """One runner. Several may share a store; each job is taken by one of them."""

    shop: Workshop
    version: str
    work_every: timedelta
    stopped: threading.Event = field(default_factory=threading.Event)
    faults: Faults = field(default_factory=lambda: Faults(LOGGER))
    _seen_at: datetime | None = None

    def run(self) -> None:
        """Work until `stopped` is set. Jobs under way go on without us."""
        try:
            while not self.stopped.wait(self.work_every.total_seconds()):
                self.once()
        finally:
            self.shop.hands.close()
            self.faults.attempt("record the rest", self._record)
            self.faults.attempt("keep the fold", self.shop.log.keep_fold)

    def once(self) -> None:
        """Say that we are here, and do one round; a fault ends its step, not us."""
        self.faults.attempt("say hello", self._say_hello)
        self.faults.attempt("work", partial(work, self.shop))

    def _say_hello(self) -> None:
        now = self.shop.clock.now()
        if self._seen_at is None or now - self._seen_at >= SEEN_EVERY:
            engines = tuple(sorted(self.shop.engines))
            name, host = self.shop.log.node, self.shop.host
            seen = RunnerSeen(name, host, self.version, engines, now)
            self.shop.log.record([Fact(seen, now)])
            self._seen_at = now

    def _record(self) -> None:
        self.shop.inbox.hand_over(self.shop.log.record)
