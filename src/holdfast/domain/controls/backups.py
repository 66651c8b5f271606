"""Backups are automated, encrypted, taken daily, with point-in-time recovery on.

Four single facts, each shown by evidence of its own; the worst decides. Automated: a
run by a schedule. Encrypted: the raw bytes, and a restore with a wrong key that was
refused. Daily: the gaps between backups, in UTC. Point-in-time recovery: a window of
restorable moments that was looked up in the archive.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls import reading_back, room_for_wal, schedule
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)
from holdfast.domain.events.job import JobRequested, JobVerb
from holdfast.domain.events.observation import BackupSeen
from holdfast.domain.memory import protection

# The job is asked for this long before the day is over, and again after a failure.
LEAD = timedelta(hours=1)
RETRY = timedelta(minutes=10)
EXPIRE_RETRY = timedelta(hours=1)
LOOK_COUNTS_FOR = timedelta(minutes=15)
WINDOW_COUNTS_FOR = timedelta(hours=2)
# How far back gaps between backups still count against the promise.
HISTORY = timedelta(days=31)
DAY = timedelta(days=1)

WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")


def judge(situation: Situation) -> Verdict:
    """Judge every production datastore; the worst one decides."""
    verdicts = [judge_one(situation, datastore) for datastore in covered(situation)]
    if not verdicts:
        return unproven("the catalogue names no production datastore")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe a backup to each repository of each datastore, once a day; that the on-site
    ones are read back, and that retention removes what it no longer wants.
    """
    duties: list[Duty] = []
    for datastore in covered(situation):
        known = situation.state.datastores.get(datastore.id, protection.Datastore())
        own = [
            _backup_duty(situation, datastore, known, number)
            for number in _repositories(known) or (None,)
        ]
        own += [
            _expiry_duty(situation, datastore, number)
            for number in sorted({seen.backup.repository for seen in known.backups})
            if _to_expire(situation, datastore.id, known, number)
        ]
        duties.extend(_one_at_a_time(own))
        duties.extend(
            reading_back.duty(situation, datastore, number, "backups")
            for number in sorted(_on_site(known))
        )
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
        and not _under_way(situation, datastore)
        and not any(
            request.datastore == datastore
            for duty in owes(situation)
            for request in duty.conclusions
            # Reading back stands in no backup's way.
            if isinstance(request, JobRequested) and request.verb != "verify"
        )
    )


def covered(situation: Situation) -> tuple[Datastore, ...]:
    """Return the datastores under the promise."""
    return tuple(d for d in situation.rules.catalogue.datastores if d.production)


def judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    """Judge one datastore."""
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
    for doubt in _doubts(situation, datastore.id, known):
        return Verdict("at_risk", doubt, (proof,))
    seen = known.seen
    if seen is None or not within(seen.at, situation.now, LOOK_COUNTS_FOR):
        return Verdict("stale", f"{datastore.id}: the last look is old", (proof,))
    look = Proof("the last look", known.seen_index, seen.at)
    if not seen.running:
        reason = f"{datastore.id}: it does not run, so that nobody sees it archive"
        return unproven(reason, proof, look)
    if not schedule.automated(situation, datastore.id, gap(situation)):
        reason = f"{datastore.id}: nobody has seen a backup start by itself of late"
        return unproven(reason, proof, look)
    for missing in _not_shown(situation, datastore.id, known):
        return unproven(f"{datastore.id}: {missing}", proof, look)
    since = max(found.event.since or seen.at for found in known.windows.values())
    reason = (
        f"{datastore.id}: automated, encrypted, daily, "
        f"restorable to any moment since {since:%Y-%m-%d %H:%M} UTC"
    )
    due = newest.backup.finished_at + gap(situation)
    archive = Proof("archiving runs", known.seen_index, seen.at)
    return Verdict("met", reason, (proof, archive, *_tried(known)), due)


def _tried(known: protection.Datastore) -> tuple[Proof, ...]:
    """Return the proofs from trying: wrong keys refused, windows looked up."""
    keys = (
        Proof(f"repository {number}: a wrong key is refused", f.index, f.event.at)
        for number, f in sorted(known.examined.items())
    )
    windows = (
        Proof(f"repository {number}: window looked up", f.index, f.event.at)
        for number, f in sorted(known.windows.items())
    )
    return (*keys, *windows)


def _not_shown(
    situation: Situation, name: str, known: protection.Datastore
) -> list[str]:
    """Name what nobody has shown of late about the repositories that hold backups."""
    missing = []
    for number in sorted({seen.backup.repository for seen in known.backups}):
        tried = reading_back.examined(situation, name, number)
        if tried is None or tried.event.wrong_key == "unknown":
            missing.append(f"nobody has tried a wrong key on repository {number}")
        window = known.windows.get(number)
        if window is None or not within(
            window.event.at, situation.now, WINDOW_COUNTS_FOR
        ):
            missing.append(
                f"nobody has looked from when on repository {number} can be restored"
            )
    return missing


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
    for number, tried in sorted(known.examined.items()):
        if tried.event.wrong_key == "opened":
            faults.append(f"{name}: a wrong key opens repository {number}")
        if not tried.event.read_back:
            faults.append(f"{name}: repository {number} was not read back whole")
        if tried.event.escrow == "fails":
            faults.append(f"{name}: the escrowed key does not open repository {number}")
    faults += [
        f"{name}: no backup in repository {number} leads to its newest WAL"
        for number, window in sorted(known.windows.items())
        if window.event.since is None and known.of_repository(number)
    ]
    short = _cut_short(situation, known)
    if short and len(short) == len(_newest_of_each(known)):
        faults += [_kept(situation, name, number) for number in short[:1]]
    if known.seen is not None and known.seen.running and not known.seen.archiving:
        faults.append(f"{name}: point-in-time recovery is off")
    if known.seen is not None and known.seen.archive_failing:
        faults.append(f"{name}: archiving fails")
    return faults


def _doubts(situation: Situation, name: str, known: protection.Datastore) -> list[str]:
    """Name what will break the promise if nobody acts: repositories whose own newest
    backup is too old, holes in an archive, a disk that fills.
    """
    longest = gap(situation)
    lack = room_for_wal.shortage(known)
    holes = [
        f"{name}: WAL segment {found.event.holes[0]} is missing in repository "
        f"{number}; it can be restored from {found.event.since:%Y-%m-%d %H:%M} UTC on"
        for number, found in sorted(known.windows.items())
        if found.event.holes and found.event.since is not None
    ]
    full = [f"{name}: {lack}"] if lack else []
    short = [_kept(situation, name, n) for n in _cut_short(situation, known)]
    return (
        full
        + holes
        + short
        + [
            f"{name}: repository {newest.repository} has had no backup for longer than "
            f"{_hours(longest)}"
            for newest in _newest_of_each(known)
            if situation.now - newest.finished_at > longest
        ]
    )


def _cut_short(situation: Situation, known: protection.Datastore) -> tuple[int, ...]:
    """Return the repositories whose oldest backup is younger than the policy keeps
    backups for, though the datastore was protected so long ago.
    """
    keep, first = situation.rules.backups_kept_for, known.first_seen_at
    if keep is None or first is None:
        return ()
    since = situation.now - keep
    if first + gap(situation) > since:
        return ()
    numbers = sorted({seen.backup.repository for seen in known.backups})
    return tuple(
        n for n in numbers if known.of_repository(n)[0].backup.finished_at > since
    )


def _kept(situation: Situation, name: str, number: int) -> str:
    keep = situation.rules.backups_kept_for
    assert keep is not None, "only a policy that says so is broken"
    return (
        f"{name}: repository {number} holds no backup of {keep.days} days ago, "
        "for so long the policy keeps them"
    )


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
        conclusions = (_request(situation, name, repository, "backup"),)
    where = f" to repository {repository}" if repository is not None else ""
    return Duty(
        key=f"backup/{name}/{repository or 'any'}/{due:%Y%m%dT%H%M}",
        control="backups",
        what=f"back up {name}{where}",
        owner="PL",
        due_at=due,
        conclusions=conclusions,
    )


def _on_site(known: protection.Datastore) -> set[int]:
    return {s.backup.repository for s in known.backups if not s.backup.off_site}


def _to_expire(
    situation: Situation, name: str, known: protection.Datastore, repository: int
) -> bool:
    """Say whether retention is to be applied: once after each good read-back.

    Never where others take the backups: for how long they keep them is theirs to say.
    """
    whole = reading_back.whole_since(situation, name, repository)
    held = known.of_repository(repository)
    if whole is None or held[-1] in schedule.foreign_backups(situation, name):
        return False
    return not any(
        job.requested.verb == "expire"
        and job.requested.repository == repository
        and job.requested.at >= whole
        and (job.ok or job.ended is None)
        for job in situation.state.jobs.of(name)
    )


def _expiry_duty(situation: Situation, datastore: Datastore, repository: int) -> Duty:
    name, now = datastore.id, situation.now
    jobs = situation.state.jobs.of(name)
    failed = [
        job.ended.at
        for job in jobs
        if job.ended is not None
        and job.requested.verb == "expire"
        and job.requested.repository == repository
    ]
    free = all(job.ended is not None for job in jobs) and not any(
        now - at < EXPIRE_RETRY for at in failed
    )
    whole = reading_back.whole_since(situation, name, repository) or now
    return Duty(
        key=f"expire/{name}/{repository}/{whole:%Y%m%dT%H%M%S}",
        control="backups",
        what=f"apply retention to repository {repository} of {name}",
        owner="PL",
        due_at=whole + DAY,
        conclusions=(_request(situation, name, repository, "expire"),) if free else (),
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
        if asked.verb == "verify" or job.ended is None:
            continue
        recent = situation.now - job.ended.at < RETRY
        if asked.verb == "backup" and asked.repository == repository and recent:
            return False
    return not _under_way(situation, datastore)


def _under_way(situation: Situation, datastore: str) -> bool:
    """Say whether a job has the datastore: pgBackRest locks it, so one at a time."""
    return any(
        job.ended is None and job.requested.verb != "verify"
        for job in situation.state.jobs.of(datastore)
    )


def _request(
    situation: Situation, datastore: str, repository: int, verb: JobVerb
) -> JobRequested:
    return JobRequested(
        job=f"{verb}-{datastore}-r{repository}-{situation.now:%Y%m%dT%H%M%S}",
        datastore=datastore,
        verb=verb,
        repository=repository,
        target=None,
        recovery=None,
        at=situation.now,
    )


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:g} hours"
