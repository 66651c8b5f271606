"""Which kind of backup is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.engines.pgbackrest_info import Info
from holdfast.engines.protected import Schedule
from holdfast.operations.ports.engine import Backup, BackupKind

# A rhythm of a day is kept by a backup somewhat early; it is still the day's own.
EARLY, SHARE = timedelta(hours=2), 12


def kind_due(info: Info, schedule: Schedule, now: datetime) -> BackupKind:
    """Return the kind that the schedule asks for, from what the repository holds."""
    full = [b for b in info.good_backups if b.kind == "full"]
    if not full or _is_over(full, schedule.full_every, now):
        return "full"
    both = [b for b in info.good_backups if b.kind in {"full", "diff"}]
    return "diff" if _is_over(both, schedule.diff_every, now) else "incr"


def _is_over(backups: list[Backup], every: timedelta, now: datetime) -> bool:
    newest = max(backup.started_at for backup in backups)
    return now - newest >= every - min(EARLY, every / SHARE)
