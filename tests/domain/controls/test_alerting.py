"""The response team is alerted in time, by Slack or else by e-mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.domain.story import DAY, HOUR, MINUTE, SECOND, T0, Story, confirmed, rules
from tests.domain.test_lifecycle import two_services

from holdfast.domain.events.notice import DeliveryFailed, NoticeDelivered, NoticeDue

DETECTED = T0 + 5 * MINUTE


def fail(
    story: Story, notice: str, *, permanent: bool = False, attempt: int = 1
) -> None:
    """Let a delivery fail once."""
    story.tell(
        DeliveryFailed(
            notice, f"{notice}>x", attempt, "busy", permanent, False, None, story.now
        )
    )


def give_up(story: Story, notice: str) -> None:
    """Settle a notice that nobody took."""
    fail(story, notice, permanent=True)
    story.tell(NoticeDelivered(notice, 0, 1, 0, "sha256:00", story.now))


def alert(story: Story) -> str:
    """Return the key of the incident's alert."""
    return f"{story.incident.id}/alert"


def test_nothing_happened_proves_nothing() -> None:
    """Without a disruption the control is unproven and nothing is owed."""
    story = Story().adopt()
    assert story.judge("alerting").standing == "unproven"
    assert story.owes("alerting") == {}


def test_an_alert_is_owed_at_detection() -> None:
    """The alert goes to the team's channel, due five minutes after detection."""
    story = confirmed()
    (notice,) = [n for n in story.notices() if n.duty == "alert"]
    assert (notice.channel, notice.recipients) == ("slack", ("channel:irt",))
    assert notice.due_at == DETECTED + 5 * MINUTE
    assert "Northwind Ledgers" in notice.subject
    assert "red from 3 of 3" in notice.text
    assert story.judge("alerting").standing == "at_risk"


def test_overdue_is_breached() -> None:
    """An alert that nobody took by its deadline breaches, to the second."""
    story = confirmed().after(5 * MINUTE)
    assert story.judge("alerting").standing == "at_risk"
    verdict = story.after(SECOND).judge("alerting")
    assert verdict.standing == "breached"
    assert verdict.next_due_at == DETECTED + 5 * MINUTE


def test_alert_and_all_clear_in_time_meet_the_promise() -> None:
    """Met once the whole of the last incident was told in time."""
    story = confirmed().deliver().turn(True).after(15 * MINUTE)
    story.conclude()
    assert story.judge("alerting").standing == "at_risk"
    verdict = story.deliver().judge("alerting")
    assert verdict.standing == "met"
    assert [p.index for p in verdict.proofs] == [
        story.state.notices.all[alert(story)].delivered_index,
        story.state.notices.all[f"{alert(story)}/resolved"].delivered_index,
    ]


def test_late_is_breached_until_the_next_time_goes_well() -> None:
    """A late alert stays red; the next incident told in time turns it."""
    story = confirmed().after(6 * MINUTE).deliver().turn(True).after(15 * MINUTE)
    story.conclude()
    assert story.deliver().judge("alerting").standing == "breached"
    story.after(DAY).turn(False).after(5 * MINUTE).conclude()
    story.deliver().turn(True).after(15 * MINUTE).conclude()
    assert story.deliver().judge("alerting").standing == "met"


def test_a_year_later_it_is_stale() -> None:
    """Evidence of more than a year ago says nothing about today."""
    story = confirmed().deliver().turn(True).after(15 * MINUTE)
    story.conclude()
    story.deliver()
    assert story.after(365 * DAY).judge("alerting").standing == "met"
    assert story.after(SECOND).judge("alerting").standing == "stale"


@pytest.mark.parametrize("question", ["alert_within", "vantage_quorum"])
def test_on_an_unapproved_default_it_is_unbound(question: str) -> None:
    """What rests on a default that nobody approved is never green."""
    story = confirmed(made=rules(unapproved=(question,)))
    story.deliver().turn(True).after(15 * MINUTE).conclude()
    verdict = story.deliver().judge("alerting")
    assert verdict.standing == "unbound"
    assert question in verdict.reason


def test_refused_for_good_falls_back_at_once() -> None:
    """Where Slack refuses for good, each of the team is written to at once."""
    story = confirmed()
    fail(story, alert(story), permanent=True)
    (fallback,) = [e for e in story.conclude() if isinstance(e, NoticeDue)]
    assert (fallback.duty, fallback.channel) == ("alert_fallback", "email")
    assert fallback.recipients == ("person:chi", "person:eli", "person:fay")
    assert fallback.due_at == DETECTED + 5 * MINUTE


def test_failing_past_half_the_time_falls_back() -> None:
    """What keeps failing goes by e-mail at half the time, and not before."""
    story = confirmed()
    fail(story, alert(story))
    story.after(2.5 * MINUTE - SECOND)
    assert story.conclude() == []
    story.after(SECOND)
    assert len(story.conclude()) == 1


def test_not_yet_tried_does_not_fall_back() -> None:
    """A notice that has not failed is given its time."""
    assert confirmed().after(4 * MINUTE).conclude() == []


@pytest.mark.parametrize("slack_too", [False, True])
def test_the_first_way_that_worked_counts(slack_too: bool) -> None:
    """Done by whichever channel took it first, with that one's entry as proof."""
    story = confirmed()
    name = alert(story)
    fail(story, name, permanent=False)
    story.after(3 * MINUTE).conclude()
    if slack_too:
        story.tell(NoticeDelivered(name, 1, 0, 0, "sha256:00", story.now))
    first = story.now if slack_too else story.now + MINUTE
    story.after(MINUTE)
    story.tell(NoticeDelivered(f"{name}/fallback", 3, 0, 0, "sha256:00", story.now))
    duty = story.owes("alerting")[name]
    key = name if slack_too else f"{name}/fallback"
    assert duty.done_at == first
    assert duty.index == story.state.notices.all[key].delivered_index
    assert not duty.late


def test_an_alert_that_nobody_ever_takes_fails_its_incident_only() -> None:
    """When Slack and e-mail both refuse for good, it is red until the next time."""
    story = confirmed()
    give_up(story, alert(story))
    story.conclude()
    assert story.judge("alerting").standing == "at_risk"
    give_up(story, f"{alert(story)}/fallback")
    verdict = story.judge("alerting")
    assert verdict.standing == "breached"
    assert verdict.reason.startswith("nobody took it")
    story.turn(True).after(15 * MINUTE).conclude()
    story.deliver().after(DAY).turn(False).after(5 * MINUTE).conclude()
    story.deliver().turn(True).after(15 * MINUTE).conclude()
    assert story.deliver().judge("alerting").standing == "met"


def test_without_a_team_there_is_nobody_to_fall_back_to() -> None:
    """A refused alert without a team stays red; nothing is sent to nobody."""

    def nobody(catalogue: dict) -> None:
        for person in catalogue["people"]:
            person["roles"] = [r for r in person["roles"] if r != "IRT"] or ["PL"]

    made = rules(edit=nobody, unapproved=("disruption_confirmed_after", "alert_within"))
    story = confirmed(made=made)
    give_up(story, alert(story))
    assert story.conclude() == []
    assert story.judge("alerting").standing == "breached"


def test_a_service_that_joins_is_alerted_of() -> None:
    """The team hears of every service, each in its own time."""
    story = confirmed(made=rules(edit=two_services)).deliver()
    story.after(HOUR).turn(False, service="invoices").after(5 * MINUTE)
    found = [n for n in story.conclude() if isinstance(n, NoticeDue)]
    (further,) = [n for n in found if n.duty == "alert"]
    assert further.subject == "Disruption: Invoices too"
    assert further.due_at == story.now + timedelta(minutes=5)
    assert story.conclude() == []
