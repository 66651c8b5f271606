"""What every engine promises, asked of the scripted one and of the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from tests.drills.rig import DATASTORE, a_rig

from holdfast.engines.scripted import Scripted
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import (
    Engine,
    Evidence,
    Finished,
    Job,
    Lost,
    Running,
)

HOLDS = ("there is a database", "select count(*) > 0 from pg_database")


@dataclass
class JumpingClock:
    """A clock that stands until it is told to go on."""

    moment: datetime = field(default=datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


@dataclass(frozen=True)
class World:
    """An engine with a running datastore, and the ways to move its time."""

    engine: Engine
    finish: Callable[[Job], Finished]
    strike: Callable[[], None]
    now: Callable[[], datetime]

    def run(self, job: Job) -> Finished:
        """Start a job and see it to its end."""
        self.engine.start(job)
        return self.finish(job)


@contextmanager
def scripted() -> Iterator[World]:
    """Provide the scripted engine."""
    clock = JumpingClock()
    engine = Scripted(clock, (DATASTORE,))

    def finish(job: Job) -> Finished:
        clock.moment += timedelta(hours=1)
        ended = engine.observe(job)
        assert isinstance(ended, Finished)
        return ended

    yield World(engine, finish, lambda: engine.strike(DATASTORE), clock.now)


@contextmanager
def real() -> Iterator[World]:
    """Provide PostgreSQL and pgBackRest."""
    with a_rig() as rig:
        yield World(rig.engine, rig.finish, rig.strike, lambda: datetime.now(UTC))


KINDS = [
    pytest.param(scripted, id="scripted"),
    pytest.param(real, id="pgbackrest", marks=pytest.mark.engine),
]


@pytest.fixture(params=KINDS, scope="module")
def world(request) -> Iterator[World]:
    """Provide an engine whose datastore has one backup; do no harm to it."""
    with request.param() as made:
        assert made.run(Job("first", DATASTORE, "backup")).ok
        yield made


@pytest.fixture(params=KINDS)
def doomed(request) -> Iterator[World]:
    """Provide an engine of one's own, to strike."""
    with request.param() as made:
        yield made


def test_an_engine_says_what_it_can_do(world: World) -> None:
    """Every verb that a recovery needs is among the capabilities."""
    wanted = {"backup", "verify", "restore", "failover", "drill"}
    assert wanted <= world.engine.capabilities()


def test_a_drill_leaves_the_running_datastore_alone(world: World) -> None:
    """A drill measures a recovery beside the datastore, which stays as it is."""
    before = world.engine.describe(DATASTORE)

    ended = world.run(Job("drill", DATASTORE, "drill", 2, invariants=(HOLDS,)))

    assert ended.ok, ended.detail
    _is_proof(ended.evidence)
    measured = ended.rehearsal
    assert measured is not None
    assert measured.verified_at is not None
    assert measured.fault_at < measured.verified_at <= ended.finished_at
    assert measured.commits_lost is not None
    assert (measured.timeline, measured.invariants) == (2, (HOLDS[0],))
    assert (measured.untouched, measured.disposed) == (True, True)
    after = world.engine.describe(DATASTORE)
    assert (after.running, after.timeline) == (before.running, before.timeline)
    assert not world.engine.ready(DATASTORE).ready


def test_a_drill_broken_on_purpose_fails(world: World) -> None:
    """What is broken on purpose is found, and no data count as recovered."""
    job = Job("broken", DATASTORE, "drill", 2, sabotage="wrong-key")

    ended = world.run(job)

    assert not ended.ok
    assert ended.rehearsal is not None
    assert ended.rehearsal.findings
    assert ended.rehearsal.verified_at is None


def test_a_running_datastore_is_described(world: World) -> None:
    """A server at work is out of recovery, on its first timeline, and archives."""
    seen = world.engine.describe(DATASTORE)

    assert (seen.running, seen.in_recovery, seen.timeline) == (True, False, 1)
    assert (seen.archiving, seen.archive_failing) == (True, False)
    _is_proof(seen.evidence)


def test_an_unknown_datastore_is_refused(world: World) -> None:
    """A datastore that is not configured is named in an error with a way out."""
    with pytest.raises(HoldfastError, match="elsewhere") as refused:
        world.engine.describe("elsewhere")

    assert refused.value.hint


def test_an_unknown_job_is_lost(world: World) -> None:
    """A job that was never started here is lost, not running."""
    assert isinstance(world.engine.observe(Job("never", DATASTORE, "backup")), Lost)


def test_a_backup_goes_to_every_repository(world: World) -> None:
    """A finished backup shows in each repository, encrypted, one of them off-site."""
    points = world.engine.points(DATASTORE)

    assert [len(r.backups) for r in points.repositories] == [1, 1]
    assert [r.off_site for r in points.repositories] == [False, True]
    assert {r.cipher for r in points.repositories} == {"aes-256-cbc"}
    assert points.recoverable_to is not None
    assert points.recoverable_to <= world.now()
    backup = points.repositories[0].backups[0]
    assert (backup.kind, backup.error) == ("full", False)
    assert backup.started_at < backup.finished_at <= world.now()
    _is_proof(points.evidence)


def test_a_job_started_again_does_not_run_again(world: World) -> None:
    """Starting a job that is over changes neither its end nor the repository."""
    job = Job("first", DATASTORE, "backup")
    ended = world.engine.observe(job)

    world.engine.start(job)

    assert world.engine.observe(job) == ended
    assert len(world.engine.points(DATASTORE).repositories[0].backups) == 1


def test_one_id_means_one_job(world: World) -> None:
    """The same id with other orders is refused."""
    with pytest.raises(HoldfastError, match="other orders"):
        world.engine.start(Job("first", DATASTORE, "verify"))


def test_whole_repositories_verify(world: World) -> None:
    """A verification of what is whole ends well, with proof."""
    ended = world.run(Job("verification", DATASTORE, "verify"))

    assert ended.ok, ended.detail
    _is_proof(ended.evidence)


def test_invariants_are_answered_by_name(world: World) -> None:
    """Each invariant gets its own answer, in the order asked."""
    [result] = world.engine.check_invariants(DATASTORE, [HOLDS])

    assert (result.name, result.holds) == (HOLDS[0], True)


def test_nothing_is_ready_that_was_not_restored(world: World) -> None:
    """A server without a restore on record is not declared ready."""
    assert not world.engine.ready(DATASTORE).ready


def test_a_running_job_is_not_disposed_of(doomed: World) -> None:
    """A job can be disposed of once it is over, and not before."""
    job = Job("slow", DATASTORE, "backup", 2)
    doomed.engine.start(job)

    assert isinstance(doomed.engine.observe(job), Running)
    with pytest.raises(HoldfastError, match="still running"):
        doomed.engine.dispose(job)

    assert doomed.finish(job).ok
    doomed.engine.dispose(job)


def test_off_site_survives_what_takes_the_site(doomed: World) -> None:
    """After the loss of server and site, only off-site can restore, and it does."""
    assert doomed.run(Job("first", DATASTORE, "backup")).ok
    doomed.strike()
    assert not doomed.engine.describe(DATASTORE).running
    assert not doomed.engine.preflight(DATASTORE, 1).ok
    assert doomed.engine.preflight(DATASTORE, 2).ok
    promised = doomed.engine.points(DATASTORE).recoverable_to

    from_site = doomed.run(Job("from-site", DATASTORE, "restore", 1))
    from_away = doomed.run(Job("from-away", DATASTORE, "restore", 2))

    assert not from_site.ok
    assert from_away.ok, from_away.detail
    _is_proof(from_away.evidence)
    ready = doomed.engine.ready(DATASTORE)
    assert (ready.ready, ready.in_recovery, ready.timeline) == (True, False, 2)
    assert ready.recovered_to is not None
    assert promised is None or ready.recovered_to >= promised
    assert all(r.holds for r in doomed.engine.check_invariants(DATASTORE, [HOLDS]))


def _is_proof(evidence: tuple[Evidence, ...]) -> None:
    assert evidence
    for proof in evidence:
        assert proof.argv
        assert proof.output_digest.startswith("sha256:")
        assert proof.started_at.tzinfo is not None
        assert proof.monotonic >= timedelta()
