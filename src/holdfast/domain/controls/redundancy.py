"""Production databases run in several zones or regions.

Not judged yet: nothing connected tells in which zones they run.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say what is declared and what evidence is missing."""
    count = sum(d.production for d in situation.rules.catalogue.datastores)
    return unproven(
        f"{count} production databases are declared, but nothing connected tells "
        "in which zones their replicas stream"
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: redundancy is a state, not a task."""
    del situation
    return ()
