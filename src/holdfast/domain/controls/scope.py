"""Everybody and every environment in scope is covered.

Not judged yet: no identity provider and no cloud inventory is connected.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say what is declared and what evidence is missing."""
    catalogue = situation.rules.catalogue
    return unproven(
        f"{len(catalogue.people)} people, {len(catalogue.suppliers)} suppliers and "
        f"{len(catalogue.environments)} environments are declared, but no identity "
        "provider and no cloud inventory is connected that would show who is missing"
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: gaps show only against an inventory."""
    del situation
    return ()
