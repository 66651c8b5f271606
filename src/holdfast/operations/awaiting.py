"""What waits for another person, and what that person may do about it.

Who may is asked of the one table in `operations.authority`; what a restore would cost
of the same plan that the terminal shows.
"""

from __future__ import annotations

from datetime import timedelta

from holdfast.domain import recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.memory.incidents import Recovery
from holdfast.domain.memory.orders import Order
from holdfast.domain.memory.people import shown
from holdfast.errors import HoldfastError
from holdfast.evidence.approvals import (
    Act,
    ApprovalsView,
    DecidedView,
    How,
    OrderView,
    PathView,
    RestoreView,
    WaitingView,
    Waits,
)
from holdfast.evidence.drills import drill_views, ended_at
from holdfast.operations import approving
from holdfast.operations.authority import Operation, may
from holdfast.operations.log import Log
from holdfast.operations.recover import Plan, plan

DECIDED_SHOWN_FOR = timedelta(days=1)
DECIDED_SHOWN = 10
DRILLS_SHOWN = 5


def waiting(situation: Situation) -> tuple[WaitingView, ...]:
    """Return every order that waits for somebody, in one line each."""
    return tuple(
        WaitingView(
            order=order.ordered.order,
            what=_what(situation, order),
            by=_name(situation, _asks(order, waits)),
            since=order.ordered.at,
            waits_for=waits,
            lapses_at=order.ordered.lapses_at,
            who=_who(situation, order, waits),
        )
        for order, waits in _open(situation)
    )


def approvals(log: Log, situation: Situation, person: str) -> ApprovalsView:
    """Return what waits, and what was decided lately, for the one who looks."""
    return ApprovalsView(
        as_of=situation.now,
        as_of_index=situation.state.size,
        zone=situation.rules.calendar.time_zone,
        person=person,
        waiting=tuple(
            _order(log, situation, order, waits, person)
            for order, waits in _open(situation)
        ),
        decided=_decided(situation),
    )


def _open(situation: Situation) -> tuple[tuple[Order, Waits], ...]:
    return (
        *((order, "approval") for order in approving.pending(situation)),
        *((order, "review") for order in approving.unreviewed(situation)),
    )


def _order(
    log: Log, situation: Situation, order: Order, waits: Waits, person: str
) -> OrderView:
    ordered, broken = order.ordered, order.broken
    recovery = situation.state.recoveries.get(ordered.order)
    return OrderView(
        order=ordered.order,
        operation=ordered.operation,
        what=_what(situation, order),
        by=_name(situation, ordered.by),
        signed_in=ordered.signed_in,
        since=ordered.at,
        lapses_at=ordered.lapses_at,
        index=order.index,
        waits_for=waits,
        who=_who(situation, order, waits),
        may=_may(situation, order, waits, person),
        own=person == _asks(order, waits),
        restore=_restore(log, situation, order, recovery),
        broken_by=_name(situation, broken.by) if broken else "",
        broken_at=broken.at if broken else None,
        reason=broken.reason if broken else "",
    )


def _asks(order: Order, waits: Waits) -> str:
    """Return who must not be the second person: who ordered, or who broke the glass."""
    if waits == "review" and order.broken is not None:
        return order.broken.by
    return order.ordered.by


def _who(situation: Situation, order: Order, waits: Waits) -> tuple[str, ...]:
    operation: Operation = "approve" if waits == "approval" else "review_glass"
    return tuple(
        person.id
        for person in situation.rules.catalogue.people
        if person.id != _asks(order, waits)
        and may(situation.rules, person.id, operation)
    )


def _may(
    situation: Situation, order: Order, waits: Waits, person: str
) -> tuple[Act, ...]:
    rules = situation.rules
    acts: list[Act] = []
    if waits == "review":
        if person in _who(situation, order, waits):
            acts.append("review_glass")
        return tuple(acts)
    goes = not _failed(situation, order)
    if goes and person in _who(situation, order, waits):
        acts.append("approve")
    if may(rules, person, "cancel"):
        acts.append("cancel")
    if goes and may(rules, person, "break_glass"):
        acts.append("break_glass")
    return tuple(acts)


def _failed(situation: Situation, order: Order) -> bool:
    """Say whether it is known by now that nothing can follow."""
    recovery = situation.state.recoveries.get(order.ordered.order)
    return (
        recovery is not None
        and recovering.step(situation, recovery) == "preflight_failed"
    )


def _what(situation: Situation, order: Order) -> str:
    ordered, state = order.ordered, situation.state
    if ordered.operation == "release":
        notice = state.notices.get(ordered.subject)
        told = f" ({notice.due.subject})" if notice else ""
        return f"Let the deliveries of {ordered.subject}{told} out of quarantine"
    known = {d.id: d.name for d in situation.rules.catalogue.datastores}
    name = known.get(ordered.subject, ordered.subject)
    return f"Restore {name} over production"


def _restore(
    log: Log, situation: Situation, order: Order, recovery: Recovery | None
) -> RestoreView | None:
    """Return what it restores; ``None`` for other acts, and for what is not declared
    any more.
    """
    catalogue = situation.rules.catalogue
    declared = {d.id: d for d in catalogue.datastores}.get(order.ordered.subject)
    if recovery is None or declared is None:
        return None
    ordered, preflight = recovery.ordered, recovery.preflight
    wanted, why_not = _plan(log, situation, recovery)
    place = next(e for e in catalogue.environments if e.id == declared.environment)
    return RestoreView(
        datastore=declared.id,
        name=declared.name,
        place=f"{place.provider}, account {place.account}, {place.region}",
        customer_data=declared.customer_data,
        services=tuple(
            s.name for s in catalogue.services if declared.id in s.datastores
        ),
        incident=ordered.incident,
        repository=ordered.repository,
        off_site=wanted.source.off_site if wanted else None,
        backup=wanted.backup.label if wanted else "",
        backup_at=wanted.backup.finished_at if wanted else None,
        target=ordered.target,
        since=wanted.source.since if wanted else None,
        until=wanted.source.until if wanted else None,
        loss=wanted.loss if wanted else None,
        takes=wanted.takes if wanted else None,
        why_not=why_not,
        check=(
            "under way" if preflight is None else ("good" if preflight.ok else "failed")
        ),
        checks=preflight.checks if preflight else (),
        held=order.ordered.holds,
        drills=_drills(situation, ordered.datastore, ordered.repository),
    )


def _plan(
    log: Log, situation: Situation, recovery: Recovery
) -> tuple[Plan | None, str]:
    """Return the plan; where none can be made by now, say why instead."""
    ordered = recovery.ordered
    try:
        return (
            plan(log, situation, ordered.datastore, ordered.repository, ordered.target),
            "",
        )
    except HoldfastError as fault:
        return None, fault.message


def _drills(
    situation: Situation, datastore: str, repository: int
) -> tuple[PathView, ...]:
    """Return the drills of this path, newest first; not those broken on purpose."""
    found = [
        PathView(
            at=ended_at(drill) or drill.ordered_at,
            passed=drill.phase == "passed",
            recovery_time=drill.recovery_time,
            data_loss=drill.data_loss,
            index=drill.indices[-1],
        )
        for drill in drill_views(situation)
        if (drill.datastore, drill.repository) == (datastore, repository)
        and drill.sabotage is None
        and drill.phase in {"passed", "failed"}
    ]
    return tuple(reversed(found))[:DRILLS_SHOWN]


def _decided(situation: Situation) -> tuple[DecidedView, ...]:
    since = situation.now - DECIDED_SHOWN_FOR
    found = [
        decided
        for order in situation.state.orders.values()
        if (decided := _outcome(situation, order)) is not None and decided.at >= since
    ]
    return tuple(sorted(found, key=lambda d: d.at, reverse=True)[:DECIDED_SHOWN])


def _outcome(situation: Situation, order: Order) -> DecidedView | None:
    how: How
    if order.cancelled is not None:
        last = order.cancelled
        how, by, at, reason = "cancelled", last.by, last.at, last.reason
    elif order.broken is not None:
        glass = order.broken
        how, by, at, reason = "glass broken", glass.by, glass.at, glass.reason
    elif order.approved is not None:
        how, by, at, reason = "approved", order.approved.by, order.approved.at, ""
    elif order.lapsed(situation.now):
        how, by, at, reason = "lapsed", "", order.ordered.lapses_at, ""
    else:
        return None
    return DecidedView(
        order=order.ordered.order,
        what=_what(situation, order),
        ordered_by=_name(situation, order.ordered.by),
        how=how,
        by=_name(situation, by) if by else "",
        at=at,
        reason=reason,
        index=order.indices[-1],
    )


def _name(situation: Situation, person: str) -> str:
    return shown(situation.state.erasures, person)
