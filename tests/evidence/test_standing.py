"""What people are shown follows from rules, state and moment, and adds nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.domain.controls.test_recovery_time import declare, on_the_wall, restore
from tests.domain.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T0,
    Story,
    confirmed,
    rules,
)
from tests.domain.test_lifecycle import two_services

from holdfast.domain.events.incident import (
    IncidentAcknowledged,
    PreflightChecked,
    RecoveryVerified,
)
from holdfast.domain.events.job import JobFinished, JobStarted
from holdfast.domain.events.notice import DeliveryFailed
from holdfast.evidence.standing import Ledger, standing
from holdfast.evidence.views import ClockView, IncidentView, StandingView
from holdfast.journal import Fact, Recorded, read, seal

DECLARED = T0 + 5 * MINUTE


def shown(story: Story, refusal: str | None = None) -> StandingView:
    """Show how everything stands, reading entries back from their bytes."""

    def entry(index: int) -> Recorded:
        fact = Fact(story.told[index], story.now)
        return read(index, seal(fact, "node-1", story.now))

    ledger = Ledger(len(story.told), "root", "log.example", entry, refusal)
    return standing(story.situation, ledger)


def incident(story: Story) -> IncidentView:
    """Return the incident that is shown first."""
    return shown(story).incidents[0]


def clocks(story: Story) -> dict[str, ClockView]:
    """Return its clocks by name."""
    return {clock.name: clock for clock in incident(story).clocks}


def test_every_sentence_is_shown() -> None:
    """Each sentence of the policy is there, with the worst of its controls."""
    story = Story().adopt()
    view = shown(story)
    assert [s.text for s in view.sentences] == [
        s.text for s in story.rules.policy.sentences
    ]
    for sentence in view.sentences:
        assert (sentence.control is None) == (sentence.standing is None)
        assert sentence.standing != "met"
        assert sentence.control is None or sentence.owner
    assert (view.company, view.as_of, view.as_of_index) == (
        "Northwind Ledgers",
        T0,
        1,
    )
    assert view.adopted_at == T0
    assert view.incidents == ()


def test_a_refusal_to_sign_comes_first() -> None:
    """What is wrong with the ledger itself heads the findings."""
    view = shown(Story(), refusal="the log went back")
    assert view.findings[0] == "the log went back"
    assert any("blank" in finding for finding in view.findings)


def test_open_defaults_are_named_at_their_sentence() -> None:
    """A sentence says which of its defaults nobody approved."""
    view = shown(Story(rules(unapproved=("alert_within",))))
    (alert,) = [s for s in view.sentences if s.control == "alerting"]
    assert alert.awaiting == ("alert_within",)


@pytest.mark.parametrize("phase", ["open", "declared", "recovering", "resolved"])
def test_phases(phase: str) -> None:
    """An incident is open, declared, recovering, resolved."""
    story = confirmed()
    if phase != "open":
        declare(story)
    if phase in ("recovering", "resolved"):
        name = story.order()
        story.tell(
            PreflightChecked(name, True, (), "sha256:00", story.now),
            RecoveryVerified(name, True, True, 2, T0, (), (), "sha256:00", story.now),
        )
    if phase == "resolved":
        restore(story, DECLARED + HOUR)
    assert incident(story).phase == phase


def test_the_running_incident_stands_on_top() -> None:
    """Running ones come first; resolved ones leave after a day."""
    story = restore(confirmed(), DECLARED + MINUTE)
    story.after(HOUR).turn(False).after(5 * MINUTE).conclude()
    view = shown(story)
    assert [i.phase for i in view.incidents] == ["open", "resolved"]
    assert [i.phase for i in shown(story.after(DAY)).incidents] == ["open"]


def test_the_recovery_clock_counts_business_time() -> None:
    """It runs from the declaration, in the policy's words, and stops when done."""
    story = declare(confirmed()).after(3 * HOUR - SECOND)
    (clock,) = [c for c in incident(story).clocks if c.business]
    assert (clock.limit, clock.state) == ("4 business hours", "running")
    assert (clock.used, clock.allowed) == (3 * HOUR - SECOND, 4 * HOUR)
    assert clock.started_at == DECLARED
    story.after(SECOND)
    assert [c.state for c in incident(story).clocks if c.business] == ["at_risk"]
    story.after(HOUR + SECOND)
    assert [c.state for c in incident(story).clocks if c.business] == ["overdue"]
    restore(story, story.now)
    (clock,) = [c for c in incident(story).clocks if c.business]
    assert (clock.state, clock.stopped_at) == ("done_late", story.now - 15 * MINUTE)


def test_a_clock_on_the_wall_is_shown_as_one() -> None:
    """By a policy of plain hours no business time is counted."""
    story = declare(on_the_wall(confirmed())).after(HOUR)
    clock = clocks(story)["restore ledgers-app"]
    assert (clock.business, clock.used, clock.allowed) == (False, HOUR, 4 * HOUR)


def test_the_clock_of_a_slower_function_shows_its_own_limit() -> None:
    """A service of function 4 is shown with its forty hours, not with four."""
    story = Story(rules(edit=two_services)).adopt().turn(True, service="invoices")
    story.after(DAY).turn(False, service="invoices").after(5 * MINUTE).conclude()
    clock = clocks(declare(story))["restore invoices"]
    assert (clock.limit, clock.allowed) == ("40 business hours", 40 * HOUR)


def test_clocks_of_communication_run_from_what_set_them_going() -> None:
    """Alert from detection, letters from the first failure, ends from the end, and
    each update from the one before.
    """
    story = confirmed()
    story.beat_until(T0 + 3 * HOUR)
    found = clocks(story)
    assert found["alert the Incident Response Team"].limit == "5 minutes"
    assert found["update the public status page"].limit == "15 minutes"
    assert found["update the status page (1)"].limit == "60 minutes"
    assert found["update the status page (2)"].limit == "60 minutes"
    letter = found["e-mail the affected customers"]
    assert (letter.started_at, letter.limit) == (T0, "90 minutes")
    story.turn(True)
    story.beat_until(story.now + 15 * MINUTE)
    found = clocks(story)
    for name, limit in (
        ("put the end on the status page", "15 minutes"),
        ("e-mail the customers that it is over", "30 minutes"),
        ("tell the Incident Response Team of the end", "5 minutes"),
    ):
        assert (found[name].started_at, found[name].limit) == (story.now, limit)


def test_the_timeline_leaves_nothing_out() -> None:
    """Each entry of the incident is there: steps, jobs, failures, escalations."""
    story = declare(confirmed())
    first = len(story.told)
    alert = f"{story.incident.id}/alert"
    story.tell(
        IncidentAcknowledged(story.incident.id, "eli", story.now),
        DeliveryFailed(alert, f"{alert}>x", 1, "busy", False, False, None, story.now),
    )
    name = story.order()
    story.tell(PreflightChecked(name, True, (), "sha256:00", story.now))
    story.conclude()
    story.tell(JobStarted(f"{name}-restore", "host", "folder", story.now))
    story.tell(JobFinished(f"{name}-restore", True, "done", "sha256:00", story.now))
    story.tell(
        RecoveryVerified(name, True, True, 2, T0, (), (), "sha256:00", story.now)
    )
    story.after(HOUR).conclude()
    restore(story.deliver(), story.now)
    view = incident(story.deliver())
    told = [event.TYPE for event in story.told]
    indices = [line.index for line in view.timeline]
    opened = told.index("incident.opened")
    outside = {"vantage.changed"}
    wanted = [
        i
        for i in range(opened, len(told))
        # That no runner took up the failover is told apart from the incident.
        if told[i] not in outside and "untaken" not in story.told[i].key
    ]
    assert indices == wanted
    assert indices == sorted(indices)
    assert any("Overdue and escalated" in line.text for line in view.timeline)
    assert any("Not taken: busy" in line.text for line in view.timeline)
    assert first > opened


def test_settled_duties_leave_after_a_day() -> None:
    """What is owed is listed by its date, what is done for a day more."""
    story = restore(confirmed().deliver(), DECLARED + MINUTE)
    story.deliver()
    keys = {duty.key for duty in shown(story).duties}
    assert f"{story.incident.id}/alert" in keys
    later = shown(story.after(DAY)).duties
    assert f"{story.incident.id}/alert" not in {duty.key for duty in later}
    assert {duty.state for duty in later} <= {"owed", "overdue"}
    moments = [duty.due_at for duty in later if duty.due_at is not None]
    assert moments == sorted(moments)


def test_states_of_duties() -> None:
    """A duty is owed, overdue, done, or done late."""
    story = confirmed()
    key = f"{story.incident.id}/alert"

    def state() -> str:
        return next(d.state for d in shown(story).duties if d.key == key)

    assert state() == "owed"
    story.after(timedelta(minutes=6))
    assert state() == "overdue"
    story.deliver()
    assert state() == "done_late"
