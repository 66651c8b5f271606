"""What incidents of every kind have in common when they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Literal

from immutables import Map

from holdfast.domain.controls.judging import Duty
from holdfast.domain.memory.people import Erasures
from holdfast.domain.state import State
from holdfast.evidence.timeline import describe
from holdfast.evidence.views import TimelineView
from holdfast.journal import Recorded

ClockState = Literal["running", "at_risk", "overdue", "done", "done_late"]
# Reads one entry back, for the timeline.
Reader = Callable[[int], Recorded]

AT_RISK_FROM = 0.75


def clock_state(
    duty: Duty, now: datetime, used: timedelta, allowed: timedelta
) -> ClockState:
    """Return how the duty's clock stands."""
    if duty.done_at is not None:
        return "done_late" if duty.late else "done"
    if duty.overdue(now):
        return "overdue"
    return "at_risk" if used >= allowed * AT_RISK_FROM else "running"


def told_indices(state: State, incident: str) -> list[int | None]:
    """Return the entries of its notices (of failures the last) and escalations."""
    found: list[int | None] = []
    for notice in state.notices.all.values():
        if notice.due.incident == incident:
            found += [notice.index, notice.failed_index]
            found += [notice.delivered_index, notice.seen_index]
    found += [
        state.notices.escalated_indices[key]
        for key, escalated in state.notices.escalated.items()
        if escalated.incident == incident
    ]
    return found


def timeline_of(
    indices: Iterable[int | None], read: Reader, erasures: Erasures = Map()
) -> tuple[TimelineView, ...]:
    """Return the entries in the order of the ledger, in words."""
    known = sorted({index for index in indices if index is not None})
    entries = [read(index) for index in known]
    return tuple(
        TimelineView(*describe(entry, erasures), entry.index) for entry in entries
    )
