"""What is remembered of how datastores are protected: backups, restorable moments,
jobs and drills.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.authority import OrderCancelled
from holdfast.domain.events.drill import DrillFinished
from holdfast.domain.events.job import (
    JobFinished,
    JobLost,
    JobRequested,
    JobStarted,
)
from holdfast.domain.events.measure import BackupWeighed, DatastoreMeasured
from holdfast.domain.events.observation import BackupGone, BackupSeen, ProtectionSeen
from holdfast.domain.events.repository import (
    BackupOrdered,
    RepositoryExamined,
    WalSeen,
    WindowSeen,
)
from holdfast.domain.events.runner import JobProgressed, JobTaken
from holdfast.domain.memory.moments import before

KEPT = timedelta(days=400)
# Readings of the gauge are kept one by one for a day, then the worst of each hour.
READINGS_KEPT = timedelta(days=1)
HOURS_KEPT = timedelta(days=35)
_HOUR = timedelta(hours=1)
# Jobs asked for longer before the newest one say nothing about a datastore now.
JOBS_KEPT = timedelta(days=35)
# WAL seen longer ago says nothing about how fast it grows.
WAL_KEPT = timedelta(hours=1)
JobEvent: TypeAlias = (
    BackupOrdered
    | JobRequested
    | JobTaken
    | JobStarted
    | JobProgressed
    | JobFinished
    | JobLost
)
DatastoreEvent: TypeAlias = (
    BackupSeen
    | BackupGone
    | ProtectionSeen
    | BackupWeighed
    | DatastoreMeasured
    | RepositoryExamined
    | WindowSeen
    | WalSeen
    | DrillFinished
)


@dataclass(frozen=True, slots=True)
class Job:
    """A job from request to end; ``ended`` is how."""

    requested: JobRequested
    requested_index: int
    taken: JobTaken | None = None
    cancelled: OrderCancelled | None = None
    progressed: JobProgressed | None = None
    started: JobStarted | None = None
    started_index: int | None = None
    ended: JobFinished | JobLost | None = None
    ended_index: int | None = None

    @property
    def ok(self) -> bool:
        """Say whether it finished and the evidence was good."""
        return isinstance(self.ended, JobFinished) and self.ended.ok


@dataclass(frozen=True, slots=True)
class ExaminedAt:
    """What was tried on a repository, with the entry that carries it."""

    event: RepositoryExamined
    index: int


@dataclass(frozen=True, slots=True)
class WindowAt:
    """The window of a repository, with the entry that carries it."""

    event: WindowSeen
    index: int


@dataclass(frozen=True, slots=True)
class SeenBackup:
    """A backup with the entry that carries it."""

    backup: BackupSeen
    index: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The gauge at one look: ``lost_if_now`` is the age of the newest recoverable
    moment, ``None`` where nothing could be restored.
    """

    at: datetime
    lost_if_now: timedelta | None
    running: bool

    @property
    def severity(self) -> timedelta:
        """Order readings: nothing restorable is the worst."""
        return timedelta.max if self.lost_if_now is None else self.lost_if_now


@dataclass(frozen=True, slots=True)
class Datastore:
    """Backups by the moment they finished, the newest look, drills in order.

    ``readings`` of the last day and ``hours``, the worst reading of each hour before,
    draw the gauge; ``measures`` are what the server itself showed in the last day,
    ``weights`` what the backups of the last weeks weigh.
    ``examinations`` and ``looked_up`` are the newest of each repository; ``wal`` is
    the last hour's.
    """

    first_seen_at: datetime | None = None
    backups: tuple[SeenBackup, ...] = ()
    seen: ProtectionSeen | None = None
    seen_index: int | None = None
    drills: tuple[tuple[DrillFinished, int], ...] = ()
    readings: tuple[Reading, ...] = ()
    hours: tuple[Reading, ...] = ()
    measures: tuple[tuple[DatastoreMeasured, int], ...] = ()
    weights: tuple[tuple[BackupWeighed, int], ...] = ()
    examinations: tuple[ExaminedAt, ...] = ()
    looked_up: tuple[WindowAt, ...] = ()
    wal: tuple[WalSeen, ...] = ()

    @property
    def examined(self) -> dict[int, ExaminedAt]:
        """What was tried last, by repository."""
        return {found.event.repository: found for found in self.examinations}

    @property
    def windows(self) -> dict[int, WindowAt]:
        """The newest window, by repository."""
        return {found.event.repository: found for found in self.looked_up}

    @property
    def measured(self) -> DatastoreMeasured | None:
        """What the server showed last."""
        return self.measures[-1][0] if self.measures else None

    def of_repository(self, number: int) -> tuple[SeenBackup, ...]:
        """Return the backups of one repository, oldest first."""
        return tuple(b for b in self.backups if b.backup.repository == number)


Datastores = Map[str, Datastore]


@dataclass(frozen=True, slots=True)
class Jobs:
    """All jobs by id; those that are not over, and the latest of each datastore apart,
    since every beat asks for them; those that a person ordered, by how.
    """

    all: Map[str, Job] = Map()
    open: Map[str, None] = Map()
    latest: Map[str, tuple[str, ...]] = Map()
    by_hand: Map[str, BackupOrdered] = Map()

    def of(self, datastore: str) -> tuple[Job, ...]:
        """Return the latest jobs of the datastore, in the order they were asked for."""
        return tuple(self.all[name] for name in self.latest.get(datastore, ()))


def remember(
    datastores: Datastores,
    event: DatastoreEvent,
    index: int,
) -> Datastores:
    """Return the datastores with the event folded in."""
    datastore = datastores.get(event.datastore, Datastore())
    match event:
        case BackupSeen():
            kept = [
                seen
                for seen in datastore.backups
                if seen.backup.finished_at >= before(event.finished_at, KEPT)
                and _name(seen.backup) != _name(event)
            ]
            kept.append(SeenBackup(event, index))
            kept.sort(key=lambda seen: seen.backup.finished_at)
            changed = replace(datastore, backups=tuple(kept))
        case BackupGone():
            left = tuple(
                seen for seen in datastore.backups if _name(seen.backup) != _name(event)
            )
            changed = replace(datastore, backups=left)
        case ProtectionSeen():
            first = datastore.first_seen_at or event.at
            changed = replace(
                _read(datastore, event),
                seen=event,
                seen_index=index,
                first_seen_at=first,
            )
        case BackupWeighed():
            changed = replace(datastore, weights=_weighed(datastore, event, index))
        case DatastoreMeasured():
            since = before(event.at, READINGS_KEPT)
            fresh = tuple(each for each in datastore.measures if each[0].at >= since)
            changed = replace(datastore, measures=(*fresh, (event, index)))
        case RepositoryExamined():
            tried = datastore.examined | {event.repository: ExaminedAt(event, index)}
            changed = replace(datastore, examinations=tuple(tried.values()))
        case WindowSeen():
            windows = datastore.windows | {event.repository: WindowAt(event, index)}
            changed = replace(datastore, looked_up=tuple(windows.values()))
        case WalSeen():
            recent = [w for w in datastore.wal if w.at >= before(event.at, WAL_KEPT)]
            changed = replace(datastore, wal=(*recent, event))
        case DrillFinished():
            changed = replace(datastore, drills=(*datastore.drills, (event, index)))
    return datastores.set(event.datastore, changed)


def remember_job(jobs: Jobs, event: JobEvent, index: int) -> Jobs:
    """Return the jobs with the event folded in."""
    if isinstance(event, BackupOrdered):
        return replace(jobs, by_hand=jobs.by_hand.set(event.job, event))
    if isinstance(event, JobRequested):
        known = jobs.all.set(event.job, Job(event, index))
        latest = tuple(
            name
            for name in jobs.latest.get(event.datastore, ())
            if jobs.all[name].requested.at >= before(event.at, JOBS_KEPT)
        )
        return replace(
            jobs,
            all=known,
            open=jobs.open.set(event.job, None),
            latest=jobs.latest.set(event.datastore, (*latest, event.job)),
        )
    job = jobs.all.get(event.job)
    if job is None:
        return jobs
    match event:
        case JobTaken():
            changed = replace(job, taken=event)
            return replace(jobs, all=jobs.all.set(event.job, changed))
        case JobProgressed():
            changed = replace(job, progressed=event)
            return replace(jobs, all=jobs.all.set(event.job, changed))
        case JobStarted():
            changed = replace(job, started=event, started_index=index)
            return replace(jobs, all=jobs.all.set(event.job, changed))
        case JobFinished() | JobLost():
            ended = replace(job, ended=event, ended_index=index)
            open_now = jobs.open
            if event.job in open_now:
                open_now = open_now.delete(event.job)
            return replace(jobs, all=jobs.all.set(event.job, ended), open=open_now)


def _read(datastore: Datastore, seen: ProtectionSeen) -> Datastore:
    """Return the datastore with one more reading of its gauge."""
    age = None
    if seen.recoverable_to is not None:
        age = max(seen.at - seen.recoverable_to, timedelta(0))
    since = before(seen.at, READINGS_KEPT)
    fresh = tuple(reading for reading in datastore.readings if reading.at >= since)
    old = datastore.readings[: len(datastore.readings) - len(fresh)]
    hours = list(datastore.hours)
    for reading in old:
        if hours and _hour(hours[-1].at) == _hour(reading.at):
            hours[-1] = max(hours[-1], reading, key=lambda each: each.severity)
        else:
            hours.append(reading)
    if old:
        hours = [each for each in hours if each.at >= before(seen.at, HOURS_KEPT)]
    now = Reading(seen.at, age, seen.running)
    return replace(datastore, readings=(*fresh, now), hours=tuple(hours))


def _weighed(
    datastore: Datastore, event: BackupWeighed, index: int
) -> tuple[tuple[BackupWeighed, int], ...]:
    oldest = before(event.finished_at, HOURS_KEPT)
    kept = [weight for weight in datastore.weights if weight[0].finished_at >= oldest]
    kept.append((event, index))
    return tuple(sorted(kept, key=lambda weight: weight[0].finished_at))


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // int(_HOUR.total_seconds())


def cancel(jobs: Jobs, event: OrderCancelled) -> Jobs:
    """Return the jobs without those of the order that nobody took."""
    for name in (event.order, f"{event.order}-restore"):
        job = jobs.all.get(name)
        if job is None or job.taken is not None or job.ended is not None:
            continue
        known = jobs.all.set(name, replace(job, cancelled=event))
        still = jobs.open.delete(name) if name in jobs.open else jobs.open
        jobs = replace(jobs, all=known, open=still)
    return jobs


def _name(backup: BackupSeen | BackupGone) -> tuple[int, str]:
    return backup.repository, backup.label
