"""An incident of tampering with the log, in the shape in which incidents are shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from holdfast.domain.controls.judging import Duty, Situation
from holdfast.domain.memory.people import shown
from holdfast.domain.memory.tampering import Tampering
from holdfast.evidence.incidents import (
    Reader,
    clock_state,
    timeline_of,
    told_indices,
)
from holdfast.evidence.views import ClockView, IncidentView
from holdfast.evidence.words import exact

TITLE = "Tampering with the audit log"


def tampering_view(
    situation: Situation, incident: Tampering, duties: Iterable[Duty], read: Reader
) -> IncidentView:
    """Return the incident with its clocks and its timeline."""
    opened, resolved = incident.opened, incident.resolved
    found = [finding.evidence for finding in incident.found]
    told = told_indices(situation.state, incident.id)
    erasures = situation.state.erasures
    return IncidentView(
        id=incident.id,
        title=TITLE,
        phase="resolved" if resolved else "open",
        services=tuple(dict.fromkeys(finding.part for finding in incident.found)),
        began_at=opened.found_at,
        detected_at=opened.at,
        declared_at=None,
        resolved_at=resolved.at if resolved else None,
        acknowledged_by=(
            shown(erasures, incident.acknowledged.by) if incident.acknowledged else None
        ),
        clocks=tuple(
            _clock(situation.now, opened.at, duty, duty.due_at)
            for duty in duties
            if duty.incident == incident.id and duty.due_at is not None
        ),
        timeline=timeline_of([*found, *incident.indices, *told], read, erasures),
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
