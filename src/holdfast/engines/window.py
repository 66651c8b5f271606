"""From when to when any moment can be restored, looked up in the archive itself.

The window begins when the oldest sound backup stopped from which the way to the newest
segment is unbroken, and ends at the newest recoverable moment.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from holdfast.engines.archive import HOLES_SHOWN, Archive
from holdfast.engines.pgbackrest_info import Info
from holdfast.operations.ports.engine import Backup, Window


def window_of(info: Info, archive: Archive) -> Window:
    """Return the window of one repository; its end is not known here."""
    leading = [b for b in info.good_backups if archive.leads_here(b)]
    oldest = min(leading, key=lambda b: b.finished_at, default=None)
    if oldest is None:
        return Window(None, None, ())
    holes = archive.holes_after(oldest.wal_start)
    last = max(holes, key=lambda name: name[8:], default="")
    unbroken = [b for b in leading if not holes or _after(b, last)]
    since = min((b.finished_at for b in unbroken), default=None)
    return Window(since, None, holes[:HOLES_SHOWN])


def ended(window: Window | None, moment: datetime | None) -> Window | None:
    """Return the window with its end; one that begins after it holds no moment."""
    if window is None or window.since is None or moment is None:
        return window
    return replace(window, until=max(moment, window.since))


def _after(backup: Backup, hole: str) -> bool:
    return backup.wal_start[8:] > hole[8:]
