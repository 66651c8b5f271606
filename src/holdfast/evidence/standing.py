"""Compiles what people are shown from rules, state and moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdfast.domain.controls import recovery_time
from holdfast.domain.controls.all import judge_all, owed_by_all
from holdfast.domain.controls.judging import Duty, Situation, Verdict
from holdfast.domain.declare import findings as catalogue_findings
from holdfast.domain.memory.incidents import Incident
from holdfast.domain.memory.people import shown
from holdfast.domain.policy.model import Sentence
from holdfast.domain.promises import ControlName
from holdfast.domain.questions import OWNERS, ROLE_NAMES
from holdfast.evidence.incidents import Reader, clock_state, timeline_of, told_indices
from holdfast.evidence.internal import lapse_view, suspicion_view, tampering_view
from holdfast.evidence.views import (
    ClockView,
    DutyView,
    IncidentView,
    Proof,
    SentenceView,
    StandingView,
    TimelineView,
)

Phase = Literal["open", "declared", "recovering", "resolved"]
DutyState = Literal["owed", "overdue", "done", "done_late"]

WORST_FIRST = ("breached", "at_risk", "stale", "unbound", "unproven", "met")
# Settled duties leave the list of what is owed after this long.
SETTLED_SHOWN_FOR = timedelta(days=1)
INCIDENTS_SHOWN_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the log stands: size, root and origin, and a way to read entries."""

    size: int
    root: str
    origin: str
    read: Reader
    refusal: str | None = None


def standing(situation: Situation, ledger: Ledger) -> StandingView:
    """Return the whole of Standing."""
    rules, state = situation.rules, situation.state
    verdicts = judge_all(situation)
    duties = owed_by_all(situation)
    adopted = state.adopted.policy
    return StandingView(
        company=rules.catalogue.company,
        policy_title=rules.policy.title,
        policy_digest=rules.policy.digest,
        adopted_at=adopted.at if adopted else None,
        as_of=situation.now,
        as_of_index=ledger.size,
        root=ledger.root,
        origin=ledger.origin,
        incidents=_incidents(situation, duties, ledger),
        duties=_duties(situation, duties),
        sentences=tuple(
            _sentence(situation, sentence, verdicts)
            for sentence in rules.policy.sentences
        ),
        contradictions=tuple(c.message for c in rules.policy.contradictions),
        findings=_findings(situation, ledger),
        zone=rules.calendar.time_zone,
    )


def _sentence(
    situation: Situation, sentence: Sentence, verdicts: dict[ControlName, Verdict]
) -> SentenceView:
    names = list(dict.fromkeys(o.control for o in sentence.obligations))
    worst = min(
        names, key=lambda n: WORST_FIRST.index(verdicts[n].standing), default=None
    )
    verdict = verdicts[worst] if worst else None
    owner = next((o.owner for o in sentence.obligations if o.owner), None)
    return SentenceView(
        anchor=sentence.anchor,
        section=(sentence.heading_path or (sentence.section,))[-1],
        lines=sentence.lines,
        label=sentence.label,
        text=sentence.text,
        kind=sentence.kind,
        status=sentence.status,
        control=worst,
        standing=verdict.standing if verdict else None,
        reason=verdict.reason if verdict else (sentence.note or ""),
        proofs=tuple(
            Proof(p.text, p.index, p.observed_at)
            for p in (verdict.proofs if verdict else ())
        ),
        owner=owner or _owner(worst),
        next_due_at=verdict.next_due_at if verdict else None,
        awaiting=situation.rules.awaiting(worst) if worst else (),
    )


def _owner(control: ControlName | None) -> str | None:
    """Return who owns a promise for which the policy names nobody."""
    if control is None:
        return None
    return ROLE_NAMES[OWNERS[control]]


def _incidents(
    situation: Situation, duties: tuple[Duty, ...], ledger: Ledger
) -> tuple[IncidentView, ...]:
    shown = [
        incident
        for incident in situation.state.incidents.values()
        if incident.resolved is None
        or situation.now - incident.resolved.at < INCIDENTS_SHOWN_FOR
    ]
    shown.sort(key=lambda i: (i.resolved is not None, -i.opened_index))
    tampering = [
        tampering_view(situation, one, duties, ledger.read)
        for _, one in sorted(situation.state.tampering.all.items())
        if one.resolved is None or situation.now - one.resolved.at < INCIDENTS_SHOWN_FOR
    ]
    suspected = [
        suspicion_view(situation, one, duties, ledger.read)
        for _, one in sorted(situation.state.suspicions.all.items())
        if one.resolved is None or situation.now - one.resolved.at < INCIDENTS_SHOWN_FOR
    ]
    lapsed = [
        lapse_view(situation, one, duties, ledger.read)
        for _, one in sorted(situation.state.lapses.all.items())
        if one.resolved is None or situation.now - one.resolved.at < INCIDENTS_SHOWN_FOR
    ]
    others = [incident_view(situation, i, duties, ledger) for i in shown]
    return tuple(
        sorted(
            [*tampering, *suspected, *lapsed, *others],
            key=lambda view: view.phase == "resolved",
        )
    )


def incident_view(
    situation: Situation, incident: Incident, duties: tuple[Duty, ...], ledger: Ledger
) -> IncidentView:
    """Return one incident with its clocks and its timeline."""
    declared = incident.declared
    known = {s.id: s.name for s in situation.rules.catalogue.services}
    names = tuple(known.get(s, s) for s in sorted(incident.services))
    own = [d for d in duties if d.incident == incident.id]
    return IncidentView(
        id=incident.id,
        title=f"{', '.join(names)} disrupted",
        phase=_phase(situation, incident),
        services=names,
        began_at=incident.opened.began_at,
        detected_at=incident.opened.detected_at,
        declared_at=declared.at if declared else None,
        resolved_at=incident.resolved.at if incident.resolved else None,
        acknowledged_by=(
            shown(situation.state.erasures, incident.acknowledged.by)
            if incident.acknowledged
            else None
        ),
        clocks=tuple(
            _clock(situation, incident, duty) for duty in own if duty.due_at is not None
        ),
        timeline=_timeline(situation, incident, ledger),
    )


def _phase(situation: Situation, incident: Incident) -> Phase:
    if incident.resolved is not None:
        return "resolved"
    recovering = any(
        r.ordered.incident == incident.id for r in situation.state.recoveries.values()
    )
    if recovering:
        return "recovering"
    return "declared" if incident.declared else "open"


def _clock(situation: Situation, incident: Incident, duty: Duty) -> ClockView:
    """Return the duty as a clock that runs from what set it going to its deadline."""
    assert duty.due_at is not None
    bound = None
    if duty.control == "recovery_time":
        bound = recovery_time.figure(situation, incident.services)
    business = bound is not None and bound.business
    started_at = _started_at(situation, incident, duty)
    end = duty.done_at or situation.now
    used = recovery_time.length(situation, started_at, end, business=business)
    allowed = recovery_time.length(
        situation, started_at, duty.due_at, business=business
    )
    return ClockView(
        name=duty.what,
        limit=bound.text if bound else _words(allowed),
        started_at=started_at,
        due_at=duty.due_at,
        stopped_at=duty.done_at,
        business=business,
        used=max(used, timedelta(0)),
        state=clock_state(duty, situation.now, used, allowed),
        allowed=allowed,
    )


def _started_at(situation: Situation, incident: Incident, duty: Duty) -> datetime:
    opened, resolved = incident.opened, incident.resolved
    if duty.control == "recovery_time" and incident.declared is not None:
        return incident.declared.at
    if duty.key.endswith("/resolved") and resolved is not None:
        return resolved.at
    if duty.control == "customer_email":
        return opened.began_at
    known = situation.state.notices.get(duty.key)
    if known is not None and known.due.stage == "update" and duty.due_at is not None:
        # An update by the hour, or word of a service that failed meanwhile.
        every = situation.rules.duration("status_update_every")
        return max(opened.detected_at, min(known.due.at, duty.due_at - every))
    return opened.detected_at


def _timeline(
    situation: Situation, incident: Incident, ledger: Ledger
) -> tuple[TimelineView, ...]:
    """Return everything that belongs to the incident; of failed attempts the last."""
    state = situation.state
    found = [*incident.indices, *told_indices(state, incident.id)]
    for recovery in state.recoveries.values():
        if recovery.ordered.incident == incident.id:
            found += [recovery.ordered_index, recovery.preflight_index]
            found += [recovery.verified_index]
            order = state.orders.get(recovery.ordered.recovery)
            found += order.indices if order else ()
    for job in state.jobs.all.values():
        asked = state.recoveries.get(job.requested.recovery or "")
        if asked is not None and asked.ordered.incident == incident.id:
            found += [job.requested_index, job.started_index, job.ended_index]
    return timeline_of(found, ledger.read, state.erasures)


def _duties(situation: Situation, duties: tuple[Duty, ...]) -> tuple[DutyView, ...]:
    now = situation.now
    shown = [
        duty
        for duty in duties
        if duty.done_at is None or now - duty.done_at < SETTLED_SHOWN_FOR
    ]
    shown.sort(key=lambda d: (d.done_at is not None, d.due_at or now, d.key))
    return tuple(
        DutyView(
            key=duty.key,
            what=duty.what,
            control=duty.control,
            owner=ROLE_NAMES[duty.owner],
            due_at=duty.due_at,
            state=_duty_state(duty, now),
            done_at=duty.done_at,
        )
        for duty in shown
    )


def _duty_state(duty: Duty, now: datetime) -> DutyState:
    if duty.done_at is not None:
        return "done_late" if duty.late else "done"
    return "overdue" if duty.overdue(now) else "owed"


def _findings(situation: Situation, ledger: Ledger) -> tuple[str, ...]:
    policy = situation.rules.policy
    found = [
        f"line {p.line}: a blank is not filled in: {p.text}"
        for p in policy.placeholders
    ]
    found.extend(f"line {d.line}: {d.message}" for d in policy.defects)
    found.extend(catalogue_findings(situation.rules.catalogue))
    if situation.rules.overlay is not None:
        found.extend(
            f"the decision on {void.decision.question} is void: {void.reason}"
            for void in situation.rules.overlay.void
        )
    if ledger.refusal is not None:
        found.insert(0, ledger.refusal)
    return tuple(found)


def _words(length: timedelta) -> str:
    minutes = length.total_seconds() / 60
    return f"{minutes:g} minutes" if minutes >= 1 else f"{minutes * 60:g} seconds"
