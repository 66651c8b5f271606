"""Actions on the world: what is done, what is recorded of it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.operations.company import (
    DATASTORE,
    START,
    Company,
    company,
    recover,
)

from holdfast.domain.decide import CheckPreflight, FetchStatusPage, StartJob
from holdfast.domain.events.incident import (
    IncidentOpened,
    PreflightChecked,
    RecoveryVerified,
)
from holdfast.domain.events.job import JobFinished, JobLost, JobRequested, JobStarted
from holdfast.domain.events.notice import StatusPageSeen
from holdfast.domain.events.runner import JobTaken
from holdfast.engines.scripted import Script, Scripted
from holdfast.errors import HoldfastError
from holdfast.journal import Fact, seal
from holdfast.operations.act import keep_evidence, perform
from holdfast.operations.ports.engine import (
    Evidence,
    Finished,
    InvariantResult,
    Job,
    Lost,
    Preflight,
    Running,
)
from holdfast.operations.ports.store import Appended, Draft
from holdfast.storage.memory import MemoryStore

BACKUP = JobRequested("nightly", DATASTORE, "backup", None, None, None, START)


def request(made: Company, requested: JobRequested = BACKUP) -> StartJob:
    """Record a job as requested."""
    made.world.log.record([Fact(requested, START)])
    return StartJob(requested.job)


def ended(made: Company, name: str) -> JobFinished | JobLost | None:
    """Return how a job ended."""
    return made.world.log.state().jobs.all[name].ended


def test_job() -> None:
    """A requested job is started once, and its end recorded with its evidence."""
    made = company()
    request(made)
    made.beat(times=10)
    (started,) = [e for e in made.events(JobStarted) if e.job == BACKUP.job]
    assert started.host == "here"
    end = ended(made, BACKUP.job)
    assert isinstance(end, JobFinished)
    assert end.ok
    kept = json.loads(made.world.store.blob(end.evidence) or b"")
    assert kept[0]["argv"] == ["scripted", "backup", DATASTORE]
    assert kept[0]["wall"] == 0.0


def test_started_twice() -> None:
    """A start that is repeated after a crash starts nothing twice."""
    made = company()
    action = request(made)
    first = perform(made.world, action)
    made.clock.advance(timedelta(seconds=9))
    made.world.inbox.put([*first, *perform(made.world, action)])
    made.beat(times=10)
    assert len([e for e in made.events(JobStarted) if e.job == BACKUP.job]) == 1
    assert len([e for e in made.events(JobFinished) if e.job == BACKUP.job]) == 1


def test_lost_job() -> None:
    """A job whose process vanished is recorded as lost, and not started again."""
    made = company(script=Script(faults={BACKUP.job: "lost"}))
    request(made)
    made.beat(times=20)
    assert isinstance(ended(made, BACKUP.job), JobLost)
    assert len([e for e in made.events(JobStarted) if e.job == BACKUP.job]) == 1


def test_another_host() -> None:
    """Only the host that runs a job asks how it stands."""
    made = company()
    request(made)
    made.beat()
    made.world = replace(made.world, host="there")
    made.beat(times=10)
    assert ended(made, BACKUP.job) is None
    made.world = replace(made.world, host="here")
    made.beat(times=2)
    assert ended(made, BACKUP.job) is not None


def test_no_engine() -> None:
    """A job whose engine is not here is left alone, and done once the engine is."""
    made = company()
    made.world = replace(made.world, engines={})
    action = request(made)
    with pytest.raises(HoldfastError, match="no engine scripted for orders") as told:
        perform(made.world, action)
    assert told.value.hint
    made.beat(times=3)
    assert not made.events(JobTaken)
    assert not made.world.hands.faults
    made.world = replace(made.world, engines={"scripted": made.engine})
    made.beat(times=10)
    assert ended(made, BACKUP.job) is not None
    assert not made.world.hands.faults


class Overtaken(MemoryStore):
    """A store in which somebody gives up the job just before it is taken."""

    def append(self, drafts: Sequence[Draft], **given: Any) -> Appended:
        """Append, after the job was given up."""
        if given.get("expected_size") is not None:
            lost = Fact(JobLost(BACKUP.job, "given up", START), START)
            draft = Draft(lost.event.key, lambda at: seal(lost, "node-2", at))
            super().append([draft], now=START)
        return super().append(drafts, **given)


def test_a_job_given_up_at_the_same_moment_is_not_taken() -> None:
    """A job is taken at the size that was looked at: what came between counts."""
    made = company(Overtaken())
    assert not perform(made.world, request(made))
    assert isinstance(ended(made, BACKUP.job), JobLost)
    assert not made.events(JobTaken)


@dataclass(frozen=True, slots=True)
class Talkative(Scripted):
    """An engine that says far more than an entry holds."""

    def preflight(
        self, datastore: str, repository: int, target: datetime | None = None
    ) -> Preflight:
        """Say much."""
        said = Scripted.preflight(self, datastore, repository, target)
        return replace(said, checks=(("space", True, "x" * 99_000),))

    def observe(self, job: Job) -> Running | Finished | Lost:
        """Say much."""
        said = Scripted.observe(self, job)
        return replace(said, detail="y" * 99_000)

    def check_invariants(
        self, datastore: str, invariants: Sequence[tuple[str, str]]
    ) -> Sequence[InvariantResult]:
        """Find much."""
        del datastore, invariants
        return [InvariantResult(f"n{n}", False, "z" * 9_000) for n in range(99)]


def test_engine_that_says_much() -> None:
    """However much an engine says, its facts fit into the log."""
    made = company()
    engine = Talkative(made.clock, (DATASTORE,))
    made.world = replace(made.world, engines={"scripted": engine})
    engine.start(Job("first", DATASTORE, "backup"))
    made.clock.advance(timedelta(minutes=5))
    made.turn(ok=False)
    made.beat(times=2)
    recover(made)
    made.beat(times=40)
    (verified,) = made.events(RecoveryVerified)
    assert not verified.ok
    assert len(verified.findings) == 21
    assert verified.findings[-1] == "and 79 more that do not hold"


def test_preflight_before_anything() -> None:
    """A restore that cannot work is not begun."""
    made = company()
    made.turn(ok=False)
    made.beat(times=2)
    recovery = recover(made, repository=1)
    (checked,) = perform(made.world, CheckPreflight(recovery))
    assert checked.event.ok is False
    assert checked.event.checks == ("ok: tools: scripted", "FAILED: backup: no backup")
    made.beat(times=9)
    jobs = made.world.log.state().jobs.all
    assert not [job for job in jobs.values() if job.requested.recovery]


def test_second_look() -> None:
    """A look made twice at once changes nothing: the first answer counts."""
    made = company()
    made.engine.start(Job("first", DATASTORE, "backup"))
    made.clock.advance(timedelta(minutes=5))
    made.turn(ok=False)
    made.beat(times=2)
    recovery = recover(made)
    made.beat(times=2)
    bad = PreflightChecked(recovery, False, (), "sha256:", made.clock.now())
    made.world.log.record([Fact(bad, bad.at)])
    made.beat(times=40)
    known = made.world.log.state().recoveries[recovery]
    assert known.verified is not None
    wrong = replace(known.verified, ok=False, at=made.clock.now())
    made.world.log.record([Fact(wrong, wrong.at)])
    known = made.world.log.state().recoveries[recovery]
    assert known.verified is not None
    assert known.verified.ok


def test_page_is_looked_at_from_outside() -> None:
    """An update counts once an outside look saw it, and not before."""
    made = company()
    made.turn(ok=False)
    made.beat(times=4)
    (opened,) = made.events(IncidentOpened)
    (seen,) = made.events(StatusPageSeen)
    assert seen.notice == f"{opened.incident}/status"
    made.world = replace(made.world, lookout=None)
    assert perform(made.world, FetchStatusPage(seen.notice)) == ()


def test_evidence() -> None:
    """Evidence is kept by the digest of what was kept."""
    made = company()
    proof = Evidence(("tool",), 0, "sha256:", "out", "1", START, *[timedelta(0)] * 2)
    digest = keep_evidence(made.world.store, [proof])
    assert keep_evidence(made.world.store, [proof]) == digest
    (row,) = json.loads(made.world.store.blob(digest) or b"")
    assert row["started_at"] == str(START)
