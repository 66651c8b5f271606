"""Looks at how datastores are protected: as often as needed, each fact once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.operations.company import DATASTORE, START, Company, company

from holdfast.domain.events.job import JobRequested
from holdfast.domain.events.observation import BackupGone, BackupSeen, ProtectionSeen
from holdfast.domain.events.repository import WindowSeen
from holdfast.journal import Fact
from holdfast.operations.ports.engine import Description, Job, Points, Repository
from holdfast.operations.watch import LOOK_EVERY, _never_came, due_looks


def due(made: Company) -> list[str]:
    """Return which datastores are due for a look."""
    situation = made.world.situation()
    assert situation is not None
    return [look.key for look in due_looks(situation, made.world)]


def test_rhythm() -> None:
    """A datastore is looked at at once, and then every few minutes."""
    made = company()
    assert due(made) == [DATASTORE]
    made.beat(times=2)
    assert due(made) == []
    made.clock.advance(LOOK_EVERY)
    assert due(made) == [DATASTORE]
    made.beat(times=40)
    looks = made.events(ProtectionSeen)
    assert 4 <= len(looks) <= 10


def test_after_a_job() -> None:
    """After a job ended a look follows at once, so that its backup is seen."""
    made = company()
    made.beat(times=2)
    job = JobRequested("nightly", DATASTORE, "backup", None, None, None, START)
    made.world.log.record([Fact(job, START)])
    made.beat(times=7)
    seen = [e for e in made.events(BackupSeen) if e.datastore == DATASTORE]
    assert {(backup.repository, backup.off_site) for backup in seen} == {
        (1, False),
        (2, True),
    }


def test_each_backup_once() -> None:
    """A backup that is listed again and again is recorded once."""
    made = company()
    made.engine.start(Job("first", DATASTORE, "backup"))
    made.clock.advance(timedelta(minutes=5))
    made.beat(times=60)
    labels = [(b.repository, b.label) for b in made.events(BackupSeen)]
    assert len(labels) == len(set(labels))


def test_gone() -> None:
    """A backup that its repository lists no more is recorded as gone, once."""
    made = company()
    made.engine.start(Job("first", DATASTORE, "backup"))
    made.clock.advance(timedelta(minutes=5))
    made.beat()
    made.engine = replace(made.engine, shelf=type(made.engine.shelf)())
    made.engine.start(Job("second", DATASTORE, "backup"))
    made.world = replace(made.world, engines={"scripted": made.engine})
    made.clock.advance(timedelta(minutes=5))
    made.beat(times=30)
    assert {(gone.repository) for gone in made.events(BackupGone)} == {1, 2}
    assert len(made.events(BackupGone)) == 2


def test_unreachable_is_not_gone() -> None:
    """A repository that does not answer loses no backup by that."""
    made = company()
    made.engine.start(Job("first", DATASTORE, "backup"))
    made.clock.advance(timedelta(minutes=5))
    made.beat()
    made.engine.strike(DATASTORE, repositories=(1, 2))
    made.clock.advance(timedelta(minutes=5))
    made.beat(times=12)
    assert made.events(BackupGone) == []
    newest = made.events(ProtectionSeen)[-1]
    assert (newest.running, newest.repositories) == (False, ())


def test_no_engine_here() -> None:
    """Datastores of engines that this node does not have are left to others."""
    made = company()
    made.world = replace(made.world, engines={})
    assert due(made) == []


def test_a_window_that_only_grows_is_told_by_the_hour() -> None:
    """From when on a repository restores is recorded when it changed, else hourly."""
    made = company()
    made.engine.start(Job("first", DATASTORE, "backup"))
    made.clock.advance(timedelta(minutes=5))
    for _ in range(30):
        made.clock.advance(LOOK_EVERY)
        made.beat(times=2)
    seen = [e for e in made.events(WindowSeen) if e.repository == 2]
    looks = made.events(ProtectionSeen)
    assert len(looks) > 3 * len(seen)
    told = {(window.since, window.at - seen[0].at) for window in seen}
    assert len(told) == len(seen) >= 2
    assert all(window.since is not None and window.holes == () for window in seen)


@pytest.mark.parametrize(
    ("believed", "held", "never_came"),
    [
        ("000000010000000000000005", "000000010000000000000004", True),
        ("000000010000000000000005", "000000010000000000000005", False),
        # Archived meanwhile, or on a timeline that the server left.
        ("000000010000000000000005", "000000020000000000000003", False),
        ("000000010000000000000005", None, False),
        (None, "000000010000000000000004", False),
    ],
)
def test_what_is_said_to_be_archived_must_be_there(
    believed: str | None, held: str | None, *, never_came: bool
) -> None:
    """An `archive_command` that only says yes is told by what repositories lack."""
    described = Description(
        DATASTORE, START, True, False, 1, "15", True, None, False, (), None, None,
        believed,
    )  # fmt: skip
    place = Repository(1, "here", False, True, None, (), held, "")
    points = Points(DATASTORE, START, (place,), None, ())
    assert _never_came(described, points) is never_came
    away = replace(place, reachable=False)
    assert not _never_came(described, replace(points, repositories=(away,)))
