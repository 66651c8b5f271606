"""Twice a year a technical failover test confirms RTO and RPO, for every datastore of
the critical functions. A failed drill stays red until a retest passes.
"""

from __future__ import annotations

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
)

WORST_FIRST = ("breached", "unproven", "met")


def judge(situation: Situation) -> Verdict:
    """Judge every datastore of the critical functions; the worst one decides."""
    verdicts = [_judge_one(situation, datastore) for datastore in covered(situation)]
    if not verdicts:
        return unproven("the catalogue names no datastore of a critical function")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe each datastore its next drill; a person starts it."""
    duties = []
    for datastore in covered(situation):
        known = situation.state.datastores.get(datastore.id)
        passed = [d for d, _ in (known.drills if known else ()) if d.passed]
        adopted = situation.state.adopted.policy
        base = passed[-1].at if passed else (adopted.at if adopted else situation.now)
        due = base + situation.rules.duration("drill_every")
        duties.append(
            Duty(
                key=f"drill/{datastore.id}/{due:%Y%m%d}",
                control="drills",
                what=f"rehearse the recovery of {datastore.id}",
                owner="PL",
                due_at=due,
            )
        )
    return tuple(duties)


def covered(situation: Situation) -> tuple[Datastore, ...]:
    """Return the datastores of the services of critical functions."""
    catalogue = situation.rules.catalogue
    ranks = situation.rules.critical_ranks()
    wanted = {
        datastore
        for service in catalogue.services
        if catalogue.rank(service.id) in ranks
        for datastore in service.datastores
    }
    return tuple(d for d in catalogue.datastores if d.id in wanted and d.production)


def _judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    known = situation.state.datastores.get(datastore.id)
    if known is None or not known.drills:
        return unproven(f"{datastore.id}: no drill has been run yet")
    last, index = known.drills[-1]
    proof = Proof(f"{datastore.id}: {last.detail}", index, last.at)
    if not last.passed:
        return Verdict("breached", f"{datastore.id}: the last drill failed", (proof,))
    due = last.at + situation.rules.duration("drill_every")
    if situation.now > due:
        return Verdict("breached", f"{datastore.id}: a drill is overdue", (proof,), due)
    return Verdict("met", f"{datastore.id}: the last drill passed", (proof,), due)
