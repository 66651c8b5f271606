"""The policy is reviewed yearly and after major changes.

Not judged yet: the committee's quorum is not recorded yet.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say what is declared and what evidence is missing."""
    adopted = situation.state.adopted.policy
    if adopted is None:
        return unproven("the policy has not been adopted")
    return unproven(
        f"adopted on {adopted.at:%Y-%m-%d} by {adopted.approved_by}; no review with "
        "the committee's quorum has been recorded"
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: it needs approvals with quorum first."""
    del situation
    return ()
