"""Acts that destroy: a sign-in, a second person, or a broken glass that is reviewed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.operations.company import (
    COMMITTEE,
    DATASTORE,
    LEAD,
    RESPONDER,
    SUCCESS,
    Company,
    company,
    recover,
    signed,
)

from holdfast.domain import recovering
from holdfast.domain.controls import recovery_time, roles
from holdfast.domain.events.authority import (
    ActApproved,
    ActOrdered,
    GlassBroken,
    GlassReviewed,
    OrderCancelled,
)
from holdfast.domain.events.incident import RecoveryOrdered
from holdfast.domain.events.job import JobRequested, JobStarted
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.events.runner import RunnerSeen
from holdfast.engines.scripted import Script
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations import approving, respond
from holdfast.operations.authority import ForbiddenError, NotSignedInError
from holdfast.operations.rehearse import order_drill
from holdfast.operations.respond import Desk


def desk(made: Company, person: str) -> Desk:
    """Return the desk of a person who has just signed in."""
    now = made.clock.now()
    return Desk(made.world.log, made.clock, person, signed(person, now))


def ordered(made: Company) -> str:
    """Order a recovery that nobody has approved."""
    return respond.order_recovery(
        desk(made, RESPONDER), DATASTORE, repository=2
    ).recovery


def step(made: Company, name: str) -> str:
    """Return where the recovery stands."""
    situation = made.world.situation()
    assert situation is not None
    return recovering.step(situation, situation.state.recoveries[name])


@pytest.fixture(name="made")
def _made() -> Company:
    """Return a company in an outage, with a backup to restore from."""
    made = company(script=Script())
    made.beat(times=20)
    made.engine.strike(DATASTORE)
    made.turn(ok=False)
    made.beat(times=4)
    return made


def test_nothing_is_restored_before_a_second_person_agreed(made: Company) -> None:
    """An order is looked into, and waits; once approved it goes on to its end."""
    name = ordered(made)
    made.beat(times=6)
    assert step(made, name) == "approval"
    assert [o.ordered.order for o in approving.pending(desk(made, LEAD).situation())]
    approving.approve(desk(made, LEAD), name)
    made.beat(times=40)
    assert step(made, name) == "done"
    (act,) = made.events(ActOrdered)
    assert isinstance(act, ActOrdered)
    assert act.signed_in.startswith("password at 2026-11-04T")


def test_an_order_that_nobody_approves_lapses(made: Company) -> None:
    """After an hour it is void: an approval is too late, and a new order is taken."""
    name = ordered(made)
    made.beat(times=3)
    made.clock.advance(timedelta(hours=1))
    made.beat(times=3)
    assert step(made, name) == "lapsed"
    with pytest.raises(HoldfastError, match="lapsed at"):
        approving.approve(desk(made, LEAD), name)
    assert ordered(made).endswith("-2")


def test_a_broken_glass_is_told_and_stands_until_it_is_reviewed(made: Company) -> None:
    """Without a second person it goes ahead; committee and lead hear of it at once, and
    the promise on roles is at risk until somebody else looked into it.
    """
    name = ordered(made)
    approving.break_glass(desk(made, RESPONDER), name, "nobody  else answers")
    made.beat(times=40)
    assert step(made, name) == "done"
    alerts = [
        event
        for event in made.events(NoticeDue)
        if isinstance(event, NoticeDue) and "glass" in event.notice
    ]
    (alert,) = alerts
    assert "nobody else answers" in alert.text
    assert set(alert.recipients) >= {"person:ana", "person:dora"}
    situation = made.world.situation()
    assert situation is not None
    verdict = roles.judge(situation)
    assert (verdict.standing, "nobody reviewed" in verdict.reason) == ("at_risk", True)
    with pytest.raises(ForbiddenError):
        approving.review(desk(made, RESPONDER), name, "it was right")
    approving.review(desk(made, LEAD), name, "it was right: the lead slept")
    situation = made.world.situation()
    assert situation is not None
    assert "glass" not in roles.judge(situation).reason


def test_what_is_cancelled_is_never_begun(made: Company) -> None:
    """A cancelled order is over, and another one is taken."""
    name = ordered(made)
    approving.cancel(desk(made, LEAD), name, "the server came back")
    made.beat(times=10)
    assert step(made, name) == "cancelled"
    restores = [e for e in made.events(JobRequested) if e.recovery]  # type: ignore[union-attr]
    assert not restores
    with pytest.raises(HoldfastError, match="was cancelled"):
        approving.approve(desk(made, LEAD), name)
    ordered(made)


def test_a_drill_that_nobody_takes_up_is_told_and_can_be_cancelled() -> None:
    """Without a runner the order stays open, the team is told, and cancel ends it."""
    made = company()
    made.beat(times=20)
    made.world = replace(made.world, engines={})
    drill = order_drill(desk(made, RESPONDER), DATASTORE)
    made.beat(times=8)
    told = [e for e in made.events(NoticeDue) if "untaken" in e.notice]  # type: ignore[union-attr]
    assert len(told) == 1
    situation = made.world.situation()
    assert situation is not None
    assert "has taken up" in recovery_time.judge(situation).reason
    approving.cancel(desk(made, RESPONDER), drill.drill, "no runner")
    assert len(made.events(OrderCancelled)) == 1
    made.world = replace(made.world, engines={"scripted": made.engine})
    made.beat(times=10)
    started = [e for e in made.events(JobStarted) if e.job == drill.drill]  # type: ignore[union-attr]
    assert not started
    order_drill(desk(made, RESPONDER), DATASTORE)


def test_a_silent_runner_is_noticed() -> None:
    """A runner that was there and is not seen any more puts the promise at risk."""
    made = company()
    now = made.clock.now()
    made.world.log.record([Fact(RunnerSeen("r", "here", "1", (), now), now)])
    made.beat(times=2)
    made.clock.advance(timedelta(minutes=12))
    made.beat(times=2)
    situation = made.world.situation()
    assert situation is not None
    assert "no runner was seen since" in recovery_time.judge(situation).reason
    told = [e for e in made.events(NoticeDue) if e.incident == "runner"]  # type: ignore[union-attr]
    assert len(told) == 1
    now = made.clock.now()
    made.world.log.record([Fact(RunnerSeen("r", "here", "1", (), now), now)])
    situation = made.world.situation()
    assert situation is not None
    assert "no runner" not in recovery_time.judge(situation).reason


def test_a_forged_request_is_not_carried_out(made: Company) -> None:
    """Whoever can write entries, but has nobody's approval, gets no restore: neither by
    a request alone, nor by approving an own order.
    """
    name = ordered(made)
    now = made.clock.now()
    forged = JobRequested(f"{name}-restore", DATASTORE, "restore", 2, None, name, now)
    own = ActApproved(name, RESPONDER, "password", now)
    made.world.log.record([Fact(forged, now), Fact(own, now)])
    made.beat(times=5)
    assert not [e for e in made.events(JobStarted) if e.job == forged.job]  # type: ignore[union-attr]
    assert any("nobody" in str(f) or "approved" in str(f) for f in _faults(made))


def test_a_void_order_is_not_revived_by_a_late_word(made: Company) -> None:
    """An approval, or a glass broken, after the order lapsed or was cancelled opens
    nothing; nor does whoever broke it review that.
    """
    late = ordered(made)
    made.beat(times=3)
    made.clock.advance(timedelta(hours=1))
    made.beat(times=3)
    assert step(made, late) == "lapsed"
    now = made.clock.now()
    record = made.world.log.record
    record([Fact(ActApproved(late, LEAD, "password", now), now)])
    assert step(made, late) == "lapsed"
    record([Fact(GlassBroken(late, RESPONDER, "password", "late", now), now)])
    assert step(made, late) == "lapsed"
    cancelled = ordered(made)
    approving.cancel(desk(made, LEAD), cancelled, "the server came back")
    record([Fact(ActApproved(cancelled, LEAD, "password", now), now)])
    record([Fact(GlassBroken(cancelled, RESPONDER, "password", "late", now), now)])
    made.beat(times=5)
    assert step(made, cancelled) == "cancelled"
    opened = ordered(made)
    approving.break_glass(desk(made, RESPONDER), opened, "nobody else answers")
    record([Fact(GlassReviewed(opened, RESPONDER, "password", "fine", now), now)])
    waiting = approving.unreviewed(desk(made, LEAD).situation())
    assert [order.ordered.order for order in waiting] == [opened]


def _faults(made: Company) -> list[object]:
    return list(made.world.hands.faults.values())  # type: ignore[attr-defined]


def _not_signed_in(made: Company) -> None:
    bare = Desk(made.world.log, made.clock, RESPONDER)
    respond.order_recovery(bare, DATASTORE, repository=2)


def _signed_in_as_another(made: Company) -> None:
    other = Desk(made.world.log, made.clock, RESPONDER, desk(made, LEAD).signed)
    respond.order_recovery(other, DATASTORE, repository=2)


def _run_out(made: Company) -> None:
    old = desk(made, RESPONDER)
    made.clock.advance(timedelta(minutes=31))
    respond.order_recovery(old, DATASTORE, repository=2)


def _own_order(made: Company) -> None:
    approving.approve(desk(made, RESPONDER), ordered(made))


def _wrong_role(made: Company) -> None:
    approving.approve(desk(made, SUCCESS), ordered(made))


def _committee_breaks(made: Company) -> None:
    approving.break_glass(desk(made, COMMITTEE), ordered(made), "now")


def _unknown(made: Company) -> None:
    approving.approve(desk(made, LEAD), "nonsense")


def _twice(made: Company) -> None:
    approving.approve(desk(made, LEAD), recover(made))


def _no_reason(made: Company) -> None:
    approving.break_glass(desk(made, RESPONDER), ordered(made), "  ")


def _nothing_broken(made: Company) -> None:
    approving.review(desk(made, LEAD), recover(made), "fine")


def _cancel_too_late(made: Company) -> None:
    name = recover(made)
    made.beat(times=6)
    approving.cancel(desk(made, LEAD), name, "late")


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (_not_signed_in, NotSignedInError, "must sign in"),
        (_signed_in_as_another, NotSignedInError, "must sign in"),
        (_run_out, NotSignedInError, "has run out"),
        (_own_order, ForbiddenError, "cannot approve it"),
        (_wrong_role, ForbiddenError, "may not approve"),
        (_committee_breaks, ForbiddenError, "may not break glass"),
        (_unknown, HoldfastError, "there is no order"),
        (_twice, HoldfastError, "may go ahead already"),
        (_no_reason, HoldfastError, "a reason has"),
        (_nothing_broken, HoldfastError, "no broken glass"),
        (_cancel_too_late, HoldfastError, "has begun"),
    ],
)
def test_refused(
    made: Company,
    act: Callable[[Company], None],
    kind: type[HoldfastError],
    words: str,
) -> None:
    """Who may not, or too late, is told why and what to do; nothing is recorded."""
    before = len(made.events(RecoveryOrdered))
    with pytest.raises(kind, match=words) as told:
        act(made)
    assert told.value.hint
    assert len(made.events(RecoveryOrdered)) - before <= 1
