"""Each role is held by enough people, who respond in time.

Judged as far as the evidence goes: the holders, and the acknowledgement of incidents.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from holdfast.domain.controls.glass import judge_glass, owed_for_glass
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
)
from holdfast.domain.memory.incidents import Incident
from holdfast.domain.questions import ROLE_NAMES


def judge(situation: Situation) -> Verdict:
    """Judge holders first, then the newest acknowledgement; minutes are missing."""
    wanted = situation.rules.count("people_per_role")
    for role, name in ROLE_NAMES.items():
        holders = len(situation.rules.catalogue.holders(role))
        if holders < wanted:
            reason = f"{name} is held by {holders}, {wanted} wanted"
            return Verdict("breached", reason)
    broken = judge_glass(situation)
    if broken is not None:
        return broken
    duties = _acknowledgements(situation)
    for duty in duties:
        if duty.overdue(situation.now):
            return Verdict(
                "breached", "an incident is not acknowledged", (), duty.due_at
            )
    proofs = tuple(
        Proof(f"{duty.what}: done", duty.index, duty.done_at)
        for duty in duties[-1:]
        if duty.index is not None
    )
    if duties and duties[-1].late:
        incident = situation.state.incidents[duties[-1].incident or ""]
        if incident.acknowledged is None:
            return Verdict("breached", "nobody acknowledged the last incident")
        return Verdict("breached", "the last incident was acknowledged late", proofs)
    return unproven(
        "every role is held by enough people; no minutes of the committee are recorded",
        *proofs,
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe the acknowledgement of every incident, and word of every broken glass."""
    return (*_acknowledgements(situation), *owed_for_glass(situation))


def _acknowledgements(situation: Situation) -> tuple[Duty, ...]:
    """Owe the acknowledgement of every incident, by a person.

    One that ended before anybody took it on is settled by its end, and says so.
    """
    allowed = situation.rules.duration("acknowledge_within")
    return tuple(
        _duty(incident, incident.opened.detected_at + allowed)
        for incident in situation.state.all_incidents()
    )


def _duty(incident: Incident, due_at: datetime) -> Duty:
    duty = Duty(
        key=f"{incident.id}/acknowledge",
        control="roles",
        what="acknowledge the incident",
        owner="IRT",
        due_at=due_at,
        incident=incident.id,
    )
    if incident.acknowledged is not None:
        done_at, index = incident.acknowledged.at, incident.acknowledged_index
        return replace(duty, done_at=done_at, index=index)
    if incident.resolved is not None:
        what = "acknowledge the incident (nobody did before it ended)"
        return replace(duty, what=what, done_at=incident.resolved.at)
    return duty
