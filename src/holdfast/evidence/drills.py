"""Drills as people are shown them: how each went, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.drill import Sabotage
from holdfast.domain.memory.drills import Drill
from holdfast.domain.memory.people import shown

Phase = Literal["ordered", "running", "passed", "failed"]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step and how long it took."""

    name: str
    took: timedelta


@dataclass(frozen=True, slots=True)
class DrillView:
    """One drill. Figures are ``None`` where no verified data came back.

    ``recovery_time`` runs from the order, which counts as the declaration, on the wall;
    ``business_time`` is the business time in it. ``indices`` are its ledger entries.
    """

    id: str
    datastore: str
    repository: int
    sabotage: Sabotage | None
    ordered_by: str
    ordered_at: datetime
    phase: Phase
    detail: str
    fault_at: datetime | None
    recovered_to: datetime | None
    recovery_time: timedelta | None
    business_time: timedelta | None
    from_fault: timedelta | None
    data_loss: timedelta | None
    commits_lost: int | None
    invariants: tuple[str, ...]
    findings: tuple[str, ...]
    steps: tuple[StepView, ...]
    evidence: str | None
    indices: tuple[int, ...]


def drill_views(situation: Situation) -> tuple[DrillView, ...]:
    """Return every drill in the order of the ledger."""
    drills = sorted(situation.state.drills.values(), key=lambda d: d.ordered_index)
    return tuple(_view(situation, drill) for drill in drills)


def _view(situation: Situation, drill: Drill) -> DrillView:
    ordered, measured, finished = drill.ordered, drill.measured, drill.finished
    jobs = situation.state.jobs.all.get(ordered.drill)
    indices = (
        drill.ordered_index,
        jobs.requested_index if jobs else None,
        jobs.started_index if jobs else None,
        drill.measured_index,
        jobs.ended_index if jobs else None,
        drill.finished_index,
    )
    return DrillView(
        id=ordered.drill,
        datastore=ordered.datastore,
        repository=ordered.repository,
        sabotage=ordered.sabotage,
        ordered_by=shown(situation.state.erasures, ordered.by),
        ordered_at=ordered.at,
        phase=_phase(situation, drill),
        detail=finished.detail if finished else "",
        fault_at=measured.fault_at if measured else None,
        recovered_to=measured.recovered_to if measured else None,
        recovery_time=_length(finished.recovery_time_us if finished else None),
        business_time=_length(finished.business_time_us if finished else None),
        from_fault=_length(finished.from_fault_us if finished else None),
        data_loss=_length(finished.data_loss_us if finished else None),
        commits_lost=finished.commits_lost if finished else None,
        invariants=measured.invariants if measured else (),
        findings=finished.findings if finished else (),
        steps=tuple(
            StepView(name, timedelta(microseconds=spent))
            for name, spent in zip(measured.steps, measured.steps_us, strict=True)
        )
        if measured
        else (),
        evidence=finished.evidence if finished else None,
        indices=tuple(sorted({index for index in indices if index is not None})),
    )


def _phase(situation: Situation, drill: Drill) -> Phase:
    if drill.finished is not None:
        return "passed" if drill.finished.passed else "failed"
    job = situation.state.jobs.all.get(drill.ordered.drill)
    return "running" if job is not None and job.started is not None else "ordered"


def _length(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)
