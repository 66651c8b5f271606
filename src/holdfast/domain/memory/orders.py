"""What is remembered of acts that destroy, from the order to its review."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.authority import (
    ActApproved,
    ActOrdered,
    CheckAnswered,
    CheckOrdered,
    GlassBroken,
    GlassReviewed,
    OrderCancelled,
    StepConfirmed,
)

ActEvent: TypeAlias = (
    ActOrdered
    | ActApproved
    | GlassBroken
    | GlassReviewed
    | StepConfirmed
    | OrderCancelled
)


@dataclass(frozen=True, slots=True)
class Order:
    """One order, with who agreed to it; ``confirmed`` are its steps by name, and
    ``indices`` the entries that made it, in order.
    """

    ordered: ActOrdered
    index: int
    approved: ActApproved | None = None
    broken: GlassBroken | None = None
    broken_index: int | None = None
    reviewed: GlassReviewed | None = None
    cancelled: OrderCancelled | None = None
    confirmed: Map[str, StepConfirmed] = Map()
    indices: tuple[int, ...] = ()

    @property
    def warranted(self) -> bool:
        """Say whether it may be carried out: agreed to, and not cancelled."""
        agreed = self.approved is not None or self.broken is not None
        return agreed and self.cancelled is None

    def lapsed(self, now: datetime) -> bool:
        """Say whether nobody agreed in time."""
        agreed = self.approved is not None or self.broken is not None
        return not agreed and now >= self.ordered.lapses_at

    def holds(self, step: str) -> bool:
        """Say whether the step still waits for a person to let it go ahead."""
        return step in self.ordered.holds and step not in self.confirmed


@dataclass(frozen=True, slots=True)
class Check:
    """A question to the engine, and its answer."""

    ordered: CheckOrdered
    answered: CheckAnswered | None = None


Orders = Map[str, Order]
Checks = Map[str, Check]


def remember(orders: Orders, event: ActEvent, index: int) -> Orders:
    """Return the orders with the event folded in; unknown ones are left alone.

    The first answer counts: what was approved in time is not void by a later word.
    """
    if isinstance(event, ActOrdered):
        return orders.set(event.order, Order(event, index, indices=(index,)))
    order = orders.get(event.order)
    if order is None:
        return orders
    # A late word does not count, whoever wrote the entry; nor does one's own approval.
    void = order.cancelled is not None or order.lapsed(event.at)
    match event:
        case ActApproved():
            if void or event.by == order.ordered.by:
                return orders
            changed = replace(order, approved=event)
        case GlassBroken():
            if void:
                return orders
            changed = replace(order, broken=event, broken_index=index)
        case GlassReviewed():
            if order.broken is None or event.by == order.broken.by:
                return orders
            changed = replace(order, reviewed=event)
        case StepConfirmed():
            confirmed = order.confirmed.set(event.step, event)
            changed = replace(order, confirmed=confirmed)
        case OrderCancelled():
            changed = replace(order, cancelled=event)
    changed = replace(changed, indices=(*order.indices, index))
    return orders.set(event.order, changed)


def remember_check(checks: Checks, event: CheckOrdered | CheckAnswered) -> Checks:
    """Return the questions with the event folded in."""
    if isinstance(event, CheckOrdered):
        return checks.set(event.check, Check(event))
    check = checks.get(event.check)
    if check is None or check.answered is not None:
        return checks
    return checks.set(event.check, replace(check, answered=event))
