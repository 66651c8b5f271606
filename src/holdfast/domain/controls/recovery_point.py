"""No more than the RPO's worth of transactions can be lost, at any moment.

The gauge is the age of the newest recoverable moment; but only a restore proves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Standing,
    Verdict,
    unproven,
    within,
)
from holdfast.domain.events.drill import DrillFinished
from holdfast.domain.events.incident import WritesCompared

# A look at the protection older than this says nothing about now.
LOOK_COUNTS_FOR = timedelta(minutes=15)

WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")


def judge(situation: Situation) -> Verdict:
    """Judge every production datastore with customer data; the worst one decides."""
    if situation.rules.rpo is None:
        return unproven("the policy names no recovery point objective")
    verdicts = [judge_one(situation, datastore) for datastore in covered(situation)]
    if not verdicts:
        return unproven("the catalogue names no production datastore")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing by itself: archiving runs in the engine, drills have their own."""
    del situation
    return ()


def covered(situation: Situation) -> tuple[Datastore, ...]:
    """Return the datastores under the objective (clause 2, RPO: the default)."""
    return tuple(
        datastore
        for datastore in situation.rules.catalogue.datastores
        if datastore.production and datastore.customer_data
    )


def judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    """Judge one datastore by its gauge, and by what restores have lost."""
    rpo, now = situation.rules.rpo, situation.now
    if rpo is None:
        return unproven("the policy names no recovery point objective")
    known = situation.state.datastores.get(datastore.id)
    if known is None or known.seen is None:
        return unproven(f"{datastore.id}: nobody has looked yet")
    seen = known.seen
    if seen.recoverable_to is None:
        return Verdict("breached", f"{datastore.id}: nothing can be restored")
    proof = Proof(
        f"{datastore.id}: restorable to {seen.recoverable_to:%Y-%m-%d %H:%M:%S} UTC",
        known.seen_index,
        seen.at,
    )
    at_look, age = seen.at - seen.recoverable_to, now - seen.recoverable_to
    if at_look > rpo:
        return _at_stake("breached", datastore, at_look, proof)
    if not within(seen.at, now, LOOK_COUNTS_FOR):
        return Verdict("stale", f"{datastore.id}: the last look is old", (proof,))
    if age > rpo:
        return _at_stake("breached", datastore, age, proof)
    if age > situation.rules.duration("recovery_point_at_risk"):
        return _at_stake("at_risk", datastore, age, proof)
    return _by_restore(situation, datastore, rpo, proof)


def _at_stake(
    standing: Standing, datastore: Datastore, age: timedelta, proof: Proof
) -> Verdict:
    reason = f"{datastore.id}: {age.total_seconds() / 60:,.1f} min of writes at stake"
    return Verdict(standing, reason, (proof,))


def _by_restore(
    situation: Situation, datastore: Datastore, rpo: timedelta, gauge: Proof
) -> Verdict:
    measured = [
        *_counted(situation, datastore),
        *_recovered(situation, datastore),
        *_drills(situation, datastore),
    ]
    if not measured:
        reason = f"{datastore.id}: the gauge is good, but no restore has shown it"
        return unproven(reason, gauge)
    last = max(measured, key=lambda loss: loss.at)
    proof = Proof(f"{datastore.id}: {last.text}", last.index, last.at)
    if last.most > rpo:
        standing: Standing = "breached" if last.counted else "unproven"
        return Verdict(standing, proof.text, (proof, gauge))
    fresh_for = situation.rules.duration("drill_every")
    if not within(last.at, situation.now, fresh_for):
        return Verdict("stale", "the last measured restore is too old", (proof, gauge))
    return Verdict("met", proof.text, (proof, gauge), last.at + fresh_for)


@dataclass(frozen=True, slots=True)
class _Loss:
    """What a restore lost: at ``most`` so much; ``counted`` if it is known exactly."""

    at: datetime
    most: timedelta
    text: str
    index: int | None
    counted: bool = True


def _counted(situation: Situation, datastore: Datastore) -> list[_Loss]:
    """Return what was lost by the count of acknowledged writes."""
    return [
        _of_writes(writes, index)
        for incident in situation.state.all_incidents()
        for writes, index in zip(incident.writes, incident.writes_indices, strict=True)
        if writes.datastore == datastore.id and writes.acknowledged > 0
    ]


def _of_writes(writes: WritesCompared, index: int) -> _Loss:
    newest = writes.newest_recovered_at
    if newest is None:
        text = f"none of {writes.acknowledged:,} acknowledged writes survived a restore"
        return _Loss(writes.at, timedelta.max, text, index)
    loss = writes.fault_at - newest
    return _Loss(writes.at, loss, f"a restore lost {_seconds(loss)}", index)


def _recovered(situation: Situation, datastore: Datastore) -> list[_Loss]:
    """Return the recoveries whose lost writes nobody has counted.

    What was committed before the outage and after the newest recovered commit may be
    lost; where nothing was written then, nothing was. Only a count tells.
    """
    found = []
    for recovery in situation.state.recoveries.values():
        ordered, verified = recovery.ordered, recovery.verified
        incident = situation.state.incidents.get(ordered.incident)
        if incident is None or verified is None or not verified.ok:
            continue
        if ordered.datastore != datastore.id or any(
            writes.datastore == datastore.id for writes in incident.writes
        ):
            continue
        began_at = incident.opened.began_at
        most = timedelta.max
        if verified.recovered_to is not None:
            most = max(began_at - verified.recovered_to, timedelta(0))
        text = "a restore whose lost writes nobody has counted"
        if most != timedelta.max:
            text = f"a restore lost at most {_seconds(most)}"
        found.append(_Loss(verified.at, most, text, recovery.verified_index, False))
    return found


def _drills(situation: Situation, datastore: Datastore) -> list[_Loss]:
    """Return the drills; those broken on purpose say nothing about the real thing."""
    known = situation.state.datastores.get(datastore.id)
    return [
        _of_drill(drill, index)
        for drill, index in (known.drills if known else ())
        if drill.sabotage is None
    ]


def _of_drill(drill: DrillFinished, index: int) -> _Loss:
    if drill.data_loss_us is None:
        text = f"a drill brought nothing back: {drill.detail}"
        return _Loss(drill.at, timedelta.max, text, index)
    loss = timedelta(microseconds=drill.data_loss_us)
    return _Loss(drill.at, loss, f"a drill lost {_seconds(loss)}", index)


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():,.1f} s of writes"
