"""Suspected ransomware: opened by a sign, told once of each, ended by a person."""

from __future__ import annotations

import pytest
from tests.domain.story import DATASTORE, HOUR, MINUTE, Story
from tests.evidence.protected import rehearse

from holdfast.domain.decide import decide
from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.events.ransomware import RansomwareSuspected, SuspicionResolved


def concluded(story: Story) -> list[RansomwareSuspected]:
    """Record what follows about ransomware now, and return it."""
    found = [
        conclusion.event
        for conclusion in decide(story.situation).conclusions
        if isinstance(conclusion.event, RansomwareSuspected)
    ]
    story.tell(*found)
    return found


@pytest.fixture
def story() -> Story:
    """Begin with a restore test that passed and canaries that were intact."""
    begun = Story().adopt()
    rehearse(begun, "d1", passed=True)
    return begun.measure().after(5 * MINUTE)


def test_a_sign_opens_one_incident_with_the_last_good_moment(story: Story) -> None:
    """It is opened once, names what vouches for earlier data, and breaches the log."""
    good = story.now - 5 * MINUTE
    story.measure(canaries="changed")
    [found] = concluded(story)
    assert (found.sign, found.datastore, found.untouched_at) == (
        "canaries",
        DATASTORE,
        good,
    )
    assert found.restored_at == good - HOUR
    assert concluded(story) == []
    assert story.judge("audit_log").standing == "breached"


def test_without_a_sign_nothing_follows(story: Story) -> None:
    """A calm datastore opens nothing and owes nothing."""
    assert concluded(story) == []
    assert not any("ransomware" in key for key in story.owes("audit_log"))


def test_the_response_team_is_told_where_to_go_back_to(story: Story) -> None:
    """The alert names the moment and the command; customers are told nothing."""
    story.measure(canaries="gone")
    concluded(story)
    notices = [
        c.event
        for c in decide(story.situation).conclusions
        if isinstance(c.event, NoticeDue)
    ]
    assert [n.recipients for n in notices] == [("channel:irt",)]
    assert f"holdfast recover {DATASTORE} --to 2026-07-01T00:00:00Z" in notices[0].text


def test_a_further_sign_joins_the_running_incident(story: Story) -> None:
    """Two signs of one datastore are one incident, told of each."""
    for _ in range(14):
        story.measure(wal_position=1 << 20).after(5 * MINUTE)
    story.measure(wal_position=1 << 30)
    [first] = concluded(story)
    story.after(5 * MINUTE).measure(wal_position=1 << 30, canaries="gone")
    [second] = concluded(story)
    assert first.incident == second.incident
    assert {first.sign, second.sign} == {"wal_rate", "canaries"}


def test_a_person_ends_it_and_only_what_comes_later_opens_another(
    story: Story,
) -> None:
    """What was seen before the end is settled; a new sign is a new incident."""
    story.measure(canaries="changed")
    [found] = concluded(story)
    story.after(HOUR)
    story.tell(IncidentAcknowledged(found.incident, "chi", story.now))
    story.tell(SuspicionResolved(found.incident, "chi", "a test of ours", story.now))
    assert concluded(story) == []
    assert story.judge("audit_log").standing != "breached"
    story.after(5 * MINUTE).measure().after(5 * MINUTE).measure(canaries="gone")
    [again] = concluded(story)
    assert again.incident != found.incident


def test_nothing_vouches_where_nothing_was_seen_before() -> None:
    """No moment is made up."""
    story = Story().adopt().measure(canaries="gone")
    [found] = concluded(story)
    assert (found.untouched_at, found.restored_at) == (None, None)
