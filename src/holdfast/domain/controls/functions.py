"""Critical business functions are recovered in the order of their rank.

Not judged yet: no drill of several functions has shown the order.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say what is declared and what evidence is missing."""
    ranked = sorted(situation.rules.catalogue.functions, key=lambda f: f.rank)
    order = ", ".join(function.name for function in ranked)
    return unproven(
        f"declared in this order: {order or 'none'}; no recovery of several "
        "functions has shown it"
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: the order is shown by the drills."""
    del situation
    return ()
