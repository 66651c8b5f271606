"""No more than the RPO's worth of transactions can be lost, at any moment.

The gauge is the age of the newest recoverable moment; but only a restore proves it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)

# A look at the protection older than this says nothing about now.
LOOK_COUNTS_FOR = timedelta(minutes=15)

WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")


def judge(situation: Situation) -> Verdict:
    """Judge every production datastore with customer data; the worst one decides."""
    if situation.rules.rpo is None:
        return unproven("the policy names no recovery point objective")
    verdicts = [_judge_one(situation, datastore) for datastore in covered(situation)]
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


def _judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    rpo, now = situation.rules.rpo, situation.now
    assert rpo is not None
    known = situation.state.datastores.get(datastore.id)
    if known is None or known.seen is None:
        return unproven(f"{datastore.id}: nobody has looked yet")
    seen = known.seen
    if seen.recoverable_to is None:
        return Verdict("breached", f"{datastore.id}: nothing can be restored")
    age = now - seen.recoverable_to
    proof = Proof(
        f"{datastore.id}: restorable to {seen.recoverable_to:%Y-%m-%d %H:%M:%S} UTC",
        known.seen_index,
        seen.at,
    )
    if age > rpo:
        return Verdict(
            "breached", f"{datastore.id}: {_minutes(age)} at stake", (proof,)
        )
    if age > situation.rules.duration("recovery_point_at_risk"):
        return Verdict("at_risk", f"{datastore.id}: {_minutes(age)} at stake", (proof,))
    if not within(seen.at, now, LOOK_COUNTS_FOR):
        return Verdict("stale", f"{datastore.id}: the last look is old", (proof,))
    return _by_restore(situation, datastore, rpo, proof)


def _by_restore(
    situation: Situation, datastore: Datastore, rpo: timedelta, gauge: Proof
) -> Verdict:
    measured = sorted([*_losses(situation, datastore), *_drills(situation, datastore)])
    if not measured:
        reason = f"{datastore.id}: the gauge is good, but no restore has shown it"
        return unproven(reason, gauge)
    at, loss, index = measured[-1]
    proof = Proof(f"{datastore.id}: a restore lost {_seconds(loss)}", index, at)
    if loss > rpo:
        return Verdict("breached", proof.text, (proof, gauge))
    fresh_for = situation.rules.duration("drill_every")
    if not within(at, situation.now, fresh_for):
        return Verdict("stale", "the last measured restore is too old", (proof, gauge))
    return Verdict("met", proof.text, (proof, gauge), at + fresh_for)


Loss = tuple[datetime, timedelta, int]


def _losses(situation: Situation, datastore: Datastore) -> list[Loss]:
    return [
        (writes.at, writes.fault_at - writes.newest_recovered_at, incident.indices[-1])
        for incident in situation.state.incidents.values()
        for writes in incident.writes
        if writes.datastore == datastore.id and writes.newest_recovered_at is not None
    ]


def _drills(situation: Situation, datastore: Datastore) -> list[Loss]:
    known = situation.state.datastores.get(datastore.id)
    return [
        (drill.at, timedelta(microseconds=drill.data_loss_us), index)
        for drill, index in (known.drills if known else ())
    ]


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():,.1f} s of writes"


def _minutes(length: timedelta) -> str:
    return f"{length.total_seconds() / 60:,.1f} min of writes"
