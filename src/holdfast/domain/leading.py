"""Where a recovery stands in its runbook, from the ledger alone.

So whatever process died, whoever asks again is told the same next step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdfast.domain import recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.memory.incidents import Recovery
from holdfast.domain.memory.orders import Order
from holdfast.domain.recovering import Step as Standing
from holdfast.domain.runbook import OPERATIONS, Runbook, Step

State = Literal["done", "now", "failed", "to come"]
# Which of Holdfast's operations a recovery is at.
_AT: dict[Standing, int] = {
    "preflight": 0,
    "preflight_failed": 0,
    "approval": 1,
    "lapsed": 1,
    "cancelled": 1,
    "restore_held": 1,
    "restore": 1,
    "restoring": 1,
    "restore_failed": 1,
    "verify": 2,
    "verify_failed": 2,
    "failover_held": 3,
    "failover": 3,
    "failing_over": 3,
    "failover_failed": 3,
    "done": 4,
}


@dataclass(frozen=True, slots=True)
class Stand:
    """One step of the runbook, and how it stands."""

    step: Step
    state: State
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What a recovery came to: from fault and from declaration, each on the wall and
    in business time, and what was lost.
    """

    fault_at: datetime
    declared_at: datetime | None
    in_service_at: datetime
    from_fault: timedelta
    from_declaration: timedelta | None
    business: timedelta | None
    business_from_fault: timedelta
    recovered_to: datetime | None
    data_loss: timedelta | None
    writes_lost: int | None


def stands(
    situation: Situation, runbook: Runbook, recovery: Recovery | None
) -> tuple[Stand, ...]:
    """Return every step with its state; before the order all is to come."""
    if recovery is None:
        return tuple(Stand(step, "to come") for step in runbook.steps)
    at = recovering.step(situation, recovery)
    order = situation.state.orders.get(recovery.ordered.recovery)
    found: list[Stand] = []
    reached = True
    for step in runbook.steps:
        by = _confirmed(order, step)
        if _is_done(step, at, by):
            found.append(Stand(step, "done", by))
            continue
        failed = at in recovering.OVER and at != "done"
        mine = (
            step.operation is not None and OPERATIONS.index(step.operation) == _AT[at]
        )
        if failed and mine:
            found.append(Stand(step, "failed"))
        else:
            found.append(Stand(step, "now" if reached else "to come"))
        reached = False
    return tuple(found)


def next_step(found: tuple[Stand, ...]) -> Stand | None:
    """Return the first step that is not done; ``None`` at the end."""
    return next((stand for stand in found if stand.state != "done"), None)


def figures(situation: Situation, recovery: Recovery) -> Figures | None:
    """Return what it came to; ``None`` until it is in service again."""
    name = recovery.ordered.recovery
    failover = situation.state.jobs.all.get(f"{name}-failover")
    incident = situation.state.incidents.get(recovery.ordered.incident)
    if failover is None or failover.ended is None or not failover.ok:
        return None
    if incident is None:
        return None
    end, fault_at = failover.ended.at, incident.opened.began_at
    declared, calendar = incident.declared, situation.rules.calendar
    to = recovery.verified.recovered_to if recovery.verified else None
    counted = [w for w in incident.writes if w.datastore == recovery.ordered.datastore]
    since = max((w.fault_at for w in counted), default=fault_at)
    return Figures(
        fault_at=fault_at,
        declared_at=declared.at if declared else None,
        in_service_at=end,
        from_fault=end - fault_at,
        from_declaration=end - declared.at if declared else None,
        business=calendar.between(declared.at, end) if declared else None,
        business_from_fault=calendar.between(fault_at, end),
        recovered_to=to,
        data_loss=max(since - to, timedelta(0)) if to else None,
        writes_lost=counted[-1].lost if counted else None,
    )


def _confirmed(order: Order | None, step: Step) -> str | None:
    confirmed = order.confirmed.get(str(step.number)) if order else None
    return confirmed.by if confirmed else None


def _is_done(step: Step, at: Standing, by: str | None) -> bool:
    if step.operation is None:
        return by is not None
    return OPERATIONS.index(step.operation) < _AT[at]
