"""Twice a year a technical failover test confirms RTO and RPO, for every datastore of
the critical functions. A failed drill stays red until a retest passes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls.backups import first_owed_at
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
        due = _due(situation, datastore)
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


def _due(situation: Situation, datastore: Datastore) -> datetime:
    """Return when the next passed drill is due: from the last one, or from when the
    datastore was first seen.
    """
    known = situation.state.datastores.get(datastore.id)
    passed = [d.at for d, _ in (known.drills if known else ()) if d.passed]
    base = passed[-1] if passed else first_owed_at(situation, datastore.id)
    return base + situation.rules.duration("drill_every")


def _judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    known = situation.state.datastores.get(datastore.id)
    due = _due(situation, datastore)
    overdue = Verdict("breached", f"{datastore.id}: a drill is overdue", (), due)
    if known is None or not known.drills:
        late = situation.now > due
        return (
            overdue if late else unproven(f"{datastore.id}: no drill has been run yet")
        )
    last, index = known.drills[-1]
    proof = Proof(f"{datastore.id}: {last.detail}", index, last.at)
    if not last.passed:
        return Verdict("breached", f"{datastore.id}: the last drill failed", (proof,))
    if situation.now > due:
        return replace(overdue, proofs=(proof,))
    return Verdict("met", f"{datastore.id}: the last drill passed", (proof,), due)
