"""Once a year people walk through what-if scenarios.

Not judged yet: exercises are not recorded yet.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say what is declared and what evidence is missing."""
    del situation
    return unproven("no tabletop exercise has been recorded")


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: it needs a record of exercises first."""
    del situation
    return ()
