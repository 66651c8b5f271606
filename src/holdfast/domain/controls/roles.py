"""Each role is held by enough people, who respond in time.

Judged as far as the evidence goes: the holders, and the acknowledgement of incidents.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
)
from holdfast.domain.questions import ROLE_NAMES


def judge(situation: Situation) -> Verdict:
    """Judge holders first, then the newest acknowledgement; minutes are missing."""
    wanted = situation.rules.count("people_per_role")
    for role, name in ROLE_NAMES.items():
        holders = len(situation.rules.catalogue.holders(role))
        if holders < wanted:
            reason = f"{name} is held by {holders}, {wanted} wanted"
            return Verdict("breached", reason)
    duties = owes(situation)
    for duty in duties:
        if duty.overdue(situation.now):
            return Verdict(
                "breached", "an incident is not acknowledged", (), duty.due_at
            )
    proofs = tuple(
        Proof(f"{d.what}: done", d.index, d.done_at) for d in duties[-1:] if d.done_at
    )
    if duties and duties[-1].late:
        return Verdict("breached", "the last incident was acknowledged late", proofs)
    return unproven(
        "every role is held by enough people; no minutes of the committee are recorded",
        *proofs,
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe the acknowledgement of every incident, by a person."""
    allowed = situation.rules.duration("acknowledge_within")
    duties = []
    for incident in situation.state.incidents.values():
        taken = incident.acknowledged
        ended = incident.resolved.at if incident.resolved else None
        done_at = taken.at if taken else ended
        duties.append(
            Duty(
                key=f"{incident.id}/acknowledge",
                control="roles",
                what="acknowledge the incident",
                owner="IRT",
                due_at=incident.opened.detected_at + allowed,
                done_at=done_at,
                incident=incident.id,
                index=incident.indices[-1] if done_at else None,
            )
        )
    return tuple(sorted(duties, key=lambda duty: duty.key))
