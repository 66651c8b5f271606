"""Critical tasks have runbooks that others than their author can run.

Not judged yet: runs of runbooks are not recorded yet.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say what is declared and what evidence is missing."""
    del situation
    return unproven(
        "no run of a runbook by somebody who did not write it has been recorded"
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: it needs a register of runbooks first."""
    del situation
    return ()
