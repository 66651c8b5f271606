"""Was a backup started by a schedule? Holdfast's own, or one that it merely sees.

A backup that a person ordered proves nothing about tomorrow's. Backups that Holdfast
did not start (cron, another host) count where their starts keep the policy's rhythm.

Weaker than it looks: who starts backups by hand at the same minute every day passes
for a schedule.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from holdfast.domain.controls.judging import Situation, within
from holdfast.domain.events.observation import BackupSeen
from holdfast.domain.memory.protection import Job, SeenBackup

# So many starts in a row show a rhythm; each may be off by so much.
SHOWN_BY = 4
SLACK = timedelta(minutes=15)
# A schedule in local time moves by this much twice a year.
CLOCK_CHANGE = timedelta(hours=1)


def automated(situation: Situation, datastore: str, longest: timedelta) -> bool:
    """Say whether a backup of late was started by a schedule."""
    if any(_by_schedule(situation, j, longest) for j in _backups(situation, datastore)):
        return True
    foreign = foreign_backups(situation, datastore)
    numbers = {seen.backup.repository for seen in foreign}
    return any(
        _keeps_rhythm(
            situation,
            [s.backup for s in foreign if s.backup.repository == number],
            longest,
        )
        for number in numbers
    )


def foreign_backups(situation: Situation, datastore: str) -> list[SeenBackup]:
    """Return the backups that no job of Holdfast made."""
    known = situation.state.datastores.get(datastore)
    return [
        seen
        for seen in (known.backups if known else ())
        if maker(situation, datastore, seen) is None
    ]


def maker(situation: Situation, datastore: str, seen: SeenBackup) -> Job | None:
    """Return the job of Holdfast that made the backup, if one did."""
    own = _backups(situation, datastore)
    return next((job for job in own if _made(job, seen)), None)


def _backups(situation: Situation, datastore: str) -> list[Job]:
    jobs = situation.state.jobs.of(datastore)
    return [job for job in jobs if job.requested.verb == "backup"]


def _by_schedule(situation: Situation, job: Job, longest: timedelta) -> bool:
    return (
        job.ok
        and job.ended is not None
        and job.requested.job not in situation.state.jobs.by_hand
        and within(job.ended.at, situation.now, longest)
    )


def _made(job: Job, seen: SeenBackup) -> bool:
    """Say whether the job made the backup; the repository counts whole seconds."""
    backup, asked = seen.backup, job.requested
    if asked.repository not in {None, backup.repository}:
        return False
    ended_at = job.ended.at if job.ended is not None else None
    begun = backup.started_at >= asked.at - timedelta(seconds=1)
    return begun and (ended_at is None or backup.started_at <= ended_at)


def _keeps_rhythm(
    situation: Situation, backups: list[BackupSeen], longest: timedelta
) -> bool:
    newest = backups[-SHOWN_BY:]
    every = situation.rules.backup_every or timedelta(days=1)
    if len(newest) < SHOWN_BY:
        return False
    if not within(newest[-1].finished_at, situation.now, longest):
        return False
    return all(_fits(b.started_at - a.started_at, every) for a, b in pairwise(newest))


def _fits(interval: timedelta, every: timedelta) -> bool:
    off = abs(interval - every)
    return off <= SLACK or abs(off - CLOCK_CHANGE) <= SLACK
