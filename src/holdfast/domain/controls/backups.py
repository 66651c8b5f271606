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
from holdfast.domain.events.observation import BackupSeen
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
        known = situation.state.datastores.get(datastore.id, protection.Datastore())
        own = [
            _backup_duty(situation, datastore, known, number)
            for number in _repositories(known) or (None,)
        ]
        duties.extend(_one_at_a_time(own))
    return tuple(duties)


def gap(situation: Situation) -> timedelta:
    """Return the longest time between two backups: a decision's, else the policy's own
    rhythm and a twelfth of it (26 hours for a daily one).
    """
    every = situation.rules.backup_every
    if every is None or situation.rules.terms["backup_gap"].source == "decision":
        return situation.rules.duration("backup_gap")
    return every * 13 / 12


def first_owed_at(situation: Situation, datastore: str) -> datetime:
    """Return from when something is owed of a datastore of which there is none yet:
    since it was first seen, or else since a policy is in force.
    """
    known = situation.state.datastores.get(datastore)
    seen_at = known.first_seen_at if known else None
    return seen_at or situation.state.adopted.first_at or situation.now


def may_be_asked(situation: Situation, datastore: str, repository: int) -> bool:
    """Say whether a backup beside the daily one may be asked for now: it is seen to be
    possible, and nothing else of the datastore is under way or about to be.
    """
    known = situation.state.datastores.get(datastore)
    return (
        known is not None
        and _can_be_backed_up(known, repository)
        and not _restoring(situation, datastore)
        and _may_ask(situation, datastore, repository)
        and not any(
            request.datastore == datastore
            for duty in owes(situation)
            for request in duty.conclusions
            if isinstance(request, JobRequested)
        )
    )


def covered(situation: Situation) -> tuple[Datastore, ...]:
    """Return the datastores under the promise."""
    return tuple(d for d in situation.rules.catalogue.datastores if d.production)


def _judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    known = situation.state.datastores.get(datastore.id)
    if known is None or not known.backups:
        return _none_yet(situation, datastore)
    newest = known.backups[-1]
    proof = Proof(
        f"{datastore.id}: {newest.backup.kind} backup {newest.backup.label}, "
        f"{newest.backup.cipher or 'not encrypted'}",
        newest.index,
        newest.backup.finished_at,
    )
    for fault in _faults(situation, datastore.id, known):
        return Verdict("breached", fault, (proof,))
    for doubt in _left_behind(situation, datastore.id, known):
        return Verdict("at_risk", doubt, (proof,))
    seen = known.seen
    if seen is None or not within(seen.at, situation.now, LOOK_COUNTS_FOR):
        return Verdict("stale", f"{datastore.id}: the last look is old", (proof,))
    look = Proof("the last look", known.seen_index, seen.at)
    if not seen.running:
        reason = f"{datastore.id}: it does not run, so that nobody sees it archive"
        return unproven(reason, proof, look)
    if not _automated(situation, datastore.id):
        reason = f"{datastore.id}: nobody has seen a backup start by itself of late"
        return unproven(reason, proof, look)
    reason = f"{datastore.id}: automated, encrypted, daily, restorable to any moment"
    due = newest.backup.finished_at + gap(situation)
    archive = Proof("archiving runs", known.seen_index, seen.at)
    return Verdict("met", reason, (proof, archive), due)


def _none_yet(situation: Situation, datastore: Datastore) -> Verdict:
    due = first_owed_at(situation, datastore.id) + gap(situation)
    if situation.now > due:
        reason = f"{datastore.id}: no backup at all in {_hours(gap(situation))}"
        return Verdict("breached", reason, (), due)
    return unproven(f"{datastore.id}: no backup has been seen yet")


def _faults(situation: Situation, name: str, known: protection.Datastore) -> list[str]:
    faults = []
    longest, now = gap(situation), situation.now
    for newest in _newest_of_each(known):
        where = f"the newest backup in repository {newest.repository}"
        if newest.cipher is None:
            faults.append(f"{name}: {where} is not encrypted")
        if newest.error:
            faults.append(f"{name}: the repository itself doubts {where}")
    if now - known.backups[-1].backup.finished_at > longest:
        faults.append(f"{name}: the newest backup is older than {_hours(longest)}")
    if _widest_gap(known, now) > longest:
        faults.append(f"{name}: two backups lay more than {_hours(longest)} apart")
    if known.seen is not None and known.seen.running and not known.seen.archiving:
        faults.append(f"{name}: point-in-time recovery is off")
    if known.seen is not None and known.seen.archive_failing:
        faults.append(f"{name}: archiving fails")
    return faults


def _left_behind(
    situation: Situation, name: str, known: protection.Datastore
) -> list[str]:
    """Name the repositories whose own newest backup is too old."""
    longest = gap(situation)
    return [
        f"{name}: repository {newest.repository} has had no backup for longer than "
        f"{_hours(longest)}"
        for newest in _newest_of_each(known)
        if situation.now - newest.finished_at > longest
    ]


def _newest_of_each(known: protection.Datastore) -> list[BackupSeen]:
    newest = {seen.backup.repository: seen.backup for seen in known.backups}
    return [newest[number] for number in sorted(newest)]


def _repositories(known: protection.Datastore) -> tuple[int, ...]:
    """Return those that answered, and those that held a backup when they last did."""
    answered = known.seen.repositories if known.seen else ()
    held = {seen.backup.repository for seen in known.backups}
    return tuple(sorted(held.union(answered)))


def _widest_gap(known: protection.Datastore, now: datetime) -> timedelta:
    recent = [
        seen.backup.finished_at
        for seen in known.backups
        if seen.backup.finished_at >= now - HISTORY
    ]
    return max((b - a for a, b in pairwise(recent)), default=timedelta(0))


def _automated(situation: Situation, datastore: str) -> bool:
    return any(
        job.requested.verb == "backup"
        and job.ok
        and job.ended is not None
        and within(job.ended.at, situation.now, gap(situation))
        for job in situation.state.jobs.of(datastore)
    )


def _restoring(situation: Situation, datastore: str) -> bool:
    """Say whether a recovery of the datastore was ordered and is not over."""
    return any(
        recovery.ordered.datastore == datastore and recovery.verified is None
        for recovery in situation.state.recoveries.values()
        if recovery.ordered.incident in situation.state.running
        and (recovery.preflight is None or recovery.preflight.ok)
    )


def _backup_duty(
    situation: Situation,
    datastore: Datastore,
    known: protection.Datastore,
    repository: int | None,
) -> Duty:
    """Owe the next backup; a repository of ``None`` stands for one not known yet."""
    name, now = datastore.id, situation.now
    taken = known.of_repository(repository) if repository is not None else ()
    last = taken[-1].backup.finished_at if taken else None
    due = (last or first_owed_at(situation, name)) + gap(situation)
    every = situation.rules.backup_every or DAY
    acts_from = last + every - min(LEAD, every / 24) if last else now
    conclusions: tuple[JobRequested, ...] = ()
    if (
        repository is not None
        and now >= acts_from
        and _can_be_backed_up(known, repository)
        and not _restoring(situation, name)
        and _may_ask(situation, name, repository)
    ):
        conclusions = (_request(situation, name, repository),)
    where = f" to repository {repository}" if repository is not None else ""
    return Duty(
        key=f"backup/{name}/{repository or 'any'}/{due:%Y%m%dT%H%M}",
        control="backups",
        what=f"back up {name}{where}",
        owner="PL",
        due_at=due,
        conclusions=conclusions,
    )


def _can_be_backed_up(known: protection.Datastore, repository: int) -> bool:
    """Say whether it was seen running, and the repository answering."""
    seen = known.seen
    return seen is not None and seen.running and repository in seen.repositories


def _one_at_a_time(duties: list[Duty]) -> list[Duty]:
    """Ask for the first backup only: two at once would lock each other out."""
    first = next((duty.key for duty in duties if duty.conclusions), None)
    return [
        duty if duty.key == first else replace(duty, conclusions=()) for duty in duties
    ]


def _may_ask(situation: Situation, datastore: str, repository: int) -> bool:
    """Say whether no job is in the way and the last failure is long enough ago."""
    for job in situation.state.jobs.of(datastore):
        asked = job.requested
        if asked.verb == "verify":
            continue
        if job.ended is None:
            return False  # One at a time: pgBackRest locks the stanza.
        recent = situation.now - job.ended.at < RETRY
        if asked.verb == "backup" and asked.repository == repository and recent:
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
