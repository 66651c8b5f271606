"""How everything stands, for whoever looks: web page, terminal and report."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime

from holdfast.domain.controls.judging import Situation
from holdfast.evidence.approvals import ApprovalsView
from holdfast.evidence.recovery import protection
from holdfast.evidence.recovery_views import ProtectionView
from holdfast.evidence.standing import Ledger, standing
from holdfast.evidence.views import StandingView
from holdfast.journal import Recorded, read
from holdfast.operations.awaiting import approvals, waiting
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports.clock import Clock


class Window:
    """A view of the log that acts on nothing. Safe to use from several threads."""

    def __init__(
        self, log: Log, clock: Clock, notary: Notary | None, origin: str
    ) -> None:
        self._log = log
        self._clock = clock
        self._notary = notary
        self._origin = origin

    def now(self) -> datetime:
        """Return the moment."""
        return self._clock.now()

    def size(self) -> int:
        """Return the ledger's size."""
        return self._log.store.size()

    def standing(self, now: datetime) -> StandingView:
        """Return how everything stands."""
        state = self._log.state()
        rules = self._log.rules(state)
        ledger = self.ledger()
        if rules is None:
            return _nothing_adopted(now, ledger)
        situation = Situation(rules, state, now)
        return replace(standing(situation, ledger), waiting=waiting(situation))

    def protection(self, now: datetime) -> ProtectionView | None:
        """Return how recoverable everything is."""
        state = self._log.state()
        rules = self._log.rules(state)
        if rules is None:
            return None
        situation = Situation(rules, state, now)
        view = protection(situation, state.size)
        return replace(view, waiting=waiting(situation))

    def approvals(self, now: datetime, person: str) -> ApprovalsView | None:
        """Return what waits for another person, as this person may decide it."""
        state = self._log.state()
        rules = self._log.rules(state)
        if rules is None:
            return None
        return approvals(self._log, Situation(rules, state, now), person)

    def ledger(self) -> Ledger:
        """Return where the log stands."""
        size, root = self._log.store.root()
        notary = self._notary
        refusal = (notary.refusal or notary.fault) if notary else None
        return Ledger(
            size,
            base64.b64encode(root).decode(),
            self._origin,
            self.entry,
            str(refusal) if refusal else None,
        )

    def entry(self, index: int) -> Recorded:
        """Return one entry."""
        return read(index, self._log.store.read(index, index + 1)[0])


def _nothing_adopted(now: datetime, ledger: Ledger) -> StandingView:
    return StandingView(
        company="",
        policy_title="",
        policy_digest="",
        adopted_at=None,
        as_of=now,
        as_of_index=ledger.size,
        root=ledger.root,
        origin=ledger.origin,
        incidents=(),
        duties=(),
        sentences=(),
        contradictions=(),
        findings=(ledger.refusal,) if ledger.refusal else (),
    )
