"""Looks at how datastores are protected, as often as the gauge needs it, and after
every job and recovery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.measure import BackupWeighed, DatastoreMeasured
from holdfast.domain.events.observation import BackupGone, BackupSeen, ProtectionSeen
from holdfast.domain.events.repository import WalSeen, WindowSeen
from holdfast.journal import Fact
from holdfast.operations.act import keep_evidence
from holdfast.operations.ports.engine import Description, Engine, Points
from holdfast.operations.world import Work, Workshop

LOOK_EVERY = timedelta(minutes=5)
# A window of recovery that only grows is told this often.
TELL_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Look:
    """A look that is due at one datastore."""

    key: str
    look: Work


def due_looks(situation: Situation, shop: Workshop) -> list[Look]:
    """Return the looks that are due: by the minute, and after every job."""
    found = []
    for datastore in situation.rules.catalogue.datastores:
        engine = shop.engines.get(datastore.engine)
        if (
            engine is not None
            and engine.has(datastore.id)
            and _is_due(situation, datastore)
        ):
            work = partial(_look, shop, engine, datastore)
            found.append(Look(datastore.id, work))
    return found


def _is_due(situation: Situation, datastore: Datastore) -> bool:
    known = situation.state.datastores.get(datastore.id)
    if known is None or known.seen is None:
        return True
    if situation.now - known.seen.at >= LOOK_EVERY:
        return True
    seen_at = known.seen.at
    jobs = situation.state.jobs.all.values()
    recoveries = situation.state.recoveries.values()
    return any(
        job.ended is not None and job.ended.at > seen_at
        for job in jobs
        if job.requested.datastore == datastore.id
    ) or any(
        recovery.verified is not None and recovery.verified.at > seen_at
        for recovery in recoveries
        if recovery.ordered.datastore == datastore.id
    )


def _look(shop: Workshop, engine: Engine, datastore: Datastore) -> Sequence[Fact]:
    described = engine.describe(datastore.id)
    points = engine.points(datastore.id)
    at = shop.clock.now()
    evidence = keep_evidence(shop.store, (*described.evidence, *points.evidence))
    seen = ProtectionSeen(
        datastore=datastore.id,
        at=at,
        running=described.running,
        archiving=described.archiving,
        archive_failing=described.archive_failing or _never_came(described, points),
        recoverable_to=points.recoverable_to,
        repositories=tuple(r.number for r in points.repositories if r.reachable),
        evidence=evidence,
    )
    gone = _gone(shop, datastore.id, points)
    measured = _measured(shop, engine, points) if described.running else []
    wal = _wal(described, at)
    windows = _windows(shop, points)
    weights = _weights(datastore.id, points)
    return [
        Fact(seen, at),
        *wal,
        *_backups(datastore.id, points),
        *gone,
        *windows,
        *measured,
        *weights,
    ]


def _never_came(described: Description, points: Points) -> bool:
    """Say whether a repository lacks what the server believes to be archived.

    An `archive_command` that only says yes loses all; the server was looked at first,
    so that a repository cannot be behind for any other reason.
    """
    newest = described.last_archived_wal
    return newest is not None and any(
        repository.reachable
        and repository.wal_max is not None
        and repository.wal_max < newest
        for repository in points.repositories
    )


def _wal(described: Description, at: datetime) -> list[Fact]:
    """Return how much WAL lies on the server, where that could be seen."""
    if described.wal_bytes is None or described.wal_free_bytes is None:
        return []
    seen = WalSeen(
        described.datastore, at, described.wal_bytes, described.wal_free_bytes
    )
    return [Fact(seen, at)]


def _windows(shop: Workshop, points: Points) -> list[Fact]:
    """Return the windows of recovery that are new: changed, or not told for an hour."""
    known = shop.log.state().datastores.get(points.datastore)
    found = []
    for repository in points.repositories:
        window = repository.window
        before = known.windows.get(repository.number) if known else None
        if window is None or (
            before is not None
            and points.at - before.event.at < TELL_EVERY
            and (before.event.since, before.event.holes) == (window.since, window.holes)
        ):
            continue
        seen = WindowSeen(
            points.datastore,
            repository.number,
            window.since,
            window.until,
            window.holes,
            points.at,
        )
        found.append(Fact(seen, points.at))
    return found


def _measured(shop: Workshop, engine: Engine, points: Points) -> list[Fact]:
    ended = shop.log.state().suspicions.ended_at.get(points.datastore)
    found = engine.measure(points.datastore, points, ended)
    if found is None:
        return []
    event = DatastoreMeasured(
        datastore=points.datastore,
        at=found.at,
        heartbeat_at=found.heartbeat_at,
        recoverable_heartbeat_at=found.recoverable_heartbeat_at,
        waiting_segments=found.waiting_segments,
        wal_position=found.wal_position,
        streaming=found.streaming,
        not_streaming=found.not_streaming,
        canaries=found.canaries,
        evidence=keep_evidence(shop.store, found.evidence),
    )
    return [Fact(event, found.at)]


def _backups(datastore: str, points: Points) -> list[Fact]:
    return [
        Fact(
            BackupSeen(
                datastore=datastore,
                repository=repository.number,
                off_site=repository.off_site,
                label=backup.label,
                kind=backup.kind,
                started_at=backup.started_at,
                finished_at=backup.finished_at,
                size_bytes=backup.size_bytes,
                cipher=repository.cipher,
                error=backup.error,
            ),
            points.at,
        )
        for repository in points.repositories
        for backup in repository.backups
    ]


def _weights(datastore: str, points: Points) -> list[Fact]:
    return [
        Fact(
            BackupWeighed(
                datastore=datastore,
                repository=repository.number,
                label=backup.label,
                kind=backup.kind,
                finished_at=backup.finished_at,
                size_bytes=backup.size_bytes,
                copied_bytes=backup.copied_bytes,
                stored_bytes=backup.stored_bytes,
            ),
            points.at,
        )
        for repository in points.repositories
        for backup in repository.backups
        if backup.copied_bytes
    ]


def _gone(shop: Workshop, datastore: str, points: Points) -> list[Fact]:
    """Return the backups that a reachable repository lists no more."""
    known = shop.log.state().datastores.get(datastore)
    listed = {
        repository.number: {backup.label for backup in repository.backups}
        for repository in points.repositories
        if repository.reachable
    }
    return [
        Fact(
            BackupGone(datastore, seen.backup.repository, seen.backup.label, points.at),
            points.at,
        )
        for seen in (known.backups if known else ())
        if seen.backup.label
        not in listed.get(seen.backup.repository, {seen.backup.label})
    ]
