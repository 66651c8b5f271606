"""Drills as people are shown them: how each went, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.drill import (
    DrillTraced,
    FenceKind,
    KeyFrom,
    Sabotage,
    Scenario,
)
from holdfast.domain.memory.drills import Drill
from holdfast.domain.memory.people import shown

Phase = Literal["ordered", "running", "passed", "failed"]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step, how long after the first one it ``began``, and how long it took.

    The beginning is ``None`` in drills of an older Holdfast.
    """

    name: str
    took: timedelta
    began: timedelta | None = None


@dataclass(frozen=True, slots=True)
class MomentView:
    """A named moment of a drill: declared, fault, detected, verified, ended."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AcknowledgedView:
    """What became of the commits that a recorder outside the database had noted."""

    noted: int
    lost: int
    holes: int
    extras: int


@dataclass(frozen=True, slots=True)
class DrillView:
    """One drill. Figures are ``None`` where no verified data came back.

    ``recovery_time`` runs from the order, which counts as the declaration, on the wall;
    ``business_time`` is the business time in it. ``indices`` are its ledger entries.
    ``moments`` are its timeline, in order. ``heartbeat_age`` is how old the newest row
    of ours was at the fault; ``recorder`` says why nothing was noted. ``rehearsal`` and
    ``rank`` place it in the order of recovery of several datastores.
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
    scenario: Scenario
    rehearsal: str | None
    rank: int
    moments: tuple[MomentView, ...]
    fence: FenceKind | None
    key_from: KeyFrom | None
    acknowledged: AcknowledgedView | None
    recorder: str
    heartbeat_age: timedelta | None
    smoke_tests: tuple[str, ...]


def ended_at(view: DrillView) -> datetime | None:
    """Return when it was over."""
    return next((m.at for m in view.moments if m.name == "ended"), None)


def drill_views(situation: Situation) -> tuple[DrillView, ...]:
    """Return every drill in the order of the ledger."""
    drills = sorted(situation.state.drills.values(), key=lambda d: d.ordered_index)
    return tuple(_view(situation, drill) for drill in drills)


def _view(situation: Situation, drill: Drill) -> DrillView:
    ordered, measured, finished = drill.ordered, drill.measured, drill.finished
    traced = drill.traced
    jobs = situation.state.jobs.all.get(ordered.drill)
    indices = (
        drill.ordered_index,
        jobs.requested_index if jobs else None,
        jobs.started_index if jobs else None,
        drill.measured_index,
        drill.traced_index,
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
        steps=_steps(drill),
        evidence=finished.evidence if finished else None,
        indices=tuple(sorted({index for index in indices if index is not None})),
        scenario=scenario(situation, drill),
        rehearsal=drill.rehearsal,
        rank=drill.rank,
        moments=_moments(drill),
        fence=traced.fence if traced else None,
        key_from=traced.key_from if traced else None,
        acknowledged=_acknowledged(traced),
        recorder=traced.recorder if traced else "",
        heartbeat_age=_heartbeat_age(drill),
        smoke_tests=traced.smoke_tests if traced else (),
    )


def scenario(situation: Situation, drill: Drill) -> Scenario:
    """Return what was assumed to be lost."""
    if drill.rehearsal is None:
        return "restore"
    return situation.state.rehearsals[drill.rehearsal].ordered.scenario


def _steps(drill: Drill) -> tuple[StepView, ...]:
    measured, traced = drill.measured, drill.traced
    if measured is None:
        return ()
    began: tuple[int | None, ...] = (None,) * len(measured.steps)
    if traced is not None:
        began = traced.began_us
    return tuple(
        StepView(name, timedelta(microseconds=spent), _length(since))
        for name, spent, since in zip(
            measured.steps, measured.steps_us, began, strict=True
        )
    )


def _moments(drill: Drill) -> tuple[MomentView, ...]:
    measured, traced, finished = drill.measured, drill.traced, drill.finished
    found = (
        ("declared", finished.started_at if finished else drill.ordered.at),
        ("fault", measured.fault_at if measured else None),
        ("detected", traced.detected_at if traced else None),
        ("verified", measured.verified_at if measured else None),
        ("ended", measured.at if measured else None),
    )
    known = [MomentView(name, at) for name, at in found if at is not None]
    return tuple(sorted(known, key=lambda moment: moment.at))


def _acknowledged(traced: DrillTraced | None) -> AcknowledgedView | None:
    if traced is None or traced.acknowledged is None:
        return None
    return AcknowledgedView(
        traced.acknowledged, traced.lost or 0, traced.holes or 0, traced.extras or 0
    )


def _heartbeat_age(drill: Drill) -> timedelta | None:
    measured, traced = drill.measured, drill.traced
    if measured is None or traced is None or traced.heartbeat_at is None:
        return None
    return max(measured.fault_at - traced.heartbeat_at, timedelta(0))


def _phase(situation: Situation, drill: Drill) -> Phase:
    if drill.finished is not None:
        return "passed" if drill.finished.passed else "failed"
    job = situation.state.jobs.all.get(drill.ordered.drill)
    return "running" if job is not None and job.started is not None else "ordered"


def _length(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)
