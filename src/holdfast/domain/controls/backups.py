"""Backups are automated, encrypted, taken daily, with point-in-time recovery on.

Four single facts, each shown by evidence of its own; the worst decides.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)
from holdfast.domain.events.job import JobRequested
from holdfast.domain.memory import protection

# The job is asked for this long before the day is over, and again after a failure.
LEAD = timedelta(hours=1)
RETRY = timedelta(minutes=10)
LOOK_COUNTS_FOR = timedelta(minutes=15)
# How far back gaps between backups still count against the promise.
HISTORY = timedelta(days=31)
DAY = timedelta(days=1)

WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")


def judge(situation: Situation) -> Verdict:
    """Judge every production datastore; the worst one decides."""
    verdicts = [_judge_one(situation, datastore) for datastore in covered(situation)]
    if not verdicts:
        return unproven("the catalogue names no production datastore")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe a backup to each repository of each datastore, once a day."""
    duties: list[Duty] = []
    for datastore in covered(situation):
        known = situation.state.datastores.get(datastore.id)
        if known is None or known.seen is None or not known.seen.running:
            continue  # Nothing can be backed up while nobody sees it running.
        if _restoring(situation, datastore.id):
            continue
        own = [
            _backup_duty(situation, datastore, known, number)
            for number in known.seen.repositories
        ]
        duties.extend(_one_at_a_time(own))
    return tuple(duties)


def covered(situation: Situation) -> tuple[Datastore, ...]:
    """Return the datastores under the promise."""
    return tuple(d for d in situation.rules.catalogue.datastores if d.production)


def _judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    known = situation.state.datastores.get(datastore.id)
    if known is None or not known.backups:
        return unproven(f"{datastore.id}: no backup has been seen yet")
    gap = situation.rules.duration("backup_gap")
    newest = known.backups[-1]
    proof = Proof(
        f"{datastore.id}: {newest.backup.kind} backup {newest.backup.label}, "
        f"{newest.backup.cipher or 'not encrypted'}",
        newest.index,
        newest.backup.finished_at,
    )
    for fault in _faults(situation, datastore.id, known, gap):
        return Verdict("breached", fault, (proof,))
    seen = known.seen
    if seen is None or not within(seen.at, situation.now, LOOK_COUNTS_FOR):
        return Verdict("stale", f"{datastore.id}: the last look is old", (proof,))
    archive = Proof("archiving runs", known.seen_index, seen.at)
    if not _automated(situation, datastore.id):
        reason = f"{datastore.id}: nobody has seen a backup start by itself"
        return unproven(reason, proof, archive)
    reason = f"{datastore.id}: automated, encrypted, daily, restorable to any moment"
    due = newest.backup.finished_at + gap
    return Verdict("met", reason, (proof, archive), due)


def _faults(
    situation: Situation, name: str, known: protection.Datastore, gap: timedelta
) -> list[str]:
    faults = []
    newest = known.backups[-1].backup
    if newest.cipher is None:
        faults.append(f"{name}: the newest backup is not encrypted")
    if newest.error:
        faults.append(f"{name}: the repository itself doubts its newest backup")
    if situation.now - newest.finished_at > gap:
        faults.append(f"{name}: the newest backup is older than {_hours(gap)}")
    if _widest_gap(known, situation.now) > gap:
        faults.append(f"{name}: two backups lay more than {_hours(gap)} apart")
    if known.seen is not None and known.seen.running and not known.seen.archiving:
        faults.append(f"{name}: point-in-time recovery is off")
    if known.seen is not None and known.seen.archive_failing:
        faults.append(f"{name}: archiving fails")
    return faults


def _widest_gap(known: protection.Datastore, now: datetime) -> timedelta:
    recent = [
        seen.backup.finished_at
        for seen in known.backups
        if seen.backup.finished_at >= now - HISTORY
    ]
    return max((b - a for a, b in pairwise(recent)), default=timedelta(0))


def _automated(situation: Situation, datastore: str) -> bool:
    return any(
        job.requested.verb == "backup" and job.ok
        for job in situation.state.jobs.all.values()
        if job.requested.datastore == datastore
    )


def _restoring(situation: Situation, datastore: str) -> bool:
    """Say whether a recovery of the datastore was ordered and is not over."""
    return any(
        recovery.ordered.datastore == datastore and recovery.verified is None
        for recovery in situation.state.recoveries.values()
        if recovery.ordered.incident in situation.state.running
    )


def _backup_duty(
    situation: Situation,
    datastore: Datastore,
    known: protection.Datastore,
    repository: int,
) -> Duty:
    taken = known.of_repository(repository)
    last = taken[-1].backup.finished_at if taken else None
    gap = situation.rules.duration("backup_gap")
    due = last + gap if last else situation.now + gap
    acts_from = last + DAY - LEAD if last else situation.now
    conclusions: tuple[JobRequested, ...] = ()
    if situation.now >= acts_from and _may_ask(situation, datastore.id, repository):
        conclusions = (_request(situation, datastore.id, repository),)
    return Duty(
        key=f"backup/{datastore.id}/{repository}/{due:%Y%m%dT%H%M}",
        control="backups",
        what=f"back up {datastore.id} to repository {repository}",
        owner="PL",
        due_at=due,
        conclusions=conclusions,
    )


def _one_at_a_time(duties: list[Duty]) -> list[Duty]:
    """Ask for the first backup only: two at once would lock each other out."""
    first = next((duty.key for duty in duties if duty.conclusions), None)
    return [
        duty if duty.key == first else replace(duty, conclusions=()) for duty in duties
    ]


def _may_ask(situation: Situation, datastore: str, repository: int) -> bool:
    """Say whether no such job runs and the last failure is long enough ago."""
    for job in situation.state.jobs.all.values():
        asked = job.requested
        if asked.datastore != datastore or asked.verb != "backup":
            continue
        if job.ended is None:
            return False  # One at a time: pgBackRest locks the stanza.
        recent = situation.now - job.ended.at < RETRY
        if asked.repository == repository and recent:
            return False
    return True


def _request(situation: Situation, datastore: str, repository: int) -> JobRequested:
    return JobRequested(
        job=f"backup-{datastore}-r{repository}-{situation.now:%Y%m%dT%H%M%S}",
        datastore=datastore,
        verb="backup",
        repository=repository,
        target=None,
        recovery=None,
        at=situation.now,
    )


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:g} hours"
