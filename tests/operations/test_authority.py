"""Who may do what: one table, judged by the roles of the catalogue in force."""

from __future__ import annotations

import ast
import inspect
from typing import get_args

import pytest
from tests.operations.company import COMMITTEE, LEAD, RESPONDER, SUCCESS, company

from holdfast.domain.events.authority import ActApproved
from holdfast.domain.events.kinds import EVENT_TYPES
from holdfast.domain.events.notice import StatusPageSeen
from holdfast.domain.events.runner import RunnerSeen
from holdfast.domain.rules import Rules
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations import act, watch
from holdfast.operations.authority import (
    MAY,
    RUNNER_RECORDS,
    ForbiddenError,
    Operation,
    require,
)
from holdfast.operations.log import Log

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


def test_a_runner_may_record_all_that_it_does_and_sees() -> None:
    """Whatever acts and looks record is on the runner's list, or seen by the node."""
    written = {
        node.func.id
        for module in (act, watch)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    events = {kind.__name__: kind for kind in EVENT_TYPES.values()}
    recorded = {events[name] for name in written & set(events)}
    assert recorded - RUNNER_RECORDS <= {StatusPageSeen}


@pytest.mark.parametrize(
    "name",
    [
        "act.ordered",
        "act.approved",
        "act.glass_broken",
        "act.glass_reviewed",
        "act.step_confirmed",
        "order.cancelled",
        "check.ordered",
        "job.requested",
        "recovery.ordered",
        "drill.ordered",
        "drill.finished",
        "backup.ordered",
        "policy.adopted",
        "catalogue.adopted",
        "overlay.adopted",
        "runbook.adopted",
        "person.erased",
        "notice.due",
        "notice.released",
        "ledger.checked",
        "ledger.key_rotated",
        "ledger.closed",
        "incident.resolved",
    ],
)
def test_a_runner_records_no_decision(name: str) -> None:
    """Orders, approvals, judgements and what is in force are never a runner's."""
    assert name in {kind for kind, _ in EVENT_TYPES}
    assert name not in {kind.TYPE for kind in RUNNER_RECORDS}


def test_what_cannot_be_taken_back_is_for_few() -> None:
    """The table itself, said a second time: who widens it does so on purpose."""
    wanted = {
        "order_recovery": "IRT PL",
        "approve": "IRT PL RC",
        "break_glass": "IRT PL",
        "review_glass": "PL RC",
        "release": "CS IRT PL",
        "cancel": "IRT PL RC",
        "adopt": "RC",
        "rotate_key": "PL RC",
        "close_ledger": "PL RC",
        "retire_witness": "RC",
        "erase_person": "PL RC",
    }
    found = {name: " ".join(sorted(roles)) for name, roles in MAY.items()}
    assert {name: found[name] for name in wanted} == wanted


def test_a_log_of_a_runner_takes_nothing_else() -> None:
    """Whatever a runner's code would record, only its own kinds pass."""
    world = company().world
    now = world.clock.now()
    log = Log(world.store, "runner-1", world.clock, may=RUNNER_RECORDS)
    log.record([Fact(RunnerSeen("runner-1", "here", "1", (), now), now)])
    size = world.store.size()
    with pytest.raises(HoldfastError, match=r"may not record act\.approved"):
        log.record([Fact(ActApproved("x", LEAD, "password", now), now)])
    assert world.store.size() == size
