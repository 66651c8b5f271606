"""Incidents for the response team alone, in the shape in which incidents are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.domain.controls.judging import Duty, Situation
from holdfast.domain.memory.lapses import Lapse
from holdfast.domain.memory.people import shown
from holdfast.domain.memory.suspicions import Suspicion
from holdfast.domain.memory.tampering import Tampering
from holdfast.evidence.incidents import (
    Reader,
    clock_state,
    timeline_of,
    told_indices,
)
from holdfast.evidence.views import ClockView, IncidentView
from holdfast.evidence.words import exact


def tampering_view(
    situation: Situation, incident: Tampering, duties: Iterable[Duty], read: Reader
) -> IncidentView:
    """Return an incident of tampering with the log."""
    facts = _Facts(
        title="Tampering with the audit log",
        parts=tuple(finding.part for finding in incident.found),
        evidence=tuple(finding.evidence for finding in incident.found),
        began_at=incident.opened.found_at,
    )
    return _view(situation, incident, facts, duties, read)


def suspicion_view(
    situation: Situation, incident: Suspicion, duties: Iterable[Duty], read: Reader
) -> IncidentView:
    """Return an incident in which ransomware is suspected."""
    facts = _Facts(
        title=f"Ransomware is suspected in {incident.opened.datastore}",
        parts=(incident.opened.datastore,),
        evidence=tuple(sign.evidence for sign in incident.signs),
        began_at=incident.opened.seen_at,
    )
    return _view(situation, incident, facts, duties, read)


def lapse_view(
    situation: Situation, incident: Lapse, duties: Iterable[Duty], read: Reader
) -> IncidentView:
    """Return an incident in which nobody vouched for the log."""
    resolved = incident.resolved
    facts = _Facts(
        title="The audit log is not witnessed",
        parts=tuple(found.part for found in incident.found),
        evidence=(
            *(found.evidence for found in incident.found),
            *(resolved.evidence if resolved else ()),
        ),
        began_at=incident.opened.since,
    )
    return _view(situation, incident, facts, duties, read)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the kinds of incident do not have in common."""

    title: str
    parts: tuple[str, ...]
    evidence: tuple[int, ...]
    began_at: datetime


def _view(
    situation: Situation,
    incident: Tampering | Suspicion | Lapse,
    facts: _Facts,
    duties: Iterable[Duty],
    read: Reader,
) -> IncidentView:
    resolved, taken = incident.resolved, incident.acknowledged
    told = told_indices(situation.state, incident.id)
    erasures = situation.state.erasures
    opened_at = incident.opened.at
    return IncidentView(
        id=incident.id,
        title=facts.title,
        phase="resolved" if resolved else "open",
        services=tuple(dict.fromkeys(facts.parts)),
        began_at=facts.began_at,
        detected_at=opened_at,
        declared_at=None,
        resolved_at=resolved.at if resolved else None,
        acknowledged_by=shown(erasures, taken.by) if taken else None,
        clocks=tuple(
            _clock(situation.now, opened_at, duty, duty.due_at)
            for duty in duties
            if duty.incident == incident.id and duty.due_at is not None
        ),
        timeline=timeline_of(
            [*facts.evidence, *incident.indices, *told], read, erasures
        ),
    )


def _clock(
    now: datetime, started_at: datetime, duty: Duty, due_at: datetime
) -> ClockView:
    started_at = min(started_at, due_at)
    used, allowed = (duty.done_at or now) - started_at, due_at - started_at
    return ClockView(
        name=duty.what,
        limit=exact(allowed),
        started_at=started_at,
        due_at=due_at,
        stopped_at=duty.done_at,
        business=False,
        used=max(used, timedelta(0)),
        state=clock_state(duty, now, used, allowed),
        allowed=allowed,
    )
