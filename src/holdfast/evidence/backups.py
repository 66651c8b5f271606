"""Backups as people are shown them: what lies where, who started it, what was tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdfast.domain.controls import backups, off_site
from holdfast.domain.controls.judging import Situation
from holdfast.domain.controls.schedule import maker
from holdfast.domain.events.repository import (
    Deletion,
    Escrow,
    WrongKey,
)
from holdfast.domain.memory import protection as memory
from holdfast.domain.memory.people import shown
from holdfast.evidence.views import Standing

Phase = Literal["ordered", "running", "good", "failed"]


@dataclass(frozen=True, slots=True)
class StoredView:
    """A backup in a repository. ``started_by`` is "schedule", a person, or "others"."""

    label: str
    kind: str
    started_by: str
    started_at: datetime
    finished_at: datetime
    took: timedelta
    size_bytes: int
    cipher: str | None
    error: bool
    index: int


@dataclass(frozen=True, slots=True)
class TriedView:
    """What the newest verification tried, and when."""

    at: datetime
    read_back: bool
    wrong_key: WrongKey
    deletion: Deletion
    escrow: Escrow
    owner: str | None
    region: str | None
    evidence: str
    index: int


@dataclass(frozen=True, slots=True)
class RepositoryView:
    """A repository: from when to when it restores, with holes; newest backups first.

    ``restorable_since`` is ``None`` where nobody has looked, or nothing leads to now.
    """

    number: int
    off_site: bool
    restorable_since: datetime | None
    restorable_until: datetime | None
    holes: tuple[str, ...]
    looked_at: datetime | None
    tried: TriedView | None
    backups: tuple[StoredView, ...]


@dataclass(frozen=True, slots=True)
class BackupJobView:
    """A job on backups: what it is about, and how it stands."""

    id: str
    datastore: str
    verb: str
    repository: int | None
    ordered_by: str
    ordered_at: datetime
    phase: Phase
    step: str
    percent: int | None
    detail: str
    evidence: str | None
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BackupsView:
    """All backups of a datastore, how its two promises stand, and the newest jobs.

    ``kept_for`` is how long the policy wants backups kept, where it says so.
    """

    datastore: str
    backups: Standing
    backups_reason: str
    off_site: Standing
    off_site_reason: str
    kept_for: timedelta | None
    repositories: tuple[RepositoryView, ...]
    jobs: tuple[BackupJobView, ...]


JOBS_SHOWN = 10
VERBS = frozenset({"backup", "verify", "expire"})


def backups_views(situation: Situation) -> tuple[BackupsView, ...]:
    """Return the backups of every production datastore."""
    found = []
    for declared in backups.covered(situation):
        own = backups.judge_one(situation, declared)
        copy = off_site.judge_one(situation, declared)
        known = situation.state.datastores.get(declared.id, memory.Datastore())
        numbers = sorted({seen.backup.repository for seen in known.backups})
        jobs = [
            job_view(situation, job)
            for job in situation.state.jobs.of(declared.id)
            if job.requested.verb in VERBS
        ]
        found.append(
            BackupsView(
                datastore=declared.id,
                backups=own.standing,
                backups_reason=own.reason,
                off_site=copy.standing,
                off_site_reason=copy.reason,
                kept_for=situation.rules.backups_kept_for,
                repositories=tuple(
                    _repository(situation, declared.id, known, n) for n in numbers
                ),
                jobs=tuple(reversed(jobs[-JOBS_SHOWN:])),
            )
        )
    return tuple(found)


def job_view(situation: Situation, job: memory.Job) -> BackupJobView:
    """Return one job as people are shown it."""
    asked, told = job.requested, job.progressed
    ordered = situation.state.jobs.by_hand.get(asked.job)
    phase: Phase = "running" if job.started is not None else "ordered"
    if job.ended is not None:
        phase = "good" if job.ok else "failed"
    places = (job.requested_index, job.started_index, job.ended_index)
    by = shown(situation.state.erasures, ordered.by) if ordered else "schedule"
    return BackupJobView(
        id=asked.job,
        datastore=asked.datastore,
        verb=asked.verb,
        repository=asked.repository,
        ordered_by=by,
        ordered_at=asked.at,
        phase=phase,
        step=told.step if told else "",
        percent=told.percent if told else None,
        detail=job.ended.detail if job.ended else "",
        evidence=getattr(job.ended, "evidence", None),
        indices=tuple(place for place in places if place is not None),
    )


def _repository(
    situation: Situation, name: str, known: memory.Datastore, number: int
) -> RepositoryView:
    held = known.of_repository(number)
    window, tried = known.windows.get(number), known.examined.get(number)
    return RepositoryView(
        number=number,
        off_site=held[-1].backup.off_site,
        restorable_since=window.event.since if window else None,
        restorable_until=window.event.until if window else None,
        holes=window.event.holes if window else (),
        looked_at=window.event.at if window else None,
        tried=_tried(tried) if tried else None,
        backups=tuple(_stored(situation, name, seen) for seen in reversed(held)),
    )


def _tried(found: memory.ExaminedAt) -> TriedView:
    event = found.event
    return TriedView(
        at=event.at,
        read_back=event.read_back,
        wrong_key=event.wrong_key,
        deletion=event.deletion,
        escrow=event.escrow,
        owner=event.owner,
        region=event.region,
        evidence=event.evidence,
        index=found.index,
    )


def _stored(situation: Situation, name: str, seen: memory.SeenBackup) -> StoredView:
    backup = seen.backup
    job = maker(situation, name, seen)
    ordered = situation.state.jobs.by_hand.get(job.requested.job) if job else None
    by = "others" if job is None else "schedule"
    return StoredView(
        label=backup.label,
        kind=backup.kind,
        started_by=shown(situation.state.erasures, ordered.by) if ordered else by,
        started_at=backup.started_at,
        finished_at=backup.finished_at,
        took=backup.finished_at - backup.started_at,
        size_bytes=backup.size_bytes,
        cipher=backup.cipher,
        error=backup.error,
        index=seen.index,
    )
