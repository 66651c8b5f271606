"""What the beat has others do: each action on the world, and the facts it yields.

Every action may be done twice without harm: a job starts once by its id, a look is a
look, and facts are recorded once by key. Who performs an action follows from the parts
that a process has: engines are the runner's, the look from outside is the node's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import assert_never, cast

import cattrs

from holdfast.domain import recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.decide import (
    Action,
    AnswerCheck,
    CheckPreflight,
    FetchStatusPage,
    ObserveJob,
    StartJob,
    TakeCheckpoint,
    VerifyRecovery,
)
from holdfast.domain.events.authority import CheckAnswered
from holdfast.domain.events.drill import DrillMeasured, DrillTraced, Scenario
from holdfast.domain.events.incident import PreflightChecked, RecoveryVerified
from holdfast.domain.events.job import JobFinished, JobLost, JobRequested, JobStarted
from holdfast.domain.events.notice import StatusPageSeen
from holdfast.domain.events.repository import BackupsExpired, RepositoryExamined
from holdfast.domain.events.runner import JobProgressed, JobTaken
from holdfast.domain.memory.incidents import Recovery
from holdfast.domain.memory.protection import Job as JobSoFar
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.ports.engine import (
    BackupKind,
    Engine,
    Evidence,
    Finished,
    Job,
    Lost,
    Preflight,
    Readiness,
    Rehearsal,
    Running,
    SmokeTest,
)
from holdfast.operations.ports.store import MovedOnError, Store
from holdfast.operations.signing import take_checkpoint
from holdfast.operations.world import Workshop, World

DETAIL_MAX = 300
FINDINGS_MAX = 20
_MICROSECOND = timedelta(microseconds=1)
TRIES = 20
# How far a job moves on, in percent, until it is told again.
PROGRESS_STEP = 10
_PLAIN = cattrs.Converter()
_PLAIN.register_unstructure_hook(timedelta, lambda length: length.total_seconds())


def can(shop: Workshop, situation: Situation, action: Action) -> bool:
    """Say whether this process has the parts for the action."""
    match action:
        case StartJob() | ObserveJob():
            datastore = situation.state.jobs.all[action.job].requested.datastore
        case CheckPreflight() | VerifyRecovery():
            ordered = situation.state.recoveries[action.recovery].ordered
            datastore = ordered.datastore
        case AnswerCheck():
            datastore = situation.state.checks[action.check].ordered.datastore
        case FetchStatusPage():
            return shop.lookout is not None
        case TakeCheckpoint():
            return isinstance(shop, World)
        case _:
            assert_never(action)
    declared = {d.id: d.engine for d in situation.rules.catalogue.datastores}
    engine = shop.engines.get(declared.get(datastore, ""))
    return engine is not None and engine.has(datastore)


def perform(shop: Workshop, action: Action) -> Sequence[Fact]:
    """Do it, and return what is to be recorded."""
    match action:
        case StartJob():
            return _start(shop, action.job)
        case ObserveJob():
            return _observe(shop, action.job)
        case CheckPreflight():
            return _preflight(shop, action.recovery)
        case VerifyRecovery():
            return _verify(shop, action.recovery)
        case AnswerCheck():
            return _answer(shop, action.check)
        case FetchStatusPage():
            return _fetch(shop, action.notice)
        case TakeCheckpoint():
            assert isinstance(shop, World), "only a node signs"
            return take_checkpoint(shop, action.due_at)
        case _:
            assert_never(action)


def keep_evidence(store: Store, evidence: Sequence[Evidence]) -> str:
    """Keep evidence beside the log; return its digest for the entry."""
    plain = _PLAIN.unstructure(list(evidence))
    return store.put_blob(json.dumps(plain, default=str, indent=1).encode())


def engine_of(shop: Workshop, datastore: str) -> Engine:
    """Return the engine of the datastore.

    Raises `HoldfastError` where there is none here: an order that nobody carries out
    must not be silent.
    """
    situation = shop.situation()
    declared = situation.rules.catalogue.datastores if situation else ()
    name = {d.id: d.engine for d in declared}.get(datastore, "")
    if name not in shop.engines:
        raise HoldfastError(
            f"this runner has no engine {name or 'at all'} for {datastore}",
            "Name the datastore in its settings, unless another runner has it.",
        )
    return shop.engines[name]


def _job(shop: Workshop, requested: JobRequested) -> Job:
    drill = shop.log.state().drills.get(requested.job)
    ordered = shop.log.state().jobs.by_hand.get(requested.job)
    return Job(
        id=requested.job,
        datastore=requested.datastore,
        verb=requested.verb,
        repository=requested.repository,
        target=requested.target,
        invariants=_invariants(shop, requested.datastore) if drill else (),
        sabotage=drill.ordered.sabotage if drill else None,
        scenario=_scenario(shop, drill.rehearsal) if drill else "restore",
        smoke_tests=_smoke_tests(shop, requested.datastore) if drill else (),
        kind=cast("BackupKind | None", ordered.kind) if ordered else None,
        keep_for=_keep_for(shop) if requested.verb == "expire" else None,
    )


def _keep_for(shop: Workshop) -> timedelta | None:
    situation = shop.situation()
    return situation.rules.backups_kept_for if situation else None


def _scenario(shop: Workshop, rehearsal: str | None) -> Scenario:
    known = shop.log.state().rehearsals
    return known[rehearsal].ordered.scenario if rehearsal else "restore"


def _smoke_tests(shop: Workshop, name: str) -> tuple[SmokeTest, ...]:
    situation = shop.situation()
    declared = situation.rules.catalogue.datastores if situation else ()
    return tuple(
        SmokeTest(test.name, test.command, test.timeout)
        for datastore in declared
        if datastore.id == name
        for test in datastore.smoke_tests
    )


def _invariants(shop: Workshop, name: str) -> tuple[tuple[str, str], ...]:
    situation = shop.situation()
    declared = situation.rules.catalogue.datastores if situation else ()
    return tuple(
        (invariant.name, invariant.sql)
        for datastore in declared
        if datastore.id == name
        for invariant in datastore.invariants
    )


def _start(shop: Workshop, name: str) -> Sequence[Fact]:
    requested = shop.log.state().jobs.all[name].requested
    engine = engine_of(shop, requested.datastore)
    _require_warrant(shop, name)
    if not _take(shop, name):
        return ()
    folder = engine.start(_job(shop, requested))
    now = shop.clock.now()
    return (Fact(JobStarted(name, shop.host, folder, now), now),)


def _require_warrant(shop: Workshop, name: str) -> None:
    situation = shop.situation()
    assert situation is not None, "a job follows from an adopted policy"
    if not recovering.warranted(situation, situation.state.jobs.all[name]):
        raise HoldfastError(
            f"job {name} has no order that somebody approved",
            "It is not started. Look at who requested it: the log names the node.",
        )


def _take(shop: Workshop, name: str) -> bool:
    """Take the job, if nobody else has; say whether it is ours.

    At the size that was looked at, so that of two runners one takes it, and none takes
    what was cancelled at the same moment.
    """
    for _ in range(TRIES):
        state = shop.log.state()
        job = state.jobs.all[name]
        if job.taken is not None:
            ours = (job.taken.runner, job.taken.host) == (shop.log.node, shop.host)
            return ours and job.ended is None
        if job.ended is not None or job.cancelled is not None:
            return False
        now = shop.clock.now()
        fact = Fact(JobTaken(name, shop.log.node, shop.host, now), now)
        with suppress(MovedOnError):
            shop.log.record([fact], expected_size=state.size)
    return False


def _observe(shop: Workshop, name: str) -> Sequence[Fact]:
    job = shop.log.state().jobs.all[name]
    # Only the host that runs the job can see its folder.
    if job.started is None or job.started.host != shop.host:
        return ()
    engine = engine_of(shop, job.requested.datastore)
    now = shop.clock.now()
    asked = _job(shop, job.requested)
    match engine.observe(asked):
        case Running() as running:
            return _progressed(job, running, now)
        case Finished() as end:
            digest = keep_evidence(shop.store, end.evidence)
            finished = JobFinished(
                name, end.ok, _short(end.detail), digest, end.finished_at
            )
            found = (
                *_measured(asked, end, digest, now),
                *_found_out(asked, end, digest, now),
            )
            return (*found, Fact(finished, now))
        case Lost() as lost:
            detail = _short(_cleared(engine, asked, lost.detail))
            return (Fact(JobLost(name, detail, now), now),)


def _progressed(job: JobSoFar, running: Running, now: datetime) -> Sequence[Fact]:
    """Tell a new step, and how far it is; the moments between are no entries."""
    percent = None if running.progress is None else int(running.progress * 100)
    told, step = job.progressed, _short(running.detail)
    known = (told.percent or 0) if told and told.step == step else None
    if known is not None and (percent is None or percent < known + PROGRESS_STEP):
        return ()
    name = job.requested.job
    return (Fact(JobProgressed(name, step, percent, now), now),)


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


def _found_out(job: Job, end: Finished, digest: str, now: datetime) -> tuple[Fact, ...]:
    """Return what a verification tried, and what an expiry removed."""
    examined = [
        RepositoryExamined(
            job=job.id,
            datastore=job.datastore,
            repository=found.repository,
            read_back=found.read_back,
            cipher=found.cipher,
            wrong_key=found.wrong_key,
            deletion=found.deletion,
            escrow=found.escrow,
            owner=found.owner,
            region=found.region,
            evidence=digest,
            at=end.finished_at,
        )
        for found in end.examinations
    ]
    expired = [
        BackupsExpired(
            job=job.id,
            datastore=job.datastore,
            repository=gone.repository,
            removed=gone.removed,
            kept=gone.kept,
            evidence=digest,
            at=end.finished_at,
        )
        for gone in end.expired
        if gone.removed
    ]
    return (
        *(Fact(event, now) for event in examined),
        *(Fact(event, now) for event in expired),
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


def _preflight(shop: Workshop, name: str) -> Sequence[Fact]:
    ordered = shop.log.state().recoveries[name].ordered
    found = _looked(shop, ordered.datastore, ordered.repository, ordered.target)
    now = shop.clock.now()
    checked = PreflightChecked(
        recovery=name,
        ok=found.ok,
        checks=_findings(found),
        evidence=keep_evidence(shop.store, found.evidence),
        at=now,
    )
    return (Fact(checked, now, actor=ordered.by),)


def _answer(shop: Workshop, name: str) -> Sequence[Fact]:
    ordered = shop.log.state().checks[name].ordered
    found = _looked(shop, ordered.datastore, ordered.repository, ordered.target)
    now = shop.clock.now()
    answered = CheckAnswered(
        check=name,
        ok=found.ok,
        checks=_findings(found),
        evidence=keep_evidence(shop.store, found.evidence),
        at=now,
    )
    return (Fact(answered, now, actor=ordered.by),)


def _looked(
    shop: Workshop, datastore: str, repository: int, target: datetime | None
) -> Preflight:
    """Ask the engine; what it cannot even look at is an answer too.

    Somebody waits for it: a runner that only wrote to its own log would leave them
    waiting for ever.
    """
    engine = engine_of(shop, datastore)
    try:
        return engine.preflight(datastore, repository, target)
    except HoldfastError as error:
        said = f"{error} ({error.hint})" if error.hint else str(error)
        return Preflight(ok=False, checks=(("look", False, said),), evidence=())


def _findings(found: Preflight) -> tuple[str, ...]:
    return tuple(
        _short(f"{'ok' if good else 'FAILED'}: {check}: {finding}")
        for check, good, finding in found.checks
    )


def _verify(shop: Workshop, name: str) -> Sequence[Fact]:
    recovery = shop.log.state().recoveries[name]
    engine = engine_of(shop, recovery.ordered.datastore)
    readiness = engine.ready(recovery.ordered.datastore)
    verified = _verified(shop, engine, recovery, readiness)
    return (Fact(verified, shop.clock.now()),)


def _verified(
    shop: Workshop, engine: Engine, recovery: Recovery, readiness: Readiness
) -> RecoveryVerified:
    ordered = recovery.ordered
    findings = [] if readiness.ready else [readiness.detail]
    wanted = _invariants(shop, ordered.datastore)
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
        evidence=keep_evidence(shop.store, readiness.evidence),
        at=shop.clock.now(),
    )


def _short(text: str) -> str:
    """Return what fits into an entry; the whole output is kept as evidence."""
    return text if len(text) <= DETAIL_MAX else f"{text[: DETAIL_MAX - 1]}…"


def _fetch(shop: Workshop, notice: str) -> Sequence[Fact]:
    if shop.lookout is None:
        return ()
    seen_at = shop.lookout.seen(notice)
    if seen_at is None:
        return ()
    seen = StatusPageSeen(notice, shop.lookout.url, seen_at)
    return (Fact(seen, seen_at),)
