"""What people are shown, as plain values: the same for web page, terminal and report.

Made by `evidence.standing` from policy, state and `now`; rendering adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdfast.domain.policy.model import Kind, Status
from holdfast.domain.promises import ControlName
from holdfast.evidence.approvals import WaitingView

Standing = Literal["met", "at_risk", "breached", "stale", "unproven", "unbound"]


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence in words, with the ledger index that carries it."""

    text: str
    index: int | None
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SentenceView:
    """A sentence of the policy and how it stands; informational ones have no control.

    ``standing`` is that of the worst of its controls, ``reason`` says why in one
    sentence. ``awaiting`` lists defaults in force that no role approved yet.
    """

    anchor: str
    section: str
    lines: tuple[int, int]
    label: str | None
    text: str
    kind: Kind
    status: Status
    control: ControlName | None
    standing: Standing | None
    reason: str
    proofs: tuple[Proof, ...]
    owner: str | None
    next_due_at: datetime | None
    awaiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClockView:
    """One clock of the policy in a running incident.

    ``due_at`` is wall-clock UTC even where the clock counts business time
    (``business``); ``stopped_at`` is set once the duty is done. ``limit`` is in the
    policy's words ("4 business hours"), ``allowed`` the same as a duration in the
    clock's own time; without it a bar is drawn over wall time up to ``due_at``.
    """

    name: str
    limit: str
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    business: bool
    used: timedelta
    state: Literal["running", "at_risk", "overdue", "done", "done_late"]
    allowed: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TimelineView:
    """One thing that happened, with its ledger index."""

    at: datetime
    text: str
    index: int


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident with its clocks and timeline, newest entry last."""

    id: str
    title: str
    phase: Literal["open", "declared", "recovering", "resolved"]
    services: tuple[str, ...]
    began_at: datetime
    detected_at: datetime
    declared_at: datetime | None
    resolved_at: datetime | None
    acknowledged_by: str | None
    clocks: tuple[ClockView, ...]
    timeline: tuple[TimelineView, ...]


@dataclass(frozen=True, slots=True)
class DutyView:
    """Something owed: what, under which clause, by whom, until when."""

    key: str
    what: str
    control: ControlName
    owner: str
    due_at: datetime | None
    state: Literal["owed", "overdue", "done", "done_late"]
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class StandingView:
    """The whole of Standing at one moment.

    ``as_of_index`` is the size of the ledger that this was folded from; it is the id
    of the live update that carries it. ``policy_title`` is empty before adoption.
    ``zone`` is the IANA name of the business calendar's time zone. ``waiting`` are the
    orders that wait for another person.
    """

    company: str
    policy_title: str
    policy_digest: str
    adopted_at: datetime | None
    as_of: datetime
    as_of_index: int
    root: str
    origin: str
    incidents: tuple[IncidentView, ...]
    duties: tuple[DutyView, ...]
    sentences: tuple[SentenceView, ...]
    contradictions: tuple[str, ...]
    findings: tuple[str, ...]
    zone: str = "UTC"
    waiting: tuple[WaitingView, ...] = ()


@dataclass(frozen=True, slots=True)
class RecoveryView:
    """What one recovery measured, against what the policy allows."""

    incident: str
    datastore: str
    fault_at: datetime
    detected_at: datetime
    declared_at: datetime
    restored_at: datetime
    recovery_time: timedelta
    recovery_time_business: timedelta
    recovery_time_limit: str
    recovered_to: datetime | None
    data_loss: timedelta
    data_loss_limit: str
    acknowledged_writes: int
    acknowledged_writes_lost: int
    invariants: tuple[tuple[str, bool, str], ...]
    met: bool


@dataclass(frozen=True, slots=True)
class CommunicationView:
    """One communication against its deadline; ``done_at`` is the receiver's moment.

    ``from_at`` is the moment that the deadline counts from, where it is known.
    """

    duty: str
    channel: str
    due_at: datetime
    done_at: datetime | None
    recipients: int
    proof: str
    met: bool
    from_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReportView:
    """The report of a disaster survived: figures first, proof behind each."""

    title: str
    made_at: datetime
    standing: StandingView
    recoveries: tuple[RecoveryView, ...]
    communications: tuple[CommunicationView, ...]
    simulated: tuple[CommunicationView, ...]
    thresholds: tuple[tuple[str, str, str], ...]
    checkpoint: str
    verifier_key: str
    how_to_check: tuple[str, ...]
