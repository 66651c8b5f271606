"""Critical business functions are recovered in the order of their rank.

Shown by a rehearsal of one disaster over all datastores of the critical functions. What
stands on no datastore of ours (a support desk, a payroll, run by suppliers) needs a
rehearsed workaround, of which there is no evidence yet; so such a function keeps this
promise from being met.
"""

from __future__ import annotations

from itertools import combinations

from holdfast.domain.controls import drills
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)
from holdfast.domain.memory.drills import Drill, Rehearsal


def judge(situation: Situation) -> Verdict:
    """Judge the newest rehearsal of all that is critical, then what none can show."""
    ranked = sorted(situation.rules.catalogue.functions, key=lambda f: f.rank)
    order = ", ".join(function.name for function in ranked) or "none"
    newest = _newest(situation)
    if newest is None:
        return unproven(
            f"declared in this order: {order}; no recovery of several functions has "
            "shown it"
        )
    members = _members(situation, newest)
    proof = _proof(newest, members)
    failed = [m for m in members if m.finished is None or not m.finished.passed]
    if failed:
        which = ", ".join(member.ordered.datastore for member in failed)
        return Verdict("breached", f"the last rehearsal failed: {which}", (proof,))
    if not _in_order(situation, members):
        return Verdict("breached", "recovered in another order than declared", (proof,))
    fresh_for = situation.rules.duration("drill_every")
    due = newest.ordered.at + fresh_for
    if not within(newest.ordered.at, situation.now, fresh_for):
        return Verdict("stale", "the last rehearsal is too old", (proof,), due)
    bare = [
        function.name for function in ranked if not _has_data(situation, function.id)
    ]
    if bare:
        names = ", ".join(bare)
        return unproven(f"in order; no workaround is rehearsed for: {names}", proof)
    return Verdict("met", f"recovered in this order: {order}", (proof,), due)


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing of its own: the order is shown by drills, which are owed there."""
    del situation
    return ()


def _newest(situation: Situation) -> Rehearsal | None:
    """Return the newest rehearsal, now over, of everything critical at once."""
    wanted = {datastore.id for datastore in drills.covered(situation)}
    found = [
        rehearsal
        for rehearsal in situation.state.rehearsals.values()
        if wanted
        and wanted <= {m.ordered.datastore for m in _members(situation, rehearsal)}
        and all(m.finished for m in _members(situation, rehearsal))
        and all(m.ordered.sabotage is None for m in _members(situation, rehearsal))
    ]
    return max(found, key=lambda r: r.ordered_index, default=None)


def _members(situation: Situation, rehearsal: Rehearsal) -> list[Drill]:
    return [situation.state.drills[name] for name in rehearsal.ordered.drills]


def _proof(rehearsal: Rehearsal, members: list[Drill]) -> Proof:
    came_back = sorted(
        (m for m in members if m.measured and m.measured.verified_at),
        key=lambda m: (m.measured and m.measured.verified_at) or rehearsal.ordered.at,
    )
    order = ", then ".join(member.ordered.datastore for member in came_back)
    text = f"{rehearsal.ordered.rehearsal}: came back {order or 'nothing'}"
    return Proof(text, rehearsal.ordered_index, rehearsal.ordered.at)


def _in_order(situation: Situation, members: list[Drill]) -> bool:
    """Say whether no restore began before those of the rank before had ended."""
    jobs = situation.state.jobs.all
    spans = []
    for member in sorted(members, key=lambda m: m.rank):
        job = jobs.get(member.ordered.drill)
        if job is None or job.started is None or job.ended is None:
            return False
        spans.append((member.rank, job.started.at, job.ended.at))
    return all(
        ended <= began
        for (rank, _, ended), (later, began, _) in combinations(spans, 2)
        if rank < later
    )


def _has_data(situation: Situation, function: str) -> bool:
    return any(
        service.function == function and service.datastores
        for service in situation.rules.catalogue.services
    )
