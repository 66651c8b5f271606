"""Who may do what: one table, judged by the roles of the catalogue in force."""

from __future__ import annotations

from typing import get_args

import pytest
from tests.operations.company import COMMITTEE, LEAD, RESPONDER, SUCCESS, company

from holdfast.domain.rules import Rules
from holdfast.operations.authority import MAY, ForbiddenError, Operation, require

ROLE_OF = {COMMITTEE: "RC", LEAD: "PL", RESPONDER: "IRT", SUCCESS: "CS"}


@pytest.fixture(scope="module")
def rules() -> Rules:
    """Return the company's rules."""
    situation = company().world.situation()
    assert situation is not None
    return situation.rules


@pytest.mark.parametrize("operation", get_args(Operation))
@pytest.mark.parametrize("person", ROLE_OF)
def test_table(rules: Rules, person: str, operation: Operation) -> None:
    """Each role may do what the table says, and nothing else."""
    if ROLE_OF[person] in MAY[operation]:
        require(rules, person, operation)
        return
    with pytest.raises(ForbiddenError) as refused:
        require(rules, person, operation)
    assert refused.value.message.startswith(f"{person} may not")
    assert refused.value.hint.startswith("Ask somebody of the ")


@pytest.mark.parametrize("person", ["", "mallory", "ANA", "ana ", "person:ana"])
def test_stranger(rules: Rules, person: str) -> None:
    """Whoever the catalogue does not know may do nothing."""
    for operation in get_args(Operation):
        with pytest.raises(ForbiddenError, match="not in the catalogue"):
            require(rules, person, operation)


def test_every_operation_is_in_the_table() -> None:
    """No operation is without roles that may do it."""
    assert set(MAY) == set(get_args(Operation))
    assert all(MAY.values())
