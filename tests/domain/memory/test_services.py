"""What is remembered of services: views that turn, and stretches of looking."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.domain.story import DAY, HOUR, MINUTE, SERVICE, T0, VANTAGES, Story

from holdfast.domain.events.observation import MaintenanceAnnounced, VantageChanged
from holdfast.domain.memory.services import (
    Service,
    Stretch,
    first_failure,
    green_since,
    red_since,
)


def known(story: Story) -> Service:
    """Return what is known of the service."""
    return story.state.services[SERVICE]


def test_a_view_holds_until_it_turns() -> None:
    """A vantage point's view is the newest one, and dated by its first sample."""
    story = Story().turn(True, "melbourne").after(HOUR).turn(False, "melbourne")
    vantage = known(story).vantages["melbourne"]
    assert (vantage.ok, vantage.since) == (False, T0 + HOUR)
    story.after(HOUR).turn(False, "melbourne")
    assert known(story).vantages["melbourne"].since == T0 + HOUR
    assert known(story).vantages["melbourne"].ok is False


def test_views_that_turn_at_one_moment_are_both_kept() -> None:
    """Green and red at the same moment are two facts: the later one holds."""
    story = Story().turn(True, "melbourne").turn(False, "melbourne")
    assert len(story.told) == 2
    assert known(story).vantages["melbourne"].ok is False


def test_a_view_never_turns_before_it_was_formed() -> None:
    """A change that is dated back too far counts from the view that it ends."""
    story = Story().turn(True, "melbourne")
    story.tell(VantageChanged(SERVICE, "melbourne", False, T0 - HOUR, "red"))
    assert known(story).vantages["melbourne"].since == T0


def test_agreement_dates_from_the_vantage_point_that_makes_it() -> None:
    """Two of three agree since the second of them turned."""
    story = Story().turn(True)
    story.after(MINUTE).turn(False, "melbourne")
    assert red_since(known(story), VANTAGES, 2) is None
    assert first_failure(known(story), VANTAGES, 2) is None
    story.after(MINUTE).turn(False, "frankfurt")
    assert red_since(known(story), VANTAGES, 2) == T0 + 2 * MINUTE
    assert first_failure(known(story), VANTAGES, 2) == T0 + MINUTE
    assert green_since(known(story), VANTAGES, 1) == T0
    assert green_since(known(story), VANTAGES, 2) is None
    assert red_since(known(story), ("melbourne",), 2) is None
    assert red_since(known(story), VANTAGES, 0) is None


def test_an_old_trouble_of_one_place_is_not_the_beginning() -> None:
    """A vantage point that was red alone for days does not date an outage back."""
    story = Story().turn(True).turn(False, "singapore")
    story.after(3 * DAY).turn(False, "melbourne", "frankfurt")
    assert first_failure(known(story), VANTAGES, 2) == T0 + 3 * DAY


def test_seals_join_into_stretches() -> None:
    """Looking that goes on is one stretch; a gap in it stays a gap."""
    story = Story()
    story.seal(T0, T0 + HOUR, "melbourne").seal(T0 + HOUR, T0 + 2 * HOUR, "melbourne")
    story.seal(T0 + 3 * HOUR, T0 + 4 * HOUR, "melbourne")
    assert known(story).vantages["melbourne"].looked == (
        Stretch(T0, T0 + 2 * HOUR),
        Stretch(T0 + 3 * HOUR, T0 + 4 * HOUR),
    )
    assert known(story).vantages["melbourne"].sealed_index == 2


def test_seals_that_come_late_find_their_place() -> None:
    """A seal recorded after a younger one adds its own time and no other."""
    story = Story()
    story.seal(T0 + 4 * HOUR, T0 + 5 * HOUR, "melbourne")
    story.seal(T0, T0 + HOUR, "melbourne")
    story.seal(T0 + 4 * HOUR, T0 + 4 * HOUR + MINUTE, "melbourne")
    assert known(story).vantages["melbourne"].looked == (
        Stretch(T0, T0 + HOUR),
        Stretch(T0 + 4 * HOUR, T0 + 5 * HOUR),
    )
    story.seal(T0 + HOUR / 2, T0 + 4.5 * HOUR, "melbourne")
    assert known(story).vantages["melbourne"].looked == (Stretch(T0, T0 + 5 * HOUR),)


def test_what_is_long_past_is_let_go() -> None:
    """Changes and stretches older than the longest window do not pile up."""
    story = Story()
    for number in range(500):
        at = T0 + number * DAY
        story.at(at).turn(number % 2 == 0, "melbourne")
        story.seal(at, at + HOUR, "melbourne")
    vantage = known(story).vantages["melbourne"]
    assert len(vantage.changes) < 410
    assert len(vantage.looked) < 410
    assert vantage.changes[0].since <= T0 + 99 * DAY


def told_of(starts_at: datetime, announced_at: datetime) -> MaintenanceAnnounced:
    """Announce an hour of maintenance."""
    return MaintenanceAnnounced(
        SERVICE, starts_at, starts_at + HOUR, announced_at, "gus"
    )


def test_announcements_cannot_be_dated_back() -> None:
    """Maintenance counts as announced from when the ledger knew of it."""
    story = Story(now=T0)
    story.tell(told_of(T0 + HOUR, T0 - 4 * DAY))
    story.tell(told_of(T0 + 9 * DAY, T0 + timedelta(hours=2)))
    moments = [m.announced_at for m in known(story).maintenance]
    assert moments == [T0, T0 + timedelta(hours=2)]
