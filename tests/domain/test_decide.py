"""The one question: what follows, what is to be done, who is told of what is late."""

from __future__ import annotations

import sys
from datetime import timedelta
from itertools import pairwise
from types import FrameType
from typing import Any

from tests.domain.story import DAY, HOUR, MINUTE, SECOND, T0, Story, confirmed, rules

from holdfast.domain.controls.all import owed_by_all
from holdfast.domain.decide import Conclusion, FetchStatusPage, decide
from holdfast.domain.events.incident import IncidentAcknowledged, IncidentOpened
from holdfast.domain.events.job import JobFinished, JobRequested
from holdfast.domain.events.notice import (
    DutyEscalated,
    NoticeDelivered,
    NoticeDue,
)

DETECTED = T0 + 5 * MINUTE


def escalated(events: list[Any]) -> list[str]:
    """Return the duties escalated among the events."""
    return [event.duty for event in events if isinstance(event, DutyEscalated)]


def test_nothing_follows_from_nothing() -> None:
    """An empty ledger and a green company call for nothing."""
    assert decide(Story().situation) == decide(Story().situation)
    story = Story().adopt().turn(True).after(HOUR)
    assert story.conclude() == []


def test_conclusions_name_the_promise_that_demands_them() -> None:
    """Each conclusion is tied to its control, so that its clause can be recorded."""
    story = confirmed(T0)
    situation = story.situation
    assert all(isinstance(c, Conclusion) for c in decide(situation).conclusions)
    fresh = Story().turn(True).turn(False).after(5 * MINUTE)
    (opened,) = decide(fresh.situation).conclusions
    assert (opened.control, type(opened.event)) == ("recovery_time", IncidentOpened)
    fresh.tell(opened.event)
    found = {c.control for c in decide(fresh.situation).conclusions}
    assert found == {"alerting", "status_page"}


def test_an_overdue_duty_is_escalated_once() -> None:
    """Committee and lead are told of each overdue duty by e-mail, once for ever."""
    story = confirmed().deliver().at(DETECTED + 15 * MINUTE)
    assert escalated(story.conclude()) == []
    found = story.after(SECOND).conclude()
    (duty,) = escalated(found)
    assert duty == f"{story.incident.id}/acknowledge"
    (notice,) = [e for e in found if isinstance(e, NoticeDue)]
    assert notice.recipients == (
        "person:ana",
        "person:ben",
        "person:chi",
        "person:dora",
    )
    assert (notice.channel, notice.count) == ("email", 4)
    assert notice.subject == "Overdue: acknowledge the incident"
    assert "2026-07-01 00:20 UTC" in notice.text
    for _ in range(30):
        assert duty not in escalated(story.after(MINUTE).conclude())


def test_what_is_done_in_time_is_not_escalated() -> None:
    """Nobody is bothered with what was done."""
    story = confirmed().deliver()
    story.tell(IncidentAcknowledged(story.incident.id, "eli", story.now))
    assert escalated(story.beat_until(T0 + 4 * HOUR)) == []


def test_waking_after_five_hours_escalates_each_duty_once() -> None:
    """After a long sleep everything late is escalated, each duty one time."""
    story = confirmed().after(5 * HOUR)
    found = story.conclude()
    names = sorted(name.partition("/")[2] for name in escalated(found))
    assert names == [
        "acknowledge", "alert", "customers", "restore", "status", "status/update-1",
    ]  # fmt: skip
    assert escalated(story.after(MINUTE).conclude()) == []


def test_duties_outside_of_incidents_are_not_escalated() -> None:
    """An overdue drill or backup is on the list, but wakes nobody."""
    story = Story().adopt().after(400 * DAY)
    assert any(duty.overdue(story.now) for duty in owed_by_all(story.situation))
    assert escalated(story.conclude()) == []


def test_with_nobody_to_tell_the_escalation_is_still_recorded() -> None:
    """Without committee and lead no letter goes to nobody; the ledger says it."""

    def leaderless(catalogue: dict[str, Any]) -> None:
        for person in catalogue["people"]:
            kept = [r for r in person["roles"] if r not in ("RC", "PL")]
            person["roles"] = kept or ["CS"]

    everything = tuple(rules().terms)
    story = confirmed(made=rules(edit=leaderless, unapproved=everything)).deliver()
    found = story.at(DETECTED + 16 * MINUTE).conclude()
    assert len(escalated(found)) == 1
    assert not [e for e in found if isinstance(e, NoticeDue) and e.duty == "escalation"]


def test_the_page_is_looked_at_from_outside_until_it_is_seen() -> None:
    """What was published is fetched; what was not yet, or was seen, is not."""
    story = confirmed()
    name = f"{story.incident.id}/status"
    assert decide(story.situation).actions == ()
    story.tell(NoticeDelivered(name, 1, 0, 0, "sha256:00", story.now))
    assert decide(story.situation).actions == (FetchStatusPage(name),)
    story.deliver()
    assert decide(story.situation).actions == ()


def calls(story: Story) -> int:
    """Count the calls that deciding and judging make."""
    count = 0

    def counting(_: FrameType, what: str, __: object) -> None:
        nonlocal count
        count += what == "call"

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        decide(story.situation)
    finally:
        sys.setprofile(before)
    return count


def history(incidents: int) -> Story:
    """Tell of a number of outages that are over, and of daily backups between them."""
    story = Story().adopt()
    for number in range(incidents):
        story.at(T0 + number * DAY).turn(True).turn(False)
        story.after(5 * MINUTE).conclude()
        story.deliver().turn(True).after(15 * MINUTE).conclude()
        story.deliver()
        job = f"backup-{number}"
        story.tell(JobRequested(job, "orders", "backup", 1, None, None, story.now))
        story.tell(JobFinished(job, True, "", "sha256:00", story.now))
        story.backup(1).look()
    return story


def test_the_cost_of_deciding_grows_no_faster_than_its_history() -> None:
    """With twice the incidents deciding costs at most twice as much, not four times."""
    costs = [calls(history(number)) for number in (10, 20, 40)]
    assert all(later < 2.2 * earlier for earlier, later in pairwise(costs))


def test_the_cost_of_deciding_does_not_grow_with_the_jobs_ever_done() -> None:
    """Years of backups do not make a beat dearer."""
    few, many = (daily_jobs(days) for days in (410, 820))
    assert calls(many) < calls(few) * 1.01


def daily_jobs(days: int) -> Story:
    """Tell of a backup a day."""
    story = Story().adopt()
    for number in range(days):
        story.after(timedelta(days=1))
        job = f"backup-{number}"
        story.tell(JobRequested(job, "orders", "backup", 1, None, None, story.now))
        story.tell(JobFinished(job, True, "", "sha256:00", story.now))
        story.backup(1)
    return story.look()
