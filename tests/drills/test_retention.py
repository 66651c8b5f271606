"""Retention by time, seen to remove: on backups that are weeks old.

A backup's age stands in a listing with a checksum, so that it cannot be written in. The
server and pgBackRest are therefore run by a clock that lies (libfaketime): 25 days ago,
then 20, then 10, then by the true one. Holdfast's own clock is always the true one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.drills.rig import DATASTORE, Rig, a_rig
from tests.drills.test_tried import with_schedule

from holdfast.engines.pgbackrest_command import call
from holdfast.engines.protected import Protected, Schedule
from holdfast.engines.provision import start_cluster, stop_cluster
from holdfast.operations.ports.engine import Backup, Finished, Job

pytestmark = [pytest.mark.engine, pytest.mark.drills]

DAY = timedelta(days=1)
AGES = (25, 20, 10, 0)
# Only what is measured in days is told wrongly; waiting goes by the true clock.
LYING = """#!/bin/sh
lie=$(cat {clock})
if [ -n "$lie" ]; then
  export LD_PRELOAD={library} FAKETIME="$lie" FAKETIME_DONT_FAKE_MONOTONIC=1
fi
exec {program} "$@"
"""


@dataclass(frozen=True)
class Aged:
    """A server with full backups of 25, 20, 10 and no days ago, a row before each."""

    rig: Rig
    labels: tuple[str, ...]

    def backups(self) -> tuple[Backup, ...]:
        """Return what the off-site repository lists."""
        return self.rig.engine.points(DATASTORE).repositories[1].backups

    def segments(self) -> list[str]:
        """Return the names of the segments that are stored off-site."""
        stored = (self.rig.base / "away" / "archive").rglob("0*-*.gz")
        return sorted(path.name[:24] for path in stored)

    def expire(
        self, name: str, schedule: Schedule, keep_for: timedelta | None = None
    ) -> Finished:
        """Apply a retention, under a policy that keeps backups for so long."""
        rig = with_schedule(self.rig, schedule)
        job = Job(name, DATASTORE, "expire", 2, keep_for=keep_for)
        rig.engine.start(job)
        return rig.finish(job)


def by_a_lying_clock(protected: Protected, base: Path) -> Protected:
    """Let the server and pgBackRest go by the clock that a file names."""
    [library, *_] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    (base / "clock").write_text("")
    tools = base / "lying"
    tools.mkdir()
    real = protected.cluster.bin_folder
    for tool in real.iterdir():
        (tools / tool.name).symlink_to(tool)
    (tools / "pg_ctl").unlink()
    for program in (real / "pg_ctl", protected.pgbackrest):
        script = tools / program.name
        script.write_text(
            LYING.format(clock=base / "clock", library=library, program=program)
        )
        script.chmod(0o755)
    cluster = replace(protected.cluster, bin_folder=tools)
    set_back(base, AGES[0])
    return replace(protected, cluster=cluster, pgbackrest=tools / "pgbackrest")


def set_back(base: Path, days: int) -> None:
    """Let the clock be so many days behind."""
    (base / "clock").write_text(f"-{days}d" if days else "")


@pytest.fixture(name="aged")
def _aged() -> Iterator[Aged]:
    """Provide the server, its clock true again."""
    with a_rig(by_a_lying_clock) as rig:
        for age in AGES:
            if age != AGES[0]:
                stop_cluster(rig.protected)
                set_back(rig.base, age)
                start_cluster(rig.protected)
            rig.insert(2 * age)
            ran = call(
                rig.protected,
                "backup",
                *("--repo=2", "--type=full"),
                config=rig.protected.production_config,
                deadline=timedelta(minutes=3),
            )
            assert ran.exited_well, ran.output
            rig.insert(2 * age + 1)
            rig.archive()
        found = rig.engine.points(DATASTORE).repositories[1].backups
        yield Aged(rig, tuple(backup.label for backup in found))


def test_time_removes_what_is_older_than_the_window_and_no_more(aged: Aged) -> None:
    """Of 14 days: the backup of 25 days ago goes, with its WAL; that of 20 stays, for
    the moments before the next one; and such a moment is restored.
    """
    rig, now = aged.rig, datetime.now(UTC)
    ages = [round((now - backup.finished_at) / DAY) for backup in aged.backups()]
    assert ages == list(AGES)
    before, needed = aged.segments(), aged.backups()[1].wal_start

    kept = aged.expire("kept", Schedule(retention_days=30))
    assert kept.ok, kept.detail
    assert (kept.expired[0].removed, aged.segments()) == ((), before)

    gone = aged.expire("gone", Schedule(retention_days=14))

    assert gone.ok, gone.detail
    assert gone.expired[0].removed == aged.labels[:1]
    assert gone.expired[0].kept == aged.labels[1:]
    assert tuple(backup.label for backup in aged.backups()) == aged.labels[1:]
    left = aged.segments()
    assert left == [segment for segment in before if segment >= needed]
    assert len(left) < len(before)
    window = rig.engine.points(DATASTORE).repositories[1].window
    assert window is not None
    assert window.since == aged.backups()[0].finished_at
    assert window.since <= now - 14 * DAY
    assert window.holes == ()
    assert rig.run("verify", "whole", 2).ok
    again = aged.expire("again", Schedule(retention_days=14))
    assert (again.ok, again.expired[0].removed) == (True, ())

    stop_cluster(rig.protected)
    restored = rig.run("restore", "to-the-window", 2, target=now - 14 * DAY)
    assert restored.ok, restored.detail
    assert rig.run("failover", "opening").ok
    assert rig.rows() == [40, 41, 50, 51]


def test_nothing_is_removed_that_the_policy_still_keeps(aged: Aged) -> None:
    """Settings that keep less than the policy, by days or by number, remove nothing;
    what the policy no longer needs goes.
    """
    before = (aged.labels, aged.segments())

    for name, schedule in (
        ("days", Schedule(retention_days=14)),
        ("number", Schedule(retention_full=2)),
        ("one", Schedule(retention_full=1)),
    ):
        refused = aged.expire(name, schedule, keep_for=22 * DAY)
        assert not refused.ok
        assert "keep less than the 22 days that the policy asks for" in refused.detail
        assert refused.expired == ()
        found = tuple(backup.label for backup in aged.backups())
        assert (found, aged.segments()) == before

    fitting = aged.expire("fitting", Schedule(retention_days=18), keep_for=18 * DAY)
    assert fitting.ok, fitting.detail
    assert fitting.expired[0].removed == aged.labels[:1]
    # By number it would be no longer than ten days: more than the policy wants goes.
    number = aged.expire("by-number", Schedule(retention_full=2), keep_for=9 * DAY)
    assert number.ok, number.detail
    assert number.expired[0].removed == aged.labels[1:2]


def test_a_young_repository_keeps_all_it_has(aged: Aged) -> None:
    """Where nothing is as old as the policy keeps backups for, nothing goes at all."""
    refused = aged.expire("young", Schedule(retention_full=3), keep_for=365 * DAY)
    assert not refused.ok
    assert tuple(backup.label for backup in aged.backups()) == aged.labels
