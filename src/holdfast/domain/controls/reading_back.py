"""Every repository is read back daily, and tried: what backups and off-site rest on."""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls.judging import Duty, Situation, within
from holdfast.domain.events.job import JobRequested
from holdfast.domain.memory.protection import ExaminedAt, Job, SeenBackup
from holdfast.domain.promises import ControlName

READ_BACK_EVERY = timedelta(days=1)
COUNTS_FOR = 2 * READ_BACK_EVERY
RETRY = timedelta(minutes=10)


def duty(
    situation: Situation, datastore: Datastore, repository: int, control: ControlName
) -> Duty:
    """Owe the next read-back from the last good one, not from the newest backup: a
    copy that is never read back must not look young for ever.
    """
    held = _held(situation, datastore.id, repository)
    jobs = read_backs(situation, datastore.id, repository)
    good = [job for job in jobs if job.ok and job.ended is not None]
    last = good[-1] if good else None
    oldest = min(seen.backup.finished_at for seen in held)
    base = last.ended.at if last and last.ended else oldest
    covered = last is not None and last.requested.at >= held[-1].backup.finished_at
    wanted = not covered or situation.now - base >= READ_BACK_EVERY
    conclusions: tuple[JobRequested, ...] = ()
    if wanted and _may_ask(situation, datastore.id, jobs):
        conclusions = (_request(situation, datastore.id, repository),)
    return Duty(
        key=f"read-back/{datastore.id}/{repository}/{base:%Y%m%dT%H%M%S}",
        control=control,
        what=f"read repository {repository} of {datastore.id} back",
        owner="PL",
        due_at=base + COUNTS_FOR,
        conclusions=conclusions,
    )


def read_backs(situation: Situation, datastore: str, repository: int) -> list[Job]:
    """Return the verifications of a repository, and the restores from it that worked.

    A restore may fail for reasons of the place that it was to fill.
    """
    return [
        job
        for job in situation.state.jobs.of(datastore)
        if job.requested.repository == repository
        and (
            job.requested.verb == "verify"
            or (job.requested.verb == "restore" and job.ok)
        )
    ]


def whole_since(
    situation: Situation, datastore: str, repository: int
) -> datetime | None:
    """Return when the newest backup was read back well, with all that lies there."""
    held = _held(situation, datastore, repository)
    good = [
        job.ended.at
        for job in read_backs(situation, datastore, repository)
        if job.requested.verb == "verify"
        and job.ok
        and job.ended is not None
        and held
        and job.requested.at >= held[-1].backup.finished_at
    ]
    return good[-1] if good else None


def examined(
    situation: Situation, datastore: str, repository: int
) -> ExaminedAt | None:
    """Return what was found by trying, while it still counts."""
    known = situation.state.datastores.get(datastore)
    found = known.examined.get(repository) if known else None
    if found is None or not within(found.event.at, situation.now, COUNTS_FOR):
        return None
    return found


def _held(
    situation: Situation, datastore: str, repository: int
) -> tuple[SeenBackup, ...]:
    return situation.state.datastores[datastore].of_repository(repository)


def _may_ask(situation: Situation, datastore: str, jobs: list[Job]) -> bool:
    busy = any(job.ended is None for job in situation.state.jobs.of(datastore))
    ended = [job.ended.at for job in jobs if job.ended is not None]
    return not busy and not any(situation.now - at < RETRY for at in ended)


def _request(situation: Situation, datastore: str, repository: int) -> JobRequested:
    return JobRequested(
        job=f"verify-{datastore}-r{repository}-{situation.now:%Y%m%dT%H%M%S}",
        datastore=datastore,
        verb="verify",
        repository=repository,
        target=None,
        recovery=None,
        at=situation.now,
    )
