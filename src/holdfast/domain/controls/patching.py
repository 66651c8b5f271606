"""Critical vulnerabilities are patched within the hours the policy names.

Not judged yet: no scanner is connected.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say that the deadline is a blank, or what is missing."""
    if any(s.status == "placeholder" for s in situation.rules.sentences_of("patching")):
        return Verdict(
            "unbound",
            "the policy's own deadline is an unfilled placeholder, and no scanner "
            "is connected",
        )
    return unproven("no scanner is connected")


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: it needs a scanner first."""
    del situation
    return ()
