"""The one question of every beat: given the rules, what is known, and the moment,
what follows and what is to be done?

Pure: asked again with the same arguments it answers the same, so that a crash, a
restart or a second node changes nothing. What is concluded is recorded first; actions
follow only from what stands in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from immutables import Map

from holdfast.domain import lifecycle, recovering, rehearsing
from holdfast.domain.controls import custody, ransomware, tampering, unwitnessed
from holdfast.domain.controls.all import owed_by_all
from holdfast.domain.controls.judging import Duty, Situation
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.notice import DutyEscalated, NoticeDue
from holdfast.domain.memory.protection import Job
from holdfast.domain.promises import ControlName


@dataclass(frozen=True, slots=True)
class StartJob:
    """Hand the requested job to the runner; repeatable by its id."""

    job: str


@dataclass(frozen=True, slots=True)
class ObserveJob:
    """Ask how the started job stands."""

    job: str


@dataclass(frozen=True, slots=True)
class CheckPreflight:
    """Ask the engine whether the ordered restore could work."""

    recovery: str


@dataclass(frozen=True, slots=True)
class VerifyRecovery:
    """Judge the restored datastore: readiness, then invariants."""

    recovery: str


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """Say whether a restore could work now, to somebody who only asks."""

    check: str


@dataclass(frozen=True, slots=True)
class FetchStatusPage:
    """Look from outside whether the notice is on the status page."""

    notice: str


@dataclass(frozen=True, slots=True)
class TakeCheckpoint:
    """Record the newest signed checkpoint, to be posted by ``due_at``."""

    due_at: datetime


# Whoever asked has left by then.
CHECK_WAITS = timedelta(minutes=5)
Action: TypeAlias = (
    StartJob
    | ObserveJob
    | CheckPreflight
    | VerifyRecovery
    | AnswerCheck
    | FetchStatusPage
    | TakeCheckpoint
)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """An event that follows, with the promise that demands it."""

    event: Event
    control: ControlName | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be recorded, and what is to be done about what is recorded."""

    conclusions: tuple[Conclusion, ...]
    actions: tuple[Action, ...]


def decide(situation: Situation) -> Decision:
    """Answer the question."""
    duties = owed_by_all(_attended(situation))
    conclusions = (
        *(Conclusion(e, "recovery_time") for e in lifecycle.conclude(situation)),
        *(Conclusion(e, "recovery_time") for e in recovering.conclude(situation)),
        *(Conclusion(e, "drills") for e in rehearsing.conclude(situation)),
        *(Conclusion(e, "audit_log") for e in tampering.conclude(situation)),
        *(Conclusion(e, "audit_log") for e in unwitnessed.conclude(situation)),
        *(Conclusion(e, "audit_log") for e in ransomware.conclude(situation)),
        *(Conclusion(e, duty.control) for duty in duties for e in duty.conclusions),
        *_escalations(situation, duties),
    )
    return Decision(conclusions, actions(situation))


def _attended(situation: Situation) -> Situation:
    """Return the situation without the incidents from which nothing follows."""
    state = situation.state
    incidents = Map({name: state.incidents[name] for name in state.attended})
    return replace(situation, state=replace(state, incidents=incidents))


def actions(situation: Situation) -> tuple[Action, ...]:
    """Return what is to be done about what is recorded: orders without an end."""
    state = situation.state
    found = [_job_action(state.jobs.all[name]) for name in sorted(state.jobs.open)]
    for name, recovery in sorted(state.recoveries.items()):
        match recovering.step(situation, recovery):
            case "preflight":
                found.append(CheckPreflight(name))
            case "verify":
                found.append(VerifyRecovery(name))
            case _:
                pass
    found.extend(
        FetchStatusPage(name)
        for name in sorted(state.notices.unseen)
        if state.notices.all[name].delivered is not None
    )
    found.extend(
        AnswerCheck(name)
        for name, check in sorted(state.checks.items())
        if check.answered is None and situation.now - check.ordered.at < CHECK_WAITS
    )
    due_at = custody.checkpoint_due(situation)
    if due_at is not None:
        found.append(TakeCheckpoint(due_at))
    return tuple(found)


def _job_action(job: Job) -> Action:
    name = job.requested.job
    return StartJob(name) if job.started is None else ObserveJob(name)


def _escalations(
    situation: Situation, duties: tuple[Duty, ...]
) -> tuple[Conclusion, ...]:
    """Tell committee and lead of every duty of an incident that passed undone."""
    conclusions: list[Conclusion] = []
    for duty in duties:
        if duty.incident is None or not duty.overdue(situation.now):
            continue
        if duty.key in situation.state.notices.escalated:
            continue
        conclusions.extend(
            Conclusion(event, duty.control) for event in _escalation(situation, duty)
        )
    return tuple(conclusions)


def _escalation(situation: Situation, duty: Duty) -> tuple[Event, ...]:
    assert duty.incident is not None
    assert duty.due_at is not None
    catalogue = situation.rules.catalogue
    people = {p.id for role in ("RC", "PL") for p in catalogue.holders(role)}
    escalated = DutyEscalated(
        duty.key, duty.incident, duty.control, duty.due_at, situation.now
    )
    if not people:
        return (escalated,)  # Nobody holds the roles: a notice would reach nobody.
    notice = NoticeDue(
        notice=f"{duty.key}/escalation",
        incident=duty.incident,
        duty="escalation",
        stage="update",
        channel="email",
        recipients=tuple(f"person:{person}" for person in sorted(people)),
        count=len(people),
        subject=f"Overdue: {duty.what}",
        text=(
            f"The policy wanted this done by {duty.due_at:%Y-%m-%d %H:%M} UTC: "
            f"{duty.what}. It is not done. Incident {duty.incident}."
        ),
        at=situation.now,
        due_at=situation.now + situation.rules.duration("alert_within"),
    )
    return escalated, notice
