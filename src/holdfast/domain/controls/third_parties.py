"""Critical sub-processors are registered and reviewed every year.

Not judged yet: reviews of their reports are not recorded yet.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say what is declared and what evidence is missing."""
    suppliers = situation.rules.catalogue.suppliers
    critical = sum(supplier.critical for supplier in suppliers)
    return unproven(
        f"{critical} critical sub-processors are registered; no review of a report "
        "has been recorded"
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: it needs a place to file reports first."""
    del situation
    return ()
