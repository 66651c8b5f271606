"""A node at work: it beats, looks from outside, and seals what it saw."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from holdfast.domain.events.governance import NodeStarted
from holdfast.domain.events.observation import ProbesSealed, VantageChanged
from holdfast.journal import Fact
from holdfast.operations.attest import check_ledger, record_signing
from holdfast.operations.beat import beat
from holdfast.operations.deliver import publish_page
from holdfast.operations.world import World
from holdfast.runner.faults import Faults
from holdfast.runner.signing import Signing
from holdfast.sources.prober import Prober
from holdfast.sources.samples import Seal, Transition

LOGGER = logging.getLogger("holdfast.node")
VERIFY_EVERY = timedelta(days=1)
# The status page calls itself stale after a quarter of an hour without a word.
PUBLISH_EVERY = timedelta(minutes=5)
# Of a fold, what is not kept is folded again at the next start: a second or two.
KEEP_FOLD_AFTER = 20_000
KEEP_FOLD_AT_END = 1_000
# Two seals closer than this are one unbroken stretch of looking.
UNBROKEN = timedelta(seconds=60)


@dataclass(slots=True)
class Node:
    """One node. Any number may beat over one store; none of them is the leader."""

    world: World
    make_prober: Callable[[], Prober]
    version: str
    beat_every: timedelta
    seal_every: timedelta
    stopped: threading.Event = field(default_factory=threading.Event)
    faults: Faults = field(default_factory=lambda: Faults(LOGGER))
    _prober: Prober | None = None
    _probing: str | None = None
    _published_at: datetime | None = None
    _refused: bool = False
    _sealed_at: datetime | None = None
    _verified_at: datetime | None = None
    _sealed_to: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def run(self) -> None:
        """Beat until `stopped` is set; then seal what was seen and record it."""
        self._say_hello()
        signing = Signing(
            partial(self.faults.attempt, "sign", self._sign), self.world.log.grown
        )
        signing.start()
        try:
            while not self.stopped.wait(self.beat_every.total_seconds()):
                self.once()
        finally:
            self.faults.attempt("stop looking", self._stop_probing)
            self.world.hands.close()
            self.faults.attempt("record the rest", self._record)
            if signing.stop():
                self.faults.attempt("sign", self._sign)
            self.faults.attempt("tell of signing", self._tell_refusal)
            self.faults.attempt("keep the fold", self._keep_fold_at_end)

    def once(self) -> None:
        """Take in what probes saw and beat; a fault ends its step, not the node."""
        now = self.world.clock.now()
        self._sealed_at = self._sealed_at or now
        seal = now - self._sealed_at >= self.seal_every
        self.faults.attempt("follow the catalogue", self._follow_catalogue)
        self.faults.attempt("look", partial(self._look, seal=seal))
        self.faults.attempt("verify", partial(self._verify, now))
        self.faults.attempt("publish", partial(self._publish, now))
        self.faults.attempt("beat", partial(beat, self.world))
        if self.world.log.unkept >= KEEP_FOLD_AFTER:
            self.world.hands.do("keep the fold", self._keep_fold)
        self.faults.attempt("compare with the copies", self._compare)
        self.faults.attempt("tell of signing", self._tell_refusal)

    def _record(self) -> None:
        self.world.inbox.hand_over(self.world.log.record)

    def _sign(self) -> None:
        self.world.notary.sign()

    def _keep_fold(self) -> tuple[Fact, ...]:
        self.world.log.keep_fold()
        return ()

    def _keep_fold_at_end(self) -> None:
        if self.world.log.unkept >= KEEP_FOLD_AT_END:
            self.world.log.keep_fold()

    def _compare(self) -> None:
        if self.world.hearsay is not None:
            self.world.hearsay.compare(self.world.notary)

    def _tell_refusal(self) -> None:
        refusal = self.world.notary.refusal
        if refusal is not None and not self._refused:
            self._refused = True
            record_signing(self.world)
        if refusal is not None:
            raise refusal.with_traceback(None)  # It is raised at each beat.

    def _say_hello(self) -> None:
        now = self.world.clock.now()
        event = NodeStarted(self.world.log.node, self.version, now)
        self.world.log.record([Fact(event, now)])

    def _verify(self, now: datetime) -> None:
        if self._verified_at is None or now - self._verified_at >= VERIFY_EVERY:
            self._verified_at = now
            self.world.hands.do("verify the ledger", self._check_ledger)

    def _publish(self, now: datetime) -> None:
        if self._published_at is None or now - self._published_at >= PUBLISH_EVERY:
            self._published_at = now
            self.world.hands.do("publish", partial(publish_page, self.world))

    def _follow_catalogue(self) -> None:
        """Look at what the catalogue in force names, from the moment it is adopted."""
        adopted = self.world.log.state().adopted.catalogue
        digest = adopted.digest if adopted else None
        if digest != self._probing:
            self._stop_probing()
            self._prober = self.make_prober()
            self._prober.start()
            self._probing = digest

    def _stop_probing(self) -> None:
        if self._prober is not None:
            self._prober.stop()
            try:
                self._look(seal=True)
            finally:
                self._prober = None

    def _check_ledger(self) -> tuple[Fact, ...]:
        check_ledger(self.world)
        record_signing(self.world)
        return ()

    def _look(self, *, seal: bool) -> None:
        if self._prober is None:
            return
        turned = self._prober.transitions()
        self.world.inbox.put([_changed(transition) for transition in turned])
        if seal:
            self._sealed_at = self.world.clock.now()
            seals = self._prober.seals()
            self.world.inbox.put([self._sealed(each) for each in seals])

    def _sealed(self, seal: Seal) -> Fact:
        digest = self.world.store.put_blob(seal.lines)
        key = (seal.service, seal.vantage)
        before = self._sealed_to.get(key)
        first_at = seal.first_at
        if before is not None and first_at - before <= UNBROKEN:
            first_at = before
        self._sealed_to[key] = seal.last_at
        event = ProbesSealed(
            service=seal.service,
            vantage=seal.vantage,
            first_at=first_at,
            last_at=seal.last_at,
            samples=seal.samples,
            failures=seal.failures,
            digest=digest,
        )
        return Fact(event, seal.last_at)


def _changed(transition: Transition) -> Fact:
    event = VantageChanged(
        service=transition.service,
        vantage=transition.vantage,
        ok=transition.ok,
        since=transition.since,
        detail=transition.detail[:300],
    )
    return Fact(event, transition.at)
