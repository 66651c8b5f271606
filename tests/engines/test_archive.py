"""The way through an archive: gaps, timelines, and the window that is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.engines.archive import HOLES_MOST, Archive, name_of, place, read_history
from holdfast.engines.pgbackrest_info import Info
from holdfast.engines.protected import Schedule
from holdfast.engines.schedule import kind_due
from holdfast.engines.window import ended, window_of
from holdfast.operations.ports.engine import Backup, BackupKind

T0 = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HISTORY = "1\t0/5000028\tno recovery target specified\n"
TWO = "1\t0/5000028\tx\n\n2\t1/3000000\tbefore 2026-11-24 10:00:00+00\n"


def seg(timeline: int, *positions: int) -> tuple[str, ...]:
    """Return the names of segments of a timeline."""
    return tuple(name_of(timeline, position) for position in positions)


def backup(
    position: int, *, timeline: int = 1, kind: BackupKind = "full", ago: int = 0
) -> Backup:
    """Return a backup that began at a position, some days ago."""
    at = T0 - ago * DAY
    wal = name_of(timeline, position)
    return Backup(f"b{position}", 2, kind, at, at + HOUR / 2, 1, wal, wal, False)


def info(*backups: Backup) -> Info:
    """Return a repository's account with these backups."""
    return Info(2, 0, "ok", backups, None, "15-1", ())


def archive(*segments: str, timeline: int = 1, history: str | None = None) -> Archive:
    """Return an archive on a timeline, with the text of its newest history."""
    switches = read_history(history) if history is not None else ()
    return Archive(tuple(sorted(segments)), timeline, switches, ())


def test_positions_and_names_fit_each_other() -> None:
    """A segment's place is counted on across log files."""
    assert place("0000000100000000000000FF") == 255
    assert place("000000020000000100000000") == 256
    assert name_of(2, 256) == "000000020000000100000000"


def test_a_gap_is_named_from_a_backup_on() -> None:
    """Segments missing after a backup are named; what lies before is not."""
    found = archive(*seg(1, 1, 3, 4, 6, 7))
    assert found.holes_after(name_of(1, 3)) == seg(1, 5)
    assert found.holes_after(name_of(1, 6)) == ()
    assert found.holes_after(name_of(1, 9)) == seg(1, 9)
    assert archive().holes_after(name_of(1, 9)) == seg(1, 9)


def test_a_segment_from_nowhere_is_not_walked_to() -> None:
    """A file somebody put into a repository does not keep the runner for days."""
    far = "00000001FFFFFFFF000000FF"
    found = archive(*seg(1, 1, 2), far)
    holes = found.holes_after(name_of(1, 1))
    assert holes[0] == name_of(1, 3)
    assert len(holes) == HOLES_MOST + 1
    assert holes[-1] == far
    assert window_of(info(backup(1)), found).since is None


def test_the_way_leads_over_logs_and_timelines() -> None:
    """The next segment may stand in the next log file, and on the next timeline."""
    found = archive(*seg(1, 254, 255), *seg(2, 256), timeline=2, history="1\t1/28\tx\n")
    assert found.holes_after(name_of(1, 254)) == ()


def test_an_older_timeline_fills_no_gap() -> None:
    """What was written on a timeline after it was left does not lead to now."""
    segments = (*seg(1, 3, 4, 5, 6, 7), *seg(2, 5, 7))
    found = archive(*segments, timeline=2, history=HISTORY)
    assert found.holes_after(name_of(1, 3)) == seg(2, 6)
    assert not found.leads_here(backup(6))
    assert found.leads_here(backup(4))
    assert found.leads_here(backup(7, timeline=2))


def test_a_history_tells_each_timeline_that_was_left() -> None:
    """Several switches are read in order; a text without any is no history."""
    assert read_history(TWO) == ((1, 5), (2, 256 + 3))
    assert read_history("not a history") is None


def test_without_its_history_a_timeline_leads_nowhere() -> None:
    """A restore could not follow it either; the file is what is missing."""
    found = archive(*seg(2, 5), timeline=2, history="gone")
    assert found.holes_after(name_of(1, 3)) == ("00000002.history",)


def test_the_window_begins_at_the_oldest_backup_that_leads_to_now() -> None:
    """Unbroken from the oldest; after a hole from the first backup behind it."""
    old, new = backup(3, ago=3), backup(6, ago=1)
    whole = window_of(info(old, new), archive(*seg(1, 3, 4, 5, 6, 7)))
    assert (whole.since, whole.holes) == (old.finished_at, ())
    holed = window_of(info(old, new), archive(*seg(1, 3, 5, 6, 7)))
    assert (holed.since, holed.holes) == (new.finished_at, seg(1, 4))
    gone = window_of(info(old, new), archive(*seg(1, 3, 4, 5, 6, 8)))
    assert (gone.since, gone.holes) == (None, seg(1, 7))
    assert window_of(info(), archive(*seg(1, 3))).since is None


def test_a_window_ends_at_what_is_proven() -> None:
    """A moment before its begin leaves it empty, not backwards."""
    found = window_of(info(backup(3)), archive(*seg(1, 3, 4)))
    assert found.since is not None
    later = ended(found, T0 + DAY)
    assert later is not None
    assert later.until == T0 + DAY
    assert ended(found, T0 - DAY) == ended(found, found.since)
    assert ended(None, T0) is None


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        ((), "full"),
        ((backup(1, ago=1),), "diff"),
        ((backup(1, ago=6), backup(2, ago=1, kind="diff")), "diff"),
        ((backup(1, ago=6), backup(2, ago=0, kind="diff")), "incr"),
        ((backup(1, ago=7), backup(2, ago=0, kind="diff")), "full"),
        ((backup(2, ago=0, kind="diff"),), "full"),
    ],
)
def test_the_kind_follows_the_schedule(held: tuple[Backup, ...], kind: str) -> None:
    """Full by the week, differential by the day, incremental between; a little early
    is still in time.
    """
    assert kind_due(info(*held), Schedule(), T0 + HOUR / 2) == kind
    early = T0 - HOUR
    assert kind_due(info(backup(1, ago=7)), Schedule(), early) == "full"


@pytest.mark.parametrize(
    "wrong",
    [
        {"retention_days": 0},
        {"retention_full": 0},
        {"full_every": DAY, "diff_every": 2 * DAY},
    ],
)
def test_a_schedule_that_keeps_nothing_is_refused(wrong: dict[str, int]) -> None:
    """Retention keeps something, and full backups are the rarer ones."""
    with pytest.raises(ValueError, match="must"):
        Schedule(**wrong)
