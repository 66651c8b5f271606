"""What the beat has others do: each action on the world, and the facts it yields.

Every action may be done twice without harm: a job starts once by its id, a look is a
look, and facts are recorded once by key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

import cattrs

from holdfast.domain.decide import (
    Action,
    CheckPreflight,
    FetchStatusPage,
    ObserveJob,
    StartJob,
    TakeCheckpoint,
    VerifyRecovery,
)
from holdfast.domain.events.drill import DrillMeasured, DrillTraced, Scenario
from holdfast.domain.events.incident import PreflightChecked, RecoveryVerified
from holdfast.domain.events.job import JobFinished, JobLost, JobRequested, JobStarted
from holdfast.domain.events.notice import StatusPageSeen
from holdfast.domain.memory.incidents import Recovery
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.ports.engine import (
    Engine,
    Evidence,
    Finished,
    Job,
    Lost,
    Readiness,
    Rehearsal,
    Running,
    SmokeTest,
)
from holdfast.operations.ports.store import Store
from holdfast.operations.signing import take_checkpoint
from holdfast.operations.world import World

DETAIL_MAX = 300
FINDINGS_MAX = 20
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = cattrs.Converter()
_PLAIN.register_unstructure_hook(timedelta, lambda length: length.total_seconds())


def perform(world: World, action: Action) -> Sequence[Fact]:
    """Do it, and return what is to be recorded."""
    match action:
        case StartJob():
            return _start(world, action.job)
        case ObserveJob():
            return _observe(world, action.job)
        case CheckPreflight():
            return _preflight(world, action.recovery)
        case VerifyRecovery():
            return _verify(world, action.recovery)
        case FetchStatusPage():
            return _fetch(world, action.notice)
        case TakeCheckpoint():
            return take_checkpoint(world, action.due_at)
        case _:
            assert_never(action)


def keep_evidence(store: Store, evidence: Sequence[Evidence]) -> str:
    """Keep evidence beside the log; return its digest for the entry."""
    plain = _PLAIN.unstructure(list(evidence))
    return store.put_blob(json.dumps(plain, default=str, indent=1).encode())


def engine_of(world: World, datastore: str) -> Engine:
    """Return the engine of the datastore.

    Raises `HoldfastError` where this node has none: an order that nobody carries out
    must not be silent.
    """
    situation = world.situation()
    declared = situation.rules.catalogue.datastores if situation else ()
    name = {d.id: d.engine for d in declared}.get(datastore, "")
    if name not in world.engines:
        raise HoldfastError(
            f"this node has no engine {name or 'at all'} for {datastore}",
            "Name the datastore in this node's settings, unless another node has it.",
        )
    return world.engines[name]


def _job(world: World, requested: JobRequested) -> Job:
    drill = world.log.state().drills.get(requested.job)
    return Job(
        id=requested.job,
        datastore=requested.datastore,
        verb=requested.verb,
        repository=requested.repository,
        target=requested.target,
        invariants=_invariants(world, requested.datastore) if drill else (),
        sabotage=drill.ordered.sabotage if drill else None,
        scenario=_scenario(world, drill.rehearsal) if drill else "restore",
        smoke_tests=_smoke_tests(world, requested.datastore) if drill else (),
    )


def _scenario(world: World, rehearsal: str | None) -> Scenario:
    known = world.log.state().rehearsals
    return known[rehearsal].ordered.scenario if rehearsal else "restore"


def _smoke_tests(world: World, name: str) -> tuple[SmokeTest, ...]:
    situation = world.situation()
    declared = situation.rules.catalogue.datastores if situation else ()
    return tuple(
        SmokeTest(test.name, test.command, test.timeout)
        for datastore in declared
        if datastore.id == name
        for test in datastore.smoke_tests
    )


def _invariants(world: World, name: str) -> tuple[tuple[str, str], ...]:
    situation = world.situation()
    declared = situation.rules.catalogue.datastores if situation else ()
    return tuple(
        (invariant.name, invariant.sql)
        for datastore in declared
        if datastore.id == name
        for invariant in datastore.invariants
    )


def _start(world: World, name: str) -> Sequence[Fact]:
    requested = world.log.state().jobs.all[name].requested
    engine = engine_of(world, requested.datastore)
    folder = engine.start(_job(world, requested))
    now = world.clock.now()
    return (Fact(JobStarted(name, world.host, folder, now), now),)


def _observe(world: World, name: str) -> Sequence[Fact]:
    job = world.log.state().jobs.all[name]
    # Only the host that runs the job can see its folder.
    if job.started is None or job.started.host != world.host:
        return ()
    engine = engine_of(world, job.requested.datastore)
    now = world.clock.now()
    asked = _job(world, job.requested)
    match engine.observe(asked):
        case Running():
            return ()
        case Finished() as end:
            digest = keep_evidence(world.store, end.evidence)
            finished = JobFinished(
                name, end.ok, _short(end.detail), digest, end.finished_at
            )
            return (*_measured(asked, end, digest, now), Fact(finished, now))
        case Lost() as lost:
            detail = _short(_cleared(engine, asked, lost.detail))
            return (Fact(JobLost(name, detail, now), now),)


def _measured(job: Job, end: Finished, digest: str, now: datetime) -> tuple[Fact, ...]:
    """Return what a drill measured; it is recorded together with its job's end."""
    found = end.rehearsal
    if found is None:
        return ()
    measured = DrillMeasured(
        drill=job.id,
        fault_at=found.fault_at,
        verified_at=found.verified_at,
        recovered_to=found.recovered_to,
        first_lost_at=found.first_lost_at,
        commits_lost=found.commits_lost,
        timeline=found.timeline,
        invariants=found.invariants,
        untouched=found.untouched,
        disposed=found.disposed,
        findings=tuple(map(_short, found.findings[:FINDINGS_MAX])),
        steps=tuple(step for step, _, _ in found.steps),
        steps_us=tuple(spent // _MICROSECOND for _, _, spent in found.steps),
        evidence=digest,
        at=end.finished_at,
    )
    return (Fact(measured, now), Fact(_traced(job, found, end.finished_at), now))


def _traced(job: Job, found: Rehearsal, at: datetime) -> DrillTraced:
    noted = found.acknowledged
    return DrillTraced(
        drill=job.id,
        scenario=job.scenario,
        fence=found.fence,
        key_from=found.key_from,
        detected_at=found.detected_at,
        heartbeat_at=found.heartbeat_at,
        recorder=_short(found.recorder),
        acknowledged=noted.noted if noted else None,
        lost=noted.lost if noted else None,
        holes=noted.holes if noted else None,
        extras=noted.extras if noted else None,
        smoke_tests=found.smoke_tests,
        began_us=tuple(began // _MICROSECOND for _, began, _ in found.steps),
        at=at,
    )


def _cleared(engine: Engine, job: Job, detail: str) -> str:
    """Clear the place of a lost drill: its server would run on beside production."""
    if job.verb != "drill":
        return detail
    try:
        engine.dispose(job)
    except HoldfastError as error:
        return f"{detail}; its place is not cleared: {error}"
    return f"{detail}; its place is cleared"


def _preflight(world: World, name: str) -> Sequence[Fact]:
    ordered = world.log.state().recoveries[name].ordered
    engine = engine_of(world, ordered.datastore)
    found = engine.preflight(ordered.datastore, ordered.repository)
    now = world.clock.now()
    checked = PreflightChecked(
        recovery=name,
        ok=found.ok,
        checks=tuple(
            _short(f"{'ok' if good else 'FAILED'}: {check}: {finding}")
            for check, good, finding in found.checks
        ),
        evidence=keep_evidence(world.store, found.evidence),
        at=now,
    )
    return (Fact(checked, now, actor=ordered.by),)


def _verify(world: World, name: str) -> Sequence[Fact]:
    recovery = world.log.state().recoveries[name]
    engine = engine_of(world, recovery.ordered.datastore)
    readiness = engine.ready(recovery.ordered.datastore)
    verified = _verified(world, engine, recovery, readiness)
    return (Fact(verified, world.clock.now()),)


def _verified(
    world: World, engine: Engine, recovery: Recovery, readiness: Readiness
) -> RecoveryVerified:
    ordered = recovery.ordered
    findings = [] if readiness.ready else [readiness.detail]
    wanted = _invariants(world, ordered.datastore)
    results = engine.check_invariants(ordered.datastore, wanted)
    findings.extend(f"{r.name}: {r.detail}" for r in results if not r.holds)
    if len(findings) > FINDINGS_MAX:
        more = len(findings) - FINDINGS_MAX
        findings[FINDINGS_MAX:] = [f"and {more} more that do not hold"]
    return RecoveryVerified(
        recovery=ordered.recovery,
        ok=not findings,
        ready=readiness.ready,
        timeline=readiness.timeline,
        recovered_to=readiness.recovered_to,
        invariants=tuple(result.name for result in results),
        findings=tuple(map(_short, findings)),
        evidence=keep_evidence(world.store, readiness.evidence),
        at=world.clock.now(),
    )


def _short(text: str) -> str:
    """Return what fits into an entry; the whole output is kept as evidence."""
    return text if len(text) <= DETAIL_MAX else f"{text[: DETAIL_MAX - 1]}…"


def _fetch(world: World, notice: str) -> Sequence[Fact]:
    if world.lookout is None:
        return ()
    seen_at = world.lookout.seen(notice)
    if seen_at is None:
        return ()
    seen = StatusPageSeen(notice, world.lookout.url, seen_at)
    return (Fact(seen, seen_at),)
