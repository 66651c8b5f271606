"""Critical customer-facing services are restored within the RTO of a declared disaster.

Met only by a measured recovery or drill; a running disaster is judged by its clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)
from holdfast.domain.memory.incidents import Incident

# From this share of the time allowed a running recovery is at risk.
AT_RISK_FROM = 0.75


def judge(situation: Situation) -> Verdict:
    """Judge the running clock first, then the newest measured recovery or drill."""
    if situation.rules.rto is None:
        return unproven("the policy names no recovery time objective")
    running = [d for d in owes(situation) if d.done_at is None]
    if running:
        return _running(running[0], situation)
    measured = sorted([*_recoveries(situation), *_drills(situation)])
    if not measured:
        return unproven("no recovery and no drill has been measured yet")
    at, met, text, index = measured[-1]
    proof = Proof(text, index, at)
    if not met:
        return Verdict("breached", f"the last one took too long: {text}", (proof,))
    fresh_for = situation.rules.duration("drill_every")
    if not within(at, situation.now, fresh_for):
        return Verdict("stale", "the last measurement is too old", (proof,))
    return Verdict("met", text, (proof,), at + fresh_for)


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe the restoration in every incident with a declared disaster."""
    return tuple(
        Duty(
            key=f"{incident.id}/restore",
            control="recovery_time",
            what=f"restore {', '.join(sorted(incident.services))}",
            owner="PL",
            due_at=incident.declared.due_at,
            done_at=incident.restored_since,
            incident=incident.id,
            index=incident.declared_index,
        )
        for incident in situation.state.incidents.values()
        if incident.declared is not None
    )


def recovery_time(incident: Incident) -> timedelta | None:
    """Return the wall time from declaration to green, once that is certain."""
    restored = incident.restored_since
    if incident.declared is None or restored is None:
        return None
    return max(restored - incident.declared.at, timedelta(0))


def _running(duty: Duty, situation: Situation) -> Verdict:
    assert duty.incident is not None
    declared = situation.state.incidents[duty.incident].declared
    assert declared is not None
    proof = Proof("disaster declared", duty.index, declared.at)
    if duty.overdue(situation.now):
        return Verdict("breached", "not restored in time", (proof,), duty.due_at)
    if duty.due_at is None:
        return Verdict("at_risk", "the business calendar is missing", (proof,))
    calendar = situation.rules.calendar
    used = calendar.between(declared.at, situation.now)
    allowed = calendar.between(declared.at, duty.due_at)
    share = used / allowed if allowed else 1.0
    standing = "at_risk" if share >= AT_RISK_FROM else "met"
    # A clock that still runs has proved nothing: it is at risk or not yet judged.
    if standing == "met":
        reason = "a recovery is running, within its time so far"
        return Verdict("unproven", reason, (proof,), duty.due_at)
    return Verdict("at_risk", "most of the time is used", (proof,), duty.due_at)


Measured = tuple[datetime, bool, str, int]


def _recoveries(situation: Situation) -> list[Measured]:
    found: list[Measured] = []
    for incident in situation.state.incidents.values():
        taken, declared = recovery_time(incident), incident.declared
        restored = incident.restored_since
        if taken is None or declared is None or restored is None:
            continue
        met = declared.due_at is not None and restored <= declared.due_at
        text = f"recovered in {_seconds(taken)} after the declaration"
        found.append((restored, met, text, incident.indices[-1]))
    return found


def _drills(situation: Situation) -> list[Measured]:
    return [
        (drill.at, drill.passed, f"drill of {drill.datastore}: {drill.detail}", index)
        for datastore in situation.state.datastores.values()
        for drill, index in datastore.drills
    ]


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():,.1f} s"
