"""How well each datastore could be recovered now: gauge, standbys, backups, drills."""

from __future__ import annotations

from datetime import timedelta

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls import drills as drilling
from holdfast.domain.controls import recovery_point, redundancy
from holdfast.domain.controls.judging import Situation, Verdict
from holdfast.domain.memory import protection as memory
from holdfast.domain.memory.people import shown
from holdfast.evidence.drills import drill_views
from holdfast.evidence.readiness import summary
from holdfast.evidence.recovery_views import (
    BackupView,
    DatastoreView,
    GaugeView,
    NextDrillView,
    ProtectionView,
    ReadingView,
    ReplicaView,
    RunningView,
    WindowView,
)

BACKUPS_SHOWN = 20
DRILLS_SHOWN = 10


def protection(situation: Situation, as_of_index: int) -> ProtectionView:
    """Return how recoverable everything is; newest drills first."""
    all_drills = tuple(reversed(drill_views(situation)))
    stores = tuple(
        _datastore(situation, datastore)
        for datastore in situation.rules.catalogue.datastores
        if datastore.production
    )
    return ProtectionView(
        as_of=situation.now,
        as_of_index=as_of_index,
        zone=situation.rules.calendar.time_zone,
        summary=summary(stores, all_drills, situation.now),
        datastores=stores,
        drills=all_drills[:DRILLS_SHOWN],
    )


def _datastore(situation: Situation, declared: Datastore) -> DatastoreView:
    known = situation.state.datastores.get(declared.id, memory.Datastore())
    apart = redundancy.judge_one(situation, declared)
    jobs = situation.state.jobs
    return DatastoreView(
        id=declared.id,
        name=declared.name,
        gauge=_gauge(situation, declared, known),
        redundancy=apart.standing,
        redundancy_reason=apart.reason,
        replicas=_replicas(situation, declared, known),
        backups=tuple(_backup(seen) for seen in reversed(known.backups))[
            :BACKUPS_SHOWN
        ],
        under_way=tuple(
            _running(situation, job)
            for job in (jobs.all[name] for name in sorted(jobs.open))
            if job.requested.datastore == declared.id
        ),
        windows=_windows(known),
        next_drill=_next_drill(situation, declared),
    )


def _running(situation: Situation, job: memory.Job) -> RunningView:
    asked, told = job.requested, job.progressed
    ordered = situation.state.jobs.by_hand.get(asked.job)
    drill = situation.state.drills.get(asked.job)
    recovery = situation.state.recoveries.get(asked.recovery or "")
    by = "the schedule"
    for order in (ordered, drill and drill.ordered, recovery and recovery.ordered):
        if order:
            by = shown(situation.state.erasures, order.by)
    return RunningView(
        job=asked.job,
        verb=asked.verb,
        repository=asked.repository,
        asked_by=by,
        asked_at=asked.at,
        started_at=job.started.at if job.started else None,
        step=told.step if told else "",
        percent=told.percent if told else None,
        told_at=told.at if told else None,
        index=job.requested_index,
    )


def _windows(known: memory.Datastore) -> tuple[WindowView, ...]:
    found = []
    for number in sorted({seen.backup.repository for seen in known.backups}):
        window, tried = known.windows.get(number), known.examined.get(number)
        found.append(
            WindowView(
                repository=number,
                off_site=known.of_repository(number)[-1].backup.off_site,
                since=window.event.since if window else None,
                until=window.event.until if window else None,
                holes=window.event.holes if window else (),
                looked_at=window.event.at if window else None,
                read_back=tried.event.read_back if tried else None,
                read_back_at=tried.event.at if tried else None,
                index=tried.index if tried else None,
            )
        )
    return tuple(found)


def _next_drill(situation: Situation, declared: Datastore) -> NextDrillView | None:
    if declared not in drilling.covered(situation):
        return None
    verdict = drilling.judge_one(situation, declared)
    due_at = drilling.due_at(situation, declared)
    return NextDrillView(verdict.standing, verdict.reason, due_at)


def _gauge(
    situation: Situation, declared: Datastore, known: memory.Datastore
) -> GaugeView:
    verdict: Verdict = recovery_point.judge_one(situation, declared)
    seen, measured = known.seen, known.measured
    reach = seen.recoverable_to if seen else None
    return GaugeView(
        standing=verdict.standing,
        reason=verdict.reason,
        rpo=situation.rules.rpo,
        at_risk_from=situation.rules.duration("recovery_point_at_risk"),
        looked_at=seen.at if seen else None,
        recoverable_to=reach,
        lost_if_now=max(situation.now - reach, timedelta(0)) if reach else None,
        heartbeat_at=measured.heartbeat_at if measured else None,
        recoverable_heartbeat_at=(
            measured.recoverable_heartbeat_at if measured else None
        ),
        waiting_segments=measured.waiting_segments if measured else None,
        day=tuple(ReadingView(r.at, r.lost_if_now) for r in known.readings),
        weeks=tuple(ReadingView(r.at, r.lost_if_now) for r in known.hours),
    )


def _replicas(
    situation: Situation, declared: Datastore, known: memory.Datastore
) -> tuple[ReplicaView, ...]:
    places = {place.id: place for place in situation.rules.catalogue.environments}
    where = {
        replica.name: redundancy.place_name(places[replica.environment])
        for replica in declared.replicas
    }
    measured = known.measured
    streaming = measured.streaming if measured else ()
    connected = measured.not_streaming if measured else ()
    names = dict.fromkeys((*where, *streaming, *connected))
    return tuple(
        ReplicaView(name, where.get(name, ""), name in streaming) for name in names
    )


def _backup(seen: memory.SeenBackup) -> BackupView:
    backup = seen.backup
    return BackupView(
        label=backup.label,
        repository=backup.repository,
        off_site=backup.off_site,
        kind=backup.kind,
        finished_at=backup.finished_at,
        took=backup.finished_at - backup.started_at,
        size_bytes=backup.size_bytes,
        cipher=backup.cipher,
        error=backup.error,
        index=seen.index,
    )
