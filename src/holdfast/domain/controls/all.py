"""The twenty promises, in the policy's order."""

from __future__ import annotations

from holdfast.domain.controls import (
    alerting,
    audit_log,
    availability,
    backups,
    customer_email,
    drills,
    functions,
    key_personnel,
    off_site,
    patching,
    policy_review,
    recovery_point,
    recovery_time,
    redundancy,
    remote_work,
    roles,
    scope,
    status_page,
    tabletop,
    third_parties,
)
from holdfast.domain.controls.judging import (
    Control,
    Duty,
    Situation,
    Verdict,
    guarded,
)
from holdfast.domain.controls.ransomware import owed_for_suspicions
from holdfast.domain.controls.tampering import owed_for_tampering
from holdfast.domain.controls.unwitnessed import owed_for_lapses
from holdfast.domain.promises import ControlName

CONTROLS: dict[ControlName, Control] = {
    "scope": scope,
    "recovery_time": recovery_time,
    "recovery_point": recovery_point,
    "availability": availability,
    "roles": roles,
    "functions": functions,
    "redundancy": redundancy,
    "backups": backups,
    "off_site": off_site,
    "remote_work": remote_work,
    "key_personnel": key_personnel,
    "third_parties": third_parties,
    "audit_log": audit_log,
    "patching": patching,
    "tabletop": tabletop,
    "drills": drills,
    "policy_review": policy_review,
    "alerting": alerting,
    "status_page": status_page,
    "customer_email": customer_email,
}


def judge_all(situation: Situation) -> dict[ControlName, Verdict]:
    """Return how each promise that the policy makes stands."""
    return {
        name: guarded(situation, name, control.judge(situation))
        for name, control in CONTROLS.items()
    }


def owed_by_all(situation: Situation) -> tuple[Duty, ...]:
    """Return every duty, of every control that the policy speaks of.

    Tampering with the log, and that nobody vouches for it, are told whatever it says,
    since all evidence rests on it; and so is suspected ransomware.
    """
    sentences = situation.rules.policy.sentences
    spoken_of = {o.control for sentence in sentences for o in sentence.obligations}
    return (
        *(
            duty
            for name, control in CONTROLS.items()
            if name in spoken_of
            for duty in control.owes(situation)
        ),
        *owed_for_tampering(situation),
        *owed_for_suspicions(situation),
        *owed_for_lapses(situation),
    )
