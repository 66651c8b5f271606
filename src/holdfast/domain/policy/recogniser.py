"""From a statement to what it obliges: the rules of every family, in their order.

Rules that say all (a row of roles, a rank) come first and end the reading. The others
add up: one sentence may promise several things.
"""

from __future__ import annotations

from collections.abc import Callable

from holdfast.domain.policy.recognisers import (
    activation,
    communication,
    duties,
    governance,
    objectives,
    people,
    protection,
    rehearsal,
    security,
    tables,
)
from holdfast.domain.policy.statement import Reading, Statement

Rule = Callable[[Statement], Reading | None]

RULES: tuple[Rule, ...] = (
    *governance.RULES,
    *tables.RULES,
    *objectives.RULES,
    *protection.RULES,
    *people.RULES,
    *security.RULES,
    *rehearsal.RULES,
    *communication.RULES,
    *activation.RULES,
)
# These read only what no rule above could.
LAST_RULES: tuple[Rule, ...] = duties.RULES


def read(statement: Statement) -> Reading:
    """Return what a statement says; ``informational`` where it obliges nobody."""
    if statement.code:
        return Reading("informational", note="a code block, shown and not read")
    found: list[Reading] = []
    for rule in RULES:
        reading = rule(statement)
        if reading is not None:
            found.append(reading)
            if reading.final:
                break
    if not found:
        found = [r for rule in LAST_RULES if (r := rule(statement)) is not None][:1]
    return _merged(found)


def _merged(found: list[Reading]) -> Reading:
    if not found:
        return Reading("informational")
    notes = [reading.note for reading in found if reading.note]
    bound = [reading.kind for reading in found if reading.obligations]
    return Reading(
        kind=bound[0] if bound else found[0].kind,
        obligations=tuple(o for reading in found for o in reading.obligations),
        facts=tuple(fact for reading in found for fact in reading.facts),
        note="; ".join(dict.fromkeys(notes)) or None,
        ambiguous=any(reading.ambiguous for reading in found),
    )
