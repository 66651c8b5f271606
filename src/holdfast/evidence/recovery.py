"""How well each datastore could be recovered now: gauge, standbys, backups, drills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls import recovery_point, redundancy
from holdfast.domain.controls.judging import Situation, Verdict
from holdfast.domain.memory import protection as memory
from holdfast.evidence.approvals import WaitingView
from holdfast.evidence.drills import DrillView, drill_views
from holdfast.evidence.views import Standing

BACKUPS_SHOWN = 20
DRILLS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ReadingView:
    """The gauge at one moment: what a disaster would have cost then.

    ``lost_if_now`` is ``None`` where nothing could have been restored.
    """

    at: datetime
    lost_if_now: timedelta | None


@dataclass(frozen=True, slots=True)
class GaugeView:
    """How much would be lost if the disaster came now, over the last day and weeks.

    ``day`` has every look of the last day, ``weeks`` the worst of each hour before.
    ``looked_at`` is ``None`` where nobody has looked; ``rpo`` where the policy names
    none.
    """

    standing: Standing
    reason: str
    rpo: timedelta | None
    at_risk_from: timedelta
    looked_at: datetime | None
    recoverable_to: datetime | None
    lost_if_now: timedelta | None
    heartbeat_at: datetime | None
    recoverable_heartbeat_at: datetime | None
    waiting_segments: int | None
    day: tuple[ReadingView, ...]
    weeks: tuple[ReadingView, ...]


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """A standby; ``place`` is empty where the catalogue does not name it."""

    name: str
    place: str
    streaming: bool


@dataclass(frozen=True, slots=True)
class BackupView:
    """A backup in one repository, as its own listing shows it."""

    label: str
    repository: int
    off_site: bool
    kind: str
    finished_at: datetime
    took: timedelta
    size_bytes: int
    cipher: str | None
    error: bool
    index: int


@dataclass(frozen=True, slots=True)
class DatastoreView:
    """One datastore; ``under_way`` names the job that works on it now."""

    id: str
    name: str
    gauge: GaugeView
    redundancy: Standing
    redundancy_reason: str
    replicas: tuple[ReplicaView, ...]
    backups: tuple[BackupView, ...]
    under_way: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProtectionView:
    """Everything on the page *Recovery*, at one moment."""

    as_of: datetime
    as_of_index: int
    zone: str
    datastores: tuple[DatastoreView, ...]
    drills: tuple[DrillView, ...]
    waiting: tuple[WaitingView, ...] = ()


def protection(situation: Situation, as_of_index: int) -> ProtectionView:
    """Return how recoverable everything is; newest drills first."""
    drills = tuple(reversed(drill_views(situation)))[:DRILLS_SHOWN]
    return ProtectionView(
        as_of=situation.now,
        as_of_index=as_of_index,
        zone=situation.rules.calendar.time_zone,
        datastores=tuple(
            _datastore(situation, datastore)
            for datastore in situation.rules.catalogue.datastores
            if datastore.production
        ),
        drills=drills,
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
            job.requested.verb
            for job in (jobs.all[name] for name in sorted(jobs.open))
            if job.requested.datastore == declared.id
        ),
    )


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
