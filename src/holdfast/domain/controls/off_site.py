"""Backups also lie in another account or region than production, and can be read back.

Shown by the off-site repository's own listing, by the catalogue's environments, and by
a verification that read the copy back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls import backups
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
)
from holdfast.domain.events.job import JobFinished, JobRequested
from holdfast.domain.memory.protection import Job, SeenBackup

WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")
READ_BACK_EVERY = timedelta(days=1)
RETRY = timedelta(minutes=10)


def judge(situation: Situation) -> Verdict:
    """Judge every production datastore; the worst one decides."""
    verdicts = [
        _judge_one(situation, datastore) for datastore in backups.covered(situation)
    ]
    if not verdicts:
        return unproven("the catalogue names no production datastore")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe a daily read-back of every off-site copy."""
    duties = []
    for datastore in backups.covered(situation):
        newest = _newest(situation, datastore)
        if newest is not None:
            duties.append(_read_back_duty(situation, datastore, newest))
    return tuple(duties)


def separate(situation: Situation, datastore: Datastore) -> bool:
    """Say whether the copy's environment is another account or another region."""
    environments = {e.id: e for e in situation.rules.catalogue.environments}
    here = environments.get(datastore.environment)
    there = environments.get(datastore.backup_environment or "")
    if here is None or there is None:
        return False
    return (here.provider, here.account) != (there.provider, there.account) or (
        here.region != there.region
    )


def _judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    newest = _newest(situation, datastore)
    if newest is None:
        return unproven(f"{datastore.id}: no off-site backup has been seen yet")
    proof = Proof(
        f"{datastore.id}: off-site backup {newest.backup.label}",
        newest.index,
        newest.backup.finished_at,
    )
    if not separate(situation, datastore):
        reason = f"{datastore.id}: the copy shares account and region with production"
        return Verdict("breached", reason, (proof,))
    if situation.now - newest.backup.finished_at > backups.gap(situation):
        return Verdict("breached", f"{datastore.id}: the copy is too old", (proof,))
    return _by_read_back(situation, datastore, newest, proof)


def _by_read_back(
    situation: Situation, datastore: Datastore, newest: SeenBackup, proof: Proof
) -> Verdict:
    done = [
        job
        for job in _read_backs(situation, datastore.id, newest.backup.repository)
        if isinstance(job.ended, JobFinished)
        and job.requested.at >= newest.backup.finished_at
    ]
    if not done:
        reason = f"{datastore.id}: the newest copy has not been read back yet"
        return unproven(reason, proof)
    last = done[-1]
    assert last.ended is not None
    read = Proof(f"{datastore.id}: read back", last.ended_index, last.ended.at)
    if not last.ok:
        reason = f"{datastore.id}: reading the copy back failed"
        return Verdict("breached", reason, (read, proof))
    due = last.ended.at + 2 * READ_BACK_EVERY
    if situation.now > due:
        return Verdict("stale", f"{datastore.id}: last read back too long ago", (read,))
    reason = f"{datastore.id}: in another account or region, and read back"
    return Verdict("met", reason, (proof, read), due)


def _newest(situation: Situation, datastore: Datastore) -> SeenBackup | None:
    known = situation.state.datastores.get(datastore.id)
    found = [s for s in (known.backups if known else ()) if s.backup.off_site]
    return found[-1] if found else None


def _read_backs(situation: Situation, datastore: str, repository: int) -> list[Job]:
    """Return the verifications of the copy, and the restores from it that worked.

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


def _read_back_duty(
    situation: Situation, datastore: Datastore, newest: SeenBackup
) -> Duty:
    """Owe the next read-back from the last good one, not from the newest backup: a
    copy that is never read back must not look young for ever.
    """
    repository = newest.backup.repository
    jobs = _read_backs(situation, datastore.id, repository)
    good = [job for job in jobs if job.ok and job.ended is not None]
    last = good[-1] if good else None
    base = last.ended.at if last and last.ended else _oldest(situation, datastore)
    covered = last is not None and last.requested.at >= newest.backup.finished_at
    wanted = not covered or situation.now - base >= READ_BACK_EVERY
    conclusions: tuple[JobRequested, ...] = ()
    if wanted and _may_ask(situation, datastore.id, jobs):
        conclusions = (_request(situation, datastore.id, repository),)
    return Duty(
        key=f"read-back/{datastore.id}/{repository}/{base:%Y%m%dT%H%M%S}",
        control="off_site",
        what=f"read the off-site copy of {datastore.id} back",
        owner="PL",
        due_at=base + 2 * READ_BACK_EVERY,
        conclusions=conclusions,
    )


def _oldest(situation: Situation, datastore: Datastore) -> datetime:
    known = situation.state.datastores[datastore.id].backups
    return min(s.backup.finished_at for s in known if s.backup.off_site)


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
