"""Twice a year a technical failover test confirms RTO and RPO, for every datastore of
the critical functions. A failed drill stays red until a retest passes.

A drill is owed as soon as it may be run without being wasted; where the operator gave a
window, the schedule orders it there by itself, else a person does. After each drill a
fresh backup is owed: what was rehearsed from is by then the older one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls import backups
from holdfast.domain.controls.backups import first_owed_at
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
)
from holdfast.domain.events.job import JobRequested

# From so long before it is due, the next drill may be run; it is shown as due soon.
LEAD = timedelta(days=28)
WORST_FIRST = ("breached", "unproven", "met")


def judge(situation: Situation) -> Verdict:
    """Judge every datastore of the critical functions; the worst one decides."""
    verdicts = [judge_one(situation, datastore) for datastore in covered(situation)]
    if not verdicts:
        return unproven("the catalogue names no datastore of a critical function")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe each datastore its next drill, and a fresh backup after the last one."""
    duties = []
    for datastore in covered(situation):
        due = due_at(situation, datastore)
        duties.append(
            Duty(
                key=f"drill/{datastore.id}/{due:%Y%m%d}",
                control="drills",
                what=f"rehearse the recovery of {datastore.id}",
                owner="PL",
                due_at=due,
            )
        )
    backups_owed = (
        _backup_after(situation, datastore) for datastore in known(situation)
    )
    return (*duties, *(duty for duty in backups_owed if duty is not None))


def due_soon(situation: Situation) -> tuple[Datastore, ...]:
    """Return the datastores whose next drill may be run now: it is due within `LEAD`,
    and none was tried since that time began.

    A drill that failed is not repeated by itself: somebody has to look first.
    """
    return tuple(
        datastore
        for datastore in covered(situation)
        if situation.now >= due_at(situation, datastore) - LEAD
        and not _tried_since(
            situation, datastore.id, due_at(situation, datastore) - LEAD
        )
    )


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


def known(situation: Situation) -> tuple[Datastore, ...]:
    """Return the production datastores of which something is known."""
    return tuple(
        datastore
        for datastore in situation.rules.catalogue.datastores
        if datastore.production and datastore.id in situation.state.datastores
    )


def due_at(situation: Situation, datastore: Datastore) -> datetime:
    """Return when the next passed drill is due: from the last one, or from when the
    datastore was first seen.
    """
    known = situation.state.datastores.get(datastore.id)
    passed = [d.at for d, _ in (known.drills if known else ()) if d.passed]
    base = passed[-1] if passed else first_owed_at(situation, datastore.id)
    return base + situation.rules.duration("drill_every")


def judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    """Judge one datastore by its last drill, and by when the next one is due."""
    known = situation.state.datastores.get(datastore.id)
    due = due_at(situation, datastore)
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
    reason = f"{datastore.id}: the last drill passed"
    if situation.now >= due - LEAD:
        days = (due - situation.now).days
        reason = f"{reason}; the next one is due in {days} days"
    return Verdict("met", reason, (proof,), due)


def _tried_since(situation: Situation, datastore: str, moment: datetime) -> bool:
    return any(
        drill.ordered.datastore == datastore
        and drill.ordered.sabotage is None
        and drill.ordered.at >= moment
        for drill in situation.state.drills.values()
    )


def _backup_after(situation: Situation, datastore: Datastore) -> Duty | None:
    """Owe a backup to the repository that was rehearsed from, until one is seen.

    What was broken on purpose was a copy; after it nothing is owed.
    """
    store = situation.state.datastores[datastore.id]
    real = [drill for drill, _ in store.drills if drill.sabotage is None]
    rehearsed = situation.state.drills.get(real[-1].drill) if real else None
    if rehearsed is None:
        return None
    ended_at, number = real[-1].at, rehearsed.ordered.repository
    if any(seen.backup.started_at >= ended_at for seen in store.of_repository(number)):
        return None
    name = f"backup-after-{rehearsed.ordered.drill}"
    free = name not in situation.state.jobs.all and backups.may_be_asked(
        situation, datastore.id, number
    )
    request = JobRequested(
        job=name,
        datastore=datastore.id,
        verb="backup",
        repository=number,
        target=None,
        recovery=None,
        at=situation.now,
    )
    return Duty(
        key=f"drill/{datastore.id}/backup-after/{ended_at:%Y%m%dT%H%M%S}",
        control="drills",
        what=f"back up {datastore.id} to repository {number} after the drill",
        owner="PL",
        due_at=ended_at + backups.gap(situation),
        conclusions=(request,) if free else (),
    )
