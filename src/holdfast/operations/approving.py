"""What people do about an order that cannot be taken back: approve, break the glass,
review that, cancel, confirm a step.

Each is recorded under the person's name with how they were known, at the size of the
log that they looked at: of two words at one instant the first counts, and whoever gave
the other is told.
"""

from __future__ import annotations

from holdfast.domain import recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.authority import (
    ActApproved,
    GlassBroken,
    GlassReviewed,
    OrderCancelled,
    StepConfirmed,
)
from holdfast.domain.events.kinds import Event
from holdfast.domain.memory.orders import Order
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import (
    Operation,
    require,
    require_second,
    require_signed_in,
)
from holdfast.operations.respond import Desk, at_its_size

WORDS_MAX = 300


def pending(situation: Situation) -> tuple[Order, ...]:
    """Return the orders that wait for a second person, oldest first."""
    waiting = [
        order
        for order in situation.state.orders.values()
        if order.approved is None
        and order.broken is None
        and order.cancelled is None
        and not order.lapsed(situation.now)
    ]
    return tuple(sorted(waiting, key=lambda order: order.index))


def unreviewed(situation: Situation) -> tuple[Order, ...]:
    """Return the orders whose glass was broken and that nobody reviewed."""
    broken = [
        order
        for order in situation.state.orders.values()
        if order.broken is not None and order.reviewed is None
    ]
    return tuple(sorted(broken, key=lambda order: order.index))


def approve(desk: Desk, name: str) -> Order:
    """Agree to the order as a second person."""

    def once() -> Order:
        situation, order, signed = _at(desk, name, "approve")
        require_second(order.ordered.by, desk.person)
        _require_open(situation, order)
        approved = ActApproved(name, desk.person, signed, situation.now)
        _record(desk, approved, situation)
        return order

    return at_its_size(once)


def break_glass(desk: Desk, name: str, reason: str) -> Order:
    """Let the order go ahead without a second person; everybody is told at once."""

    def once() -> Order:
        situation, order, signed = _at(desk, name, "break_glass")
        _require_open(situation, order)
        words = in_a_few_words(reason, "reason")
        broken = GlassBroken(name, desk.person, signed, words, situation.now)
        _record(desk, broken, situation)
        return order

    return at_its_size(once)


def review(desk: Desk, name: str, words: str) -> Order:
    """Say what follows from a broken glass, as somebody who did not break it."""

    def once() -> Order:
        situation, order, signed = _at(desk, name, "review_glass")
        if order.broken is None or order.reviewed is not None:
            raise HoldfastError(
                f"there is no broken glass to review at {name}",
                "See what is: holdfast approvals.",
            )
        require_second(order.broken.by, desk.person)
        said = in_a_few_words(words, "review")
        reviewed = GlassReviewed(name, desk.person, signed, said, situation.now)
        _record(desk, reviewed, situation)
        return order

    return at_its_size(once)


def cancel(desk: Desk, name: str, reason: str) -> None:
    """Make void an order of which nothing has begun: of a recovery or of a drill.

    A runner that takes it at this moment wins.
    """
    at_its_size(lambda: _cancel(desk, name, reason))


def _cancel(desk: Desk, name: str, reason: str) -> None:
    situation = desk.situation()
    require(situation.rules, desk.person, "cancel")
    state = situation.state
    if name not in state.orders and name not in state.drills:
        raise HoldfastError(
            f"there is no order {name}",
            "See them with: holdfast approvals, holdfast drill list.",
        )
    drill, recovery = state.drills.get(name), state.recoveries.get(name)
    over = drill is not None and drill.over
    if recovery is not None:
        over = recovering.step(situation, recovery) in recovering.OVER
    jobs = [state.jobs.all.get(job) for job in (name, f"{name}-restore")]
    if over or any(job is not None and job.taken is not None for job in jobs):
        raise HoldfastError(
            f"{name} has begun, or is over",
            "Only what nobody has taken up yet can be cancelled.",
        )
    event = OrderCancelled(
        name, desk.person, in_a_few_words(reason, "reason"), situation.now
    )
    _record(desk, event, situation)


def confirm(desk: Desk, name: str, step: str, words: str = "") -> None:
    """Record that a step of the runbook is done, or may go ahead."""
    situation = desk.situation()
    require(situation.rules, desk.person, "acknowledge")
    _order(situation, name)
    said = " ".join(words.split())[:WORDS_MAX]
    event = StepConfirmed(name, step, desk.person, said, situation.now)
    desk.record([Fact(event, situation.now, actor=f"person:{desk.person}")])


def _at(desk: Desk, name: str, operation: Operation) -> tuple[Situation, Order, str]:
    situation = desk.situation()
    require(situation.rules, desk.person, operation)
    signed = require_signed_in(desk.person, desk.signed, operation, situation.now)
    return situation, _order(situation, name), signed


def _order(situation: Situation, name: str) -> Order:
    order = situation.state.orders.get(name)
    if order is None:
        raise HoldfastError(
            f"there is no order {name}", "See what waits: holdfast approvals."
        )
    return order


def _require_open(situation: Situation, order: Order) -> None:
    name = order.ordered.order
    if order.cancelled is not None:
        raise HoldfastError(f"{name} was cancelled", "Order it anew.")
    if order.warranted:
        raise HoldfastError(f"{name} may go ahead already", "Nothing is left to do.")
    if order.lapsed(situation.now):
        raise HoldfastError(
            f"{name} lapsed at {order.ordered.lapses_at:%Y-%m-%d %H:%M} UTC",
            "Look at the situation again, and order it anew.",
        )


def in_a_few_words(text: str, what: str) -> str:
    """Return the text as one line; raises `HoldfastError` where it is none or long."""
    words = " ".join(text.split())
    if not 0 < len(words) <= WORDS_MAX:
        raise HoldfastError(
            f"a {what} has 1 to {WORDS_MAX} characters, not {len(words)}",
            "Say it in a sentence or two.",
        )
    return words


def _record(desk: Desk, event: Event, situation: Situation) -> None:
    fact = Fact(event, situation.now, actor=f"person:{desk.person}")
    desk.log.record([fact], expected_size=situation.state.size)
