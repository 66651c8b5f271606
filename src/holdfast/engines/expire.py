"""Remove what retention no longer wants, and never the last sound backup.

pgBackRest's own expiry would follow each backup and count backups whose files nobody
has read. Here it is a job of its own: it says first what it would remove, and removes
nothing unless a backup is left that is sound and leads unbroken to now, and nothing
that the policy still wants kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from holdfast.engines.archive import read_archive
from holdfast.engines.evidence import Ran, summarise
from holdfast.engines.pgbackrest_command import call, configure_recovery
from holdfast.engines.pgbackrest_info import read_info
from holdfast.engines.protected import Protected
from holdfast.engines.report import Ended, Report
from holdfast.engines.window import window_of
from holdfast.operations.ports.engine import Backup, Expired

_REMOVES = re.compile(r"remove expired backup (\S+)")


def expire(
    protected: Protected, number: int, report: Report, keep_for: timedelta | None
) -> Ended:
    """Expire one repository, unless nothing sound would be left, or less than the
    policy's ``keep_for`` of what there is.
    """
    where = f"repository {number}"
    report.step(f"expiring {where}")
    before = read_info(protected, number)
    report.keep_all(before.evidence)
    if not before.good_backups or before.archive_id is None:
        return Ended(ok=False, detail=f"{where}: no sound backup; nothing is removed")
    planned = report.keep(_expire(protected, number, "--dry-run"))
    if not planned.exited_well:
        return Ended(ok=False, detail=f"{where}: {summarise(planned)}")
    going = set(_REMOVES.findall(planned.output))
    archive = read_archive(protected, before)
    report.keep_all(archive.evidence)
    sound = [
        backup
        for backup in before.good_backups
        if archive.leads_here(backup) and not archive.holes_after(backup.wal_start)
    ]
    staying = [backup for backup in sound if backup.label not in going]
    if not staying:
        return Ended(
            ok=False,
            detail=f"{where}: retention would leave no sound backup that leads to now;"
            " nothing is removed",
        )
    if keep_for is not None and _cuts_into(keep_for, sound, staying):
        return Ended(
            ok=False,
            detail=f"{where}: the settings keep less than the {keep_for.days} days "
            "that the policy asks for; nothing is removed",
        )
    done = report.keep(_expire(protected, number))
    return _judged(protected, number, going, done, report)


def _cuts_into(
    keep_for: timedelta, sound: Sequence[Backup], staying: Sequence[Backup]
) -> bool:
    """Say whether moments of the last ``keep_for`` could no longer be restored."""
    since = min(backup.finished_at for backup in staying)
    first = min(backup.finished_at for backup in sound)
    return since > first and since > datetime.now(UTC) - keep_for


def _judged(
    protected: Protected, number: int, going: set[str], done: Ran, report: Report
) -> Ended:
    after = read_info(protected, number)
    report.keep_all(after.evidence)
    where = f"repository {number}"
    left = tuple(backup.label for backup in after.good_backups)
    stays = going & set(left)
    broken = "no archive"
    if after.archive_id is not None:
        archive = read_archive(protected, after)
        report.keep_all(archive.evidence)
        window = window_of(after, archive)
        broken = "" if window.since is not None else "the window of recovery is gone"
    if stays or broken or not done.exited_well:
        said = broken or summarise(done)
        return Ended(ok=False, detail=f"{where}: {said}")
    gone = tuple(sorted(going))
    return Ended(
        ok=True,
        detail=f"{where}: {len(gone)} removed, {len(left)} left",
        expired=(Expired(number, gone, left),),
    )


def _expire(protected: Protected, number: int, *options: str) -> Ran:
    return call(
        protected,
        "expire",
        f"--repo={number}",
        *(*options, "--log-level-console=info"),
        config=configure_recovery(protected, number),
        deadline=protected.deadlines.verify,
    )
