"""A drill from its order to its judgement, from the ledger alone.

The order requests the job; the judgement follows from what the job measured, or from
its loss. It passes only if nothing at all is wrong: a drill confirms, it does not hint.
In a rehearsal of several datastores a job is requested only when its turn has come: the
functions' ranks are the order of recovery (clause 4), and equals go side by side.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.domain.controls import recovery_time
from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.drill import DrillFinished, DrillMeasured
from holdfast.domain.events.job import JobLost, JobRequested
from holdfast.domain.memory.drills import Drill
from holdfast.domain.memory.protection import Job

_MICROSECOND = timedelta(microseconds=1)


def conclude(situation: Situation) -> tuple[JobRequested | DrillFinished, ...]:
    """Return the jobs that ordered drills need, and the judgement of those that ended.

    A drill whose job was lost has failed: it is never started again by itself.
    """
    found: list[JobRequested | DrillFinished] = []
    for drill in under_way(situation):
        job = situation.state.jobs.all.get(drill.ordered.drill)
        if job is None:
            if is_its_turn(situation, drill):
                found.append(_request(situation, drill))
        elif job.ended is not None:
            found.append(judged(situation, drill, job))
    return tuple(found)


def under_way(situation: Situation) -> tuple[Drill, ...]:
    """Return the drills that are not judged yet, in the order of the ledger."""
    drills = situation.state.drills.values()
    running = (drill for drill in drills if not drill.over)
    return tuple(sorted(running, key=lambda drill: drill.ordered_index))


def is_its_turn(situation: Situation, drill: Drill) -> bool:
    """Say whether every drill of an earlier rank in its rehearsal is over.

    Passed or not: on the worst day too, one loss does not leave the next one waiting.
    """
    if drill.rehearsal is None:
        return True
    state = situation.state
    others = (state.drills[n] for n in state.rehearsals[drill.rehearsal].ordered.drills)
    return all(other.over for other in others if other.rank < drill.rank)


def judged(situation: Situation, drill: Drill, job: Job) -> DrillFinished:
    """Return the judgement on a drill whose job has ended."""
    assert job.ended is not None
    ordered, measured = drill.ordered, drill.measured
    if measured is None:
        measured = _nothing(drill, job)
    declared_at = min(ordered.at, measured.fault_at)
    spent = since_fault = business = None
    if measured.verified_at is not None:
        spent = measured.verified_at - declared_at
        since_fault = measured.verified_at - measured.fault_at
        business = situation.rules.calendar.between(declared_at, measured.verified_at)
    loss = data_loss(measured)
    findings = (*measured.findings, *_misses(situation, drill, measured))
    return DrillFinished(
        drill=ordered.drill,
        datastore=ordered.datastore,
        sabotage=ordered.sabotage,
        started_at=declared_at,
        recovery_time_us=None if spent is None else spent // _MICROSECOND,
        business_time_us=None if business is None else business // _MICROSECOND,
        from_fault_us=None if since_fault is None else since_fault // _MICROSECOND,
        data_loss_us=None if loss is None else loss // _MICROSECOND,
        commits_lost=None if spent is None else measured.commits_lost,
        passed=not findings,
        detail=_words(findings, measured, declared_at, loss),
        findings=findings,
        evidence=measured.evidence or None,
        at=job.ended.at,
    )


def data_loss(measured: DrillMeasured) -> timedelta | None:
    """Return the length of the writes that were lost; ``None`` if no data came back.

    Counted: from the first lost commit to the fault, and nothing if none was lost, so
    that a quiet database loses nothing. Not counted: from the newest recovered commit.
    """
    if measured.verified_at is None or measured.recovered_to is None:
        return None
    if measured.commits_lost == 0:
        return timedelta(0)
    since = measured.recovered_to
    if measured.commits_lost is not None and measured.first_lost_at is not None:
        since = measured.first_lost_at
    return max(measured.fault_at - since, timedelta(0))


def rank(situation: Situation, datastore: str) -> int:
    """Return the place in the order of recovery: the first function's that needs it."""
    catalogue = situation.rules.catalogue
    last = max((f.rank for f in catalogue.functions), default=1)
    ranks = [catalogue.rank(service) for service in services(situation, datastore)]
    return min(ranks, default=last)


def services(situation: Situation, datastore: str) -> tuple[str, ...]:
    """Return the services that stand on the datastore."""
    return tuple(
        service.id
        for service in situation.rules.catalogue.services
        if datastore in service.datastores
    )


def _request(situation: Situation, drill: Drill) -> JobRequested:
    return JobRequested(
        job=drill.ordered.drill,
        datastore=drill.ordered.datastore,
        verb="drill",
        repository=drill.ordered.repository,
        target=None,
        recovery=None,
        at=situation.now,
    )


def _nothing(drill: Drill, job: Job) -> DrillMeasured:
    """Return the measure of a job that left none: it recovered nothing."""
    assert job.ended is not None
    how = "the drill's job was lost" if isinstance(job.ended, JobLost) else "no measure"
    return DrillMeasured(
        drill=drill.ordered.drill,
        fault_at=drill.ordered.at,
        verified_at=None,
        recovered_to=None,
        first_lost_at=None,
        commits_lost=None,
        timeline=None,
        invariants=(),
        untouched=False,
        disposed=False,
        findings=(f"{how}: {job.ended.detail}",),
        steps=(),
        steps_us=(),
        evidence="",
        at=job.ended.at,
    )


def _misses(
    situation: Situation, drill: Drill, measured: DrillMeasured
) -> tuple[str, ...]:
    """Return what the policy's figures and the drill's own order find wrong."""
    found = []
    if drill.ordered.sabotage is not None and not measured.findings:
        found.append(f"{drill.ordered.sabotage} went unnoticed")
    if measured.verified_at is None:
        if not measured.findings:
            found.append("no verified data came back")
        return tuple(found)
    if not measured.findings and not (measured.untouched and measured.disposed):
        found.append("nothing shows that production is as it was and the copy gone")
    spent = measured.verified_at - min(drill.ordered.at, measured.fault_at)
    return (*found, *_late(situation, drill, spent), *_lossy(situation, measured))


def _late(situation: Situation, drill: Drill, spent: timedelta) -> tuple[str, ...]:
    """Compare wall time, as if the disaster came at the start of a working day.

    A drill at night would otherwise take no business time at all and prove nothing.
    """
    wanted = recovery_time.figure(
        situation, services(situation, drill.ordered.datastore)
    )
    if situation.rules.rto is None or wanted is None:
        return ("the policy names no recovery time objective",)
    if spent <= wanted.length:
        return ()
    return (f"recovered in {_seconds(spent)}, the policy allows {wanted.text}",)


def _lossy(situation: Situation, measured: DrillMeasured) -> tuple[str, ...]:
    rpo, loss = situation.rules.rpo, data_loss(measured)
    if rpo is None:
        return ("the policy names no recovery point objective",)
    if loss is None or loss <= rpo:
        return ()
    return (f"lost {_seconds(loss)} of writes, the policy allows {_seconds(rpo)}",)


def _words(
    findings: tuple[str, ...],
    measured: DrillMeasured,
    declared_at: datetime,
    loss: timedelta | None,
) -> str:
    if measured.verified_at is None or loss is None:
        return findings[0]
    count = measured.commits_lost
    commits = "commits not counted" if count is None else f"{count:,} commits"
    spent = _seconds(measured.verified_at - declared_at)
    figures = f"recovered in {spent}, lost {_seconds(loss)} of writes ({commits})"
    return "; ".join((*findings, figures))


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():,.1f} s"
