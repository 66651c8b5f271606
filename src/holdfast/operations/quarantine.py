"""After a recovery: nothing that cannot be taken back happens until a person says so.

What was delivered between the last publication and the loss is unknown. So what the
ledger still owes is made again but held, and jobs that were open are given up, since
their processes are gone; whoever needs one orders it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from holdfast.domain.events.authority import ActOrdered
from holdfast.domain.events.job import JobLost
from holdfast.domain.events.quarantine import NoticeReleased
from holdfast.domain.memory.orders import Order
from holdfast.domain.state import State
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require, require_signed_in
from holdfast.operations.deliver import parcels_of
from holdfast.operations.log import Log
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.store import HELD, Parcel
from holdfast.operations.respond import LAPSES_AFTER, Desk

JOB_GIVEN_UP = "it was open when the log was recovered; nothing started it again"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice whose deliveries wait for a person."""

    notice: str
    subject: str
    channel: str
    due_at: str
    deliveries: int


def hold_what_is_open(log: Log) -> None:
    """Hold every delivery that the store has open, before its log moves on.

    A restored outbox does not know what was delivered after it was saved.
    """
    for notice in sorted(log.state().notices.undelivered):
        log.store.hold(notice)


def rebuild_outbox(log: Log) -> int:
    """Make again, held, the deliveries of every notice that has none; count them."""
    state = log.state()
    rules = log.rules(state)
    owed = [
        Fact(state.notices.all[name].due, state.notices.all[name].due.at)
        for name in sorted(state.notices.undelivered)
        if log.store.deliveries(name) == (0, [])
    ]
    if rules is None or not owed:
        return 0
    parcels = [
        replace(one, not_before=HELD) for one in parcels_of(owed, rules, erased=True)
    ]
    log.record([], parcels=parcels)
    return len(parcels)


def give_up_jobs(log: Log, clock: Clock) -> tuple[str, ...]:
    """Record every open job as lost, so that no node starts or awaits it."""
    now = clock.now()
    jobs = tuple(sorted(log.state().jobs.open))
    log.record([Fact(JobLost(job, JOB_GIVEN_UP, now), now) for job in jobs])
    return jobs


def waiting(log: Log) -> tuple[Waiting, ...]:
    """Return the notices in quarantine, oldest first.

    What the ledger knows to be delivered is not among them, and stays where it is.
    """
    state = log.state()
    return tuple(
        _waiting(state, notice, parcels)
        for notice, parcels in _held(log).items()
        if notice in state.notices.undelivered
    )


def release(desk: Desk, notice: str) -> int | None:
    """Let a notice's deliveries go, once two people agreed; return how many.

    ``None``: this was the first of the two, and the order waits for the second.
    """
    situation = desk.situation()
    known = {one.notice: one for one in waiting(desk.log)}
    if notice not in known:
        raise HoldfastError(
            f"no delivery of {notice} is in quarantine",
            "See what is: holdfast ledger quarantine list.",
        )
    require(situation.rules, desk.person, "release")
    now = situation.now
    signed = require_signed_in(desk.person, desk.signed, "release", now)
    order = _newest(situation.state, notice)
    if order is None or order.cancelled is not None or now >= _counts_until(order):
        _ordered(desk, notice, signed, now)
        return None
    if not order.warranted:
        name = order.ordered.order
        raise HoldfastError(
            f"{name} waits for a second person", f"They type: holdfast approve {name}."
        )
    event = NoticeReleased(notice, known[notice].deliveries, desk.person, now)
    # Recorded first: a release that nobody answers for must not be possible.
    desk.record([Fact(event, now, actor=f"person:{desk.person}")])
    return desk.log.store.release(notice, now)


def _counts_until(order: Order) -> datetime:
    """Return when an order is old, approved or not: a notice that is in quarantine once
    more asks two people once more.
    """
    agreed = order.approved or order.broken
    return agreed.at + LAPSES_AFTER if agreed else order.ordered.lapses_at


def _newest(state: State, notice: str) -> Order | None:
    orders = [
        order
        for order in state.orders.values()
        if (order.ordered.operation, order.ordered.subject) == ("release", notice)
    ]
    return max(orders, key=lambda order: order.index, default=None)


def _ordered(desk: Desk, notice: str, signed: str, now: datetime) -> None:
    act = ActOrdered(
        order=f"release-{now:%Y%m%dT%H%M%S%f}",
        operation="release",
        subject=notice,
        by=desk.person,
        signed_in=signed,
        holds=(),
        runbook=None,
        lapses_at=now + LAPSES_AFTER,
        at=now,
    )
    desk.record([Fact(act, now, actor=f"person:{desk.person}")])


def _held(log: Log) -> dict[str, list[Parcel]]:
    found: dict[str, list[Parcel]] = {}
    for parcel in log.store.held():
        found.setdefault(parcel.notice, []).append(parcel)
    return found


def _waiting(state: State, notice: str, parcels: Sequence[Parcel]) -> Waiting:
    due = state.notices.all[notice].due
    moment = due.due_at.isoformat(timespec="seconds")
    return Waiting(notice, due.subject, due.channel, moment, len(parcels))
