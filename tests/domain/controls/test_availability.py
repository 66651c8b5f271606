"""Availability between two bounds: what is down, what is up, and what nobody saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    SERVICE,
    VANTAGES,
    Story,
    rules,
)

from holdfast.domain.controls.availability import (
    Measure,
    measure,
    window_end,
    window_start,
)
from holdfast.domain.events.governance import NodeStarted
from holdfast.domain.events.observation import MaintenanceAnnounced, VantageChanged

# Midnight in Melbourne at the beginning of July.
JULY = datetime(2026, 6, 30, 14, tzinfo=UTC)


def measured(story: Story) -> Measure:
    """Return the measured window of the service."""
    found = measure(story.situation, SERVICE)
    assert found is not None
    return found


def watched(days: int = 20, **decisions: str) -> Story:
    """Begin a story that was green and watched through July so far."""
    story = Story(rules(decisions), now=JULY - DAY).turn(True).at(JULY + days * DAY)
    return story.seal(JULY - DAY, story.now)


def down(story: Story, length: timedelta, *vantages: str) -> Story:
    """Let the service be red for a length, seen and sealed, and green again."""
    start = story.now
    story.turn(False, *vantages).after(length).turn(True, *vantages)
    return story.seal(start, story.now)


def test_nobody_looked_proves_nothing() -> None:
    """Without a seal the control is unproven, whatever views there are."""
    assert Story().judge("availability").standing == "unproven"
    story = Story().turn(True)
    assert measure(story.situation, SERVICE) is None
    assert story.judge("availability").standing == "unproven"


def test_watched_and_up_is_met() -> None:
    """Twenty days watched and green meet the target, shown by the newest seal."""
    story = watched()
    verdict = story.judge("availability")
    assert verdict.standing == "met"
    assert [p.index for p in verdict.proofs] == [len(story.told) - 1]
    assert measured(story) == Measure(
        JULY, story.now, 20 * DAY, timedelta(0), timedelta(0)
    )


def test_without_a_target_it_is_unproven() -> None:
    """A policy without a figure has no target to meet."""
    story = Story(rules(cut="| Availability |"))
    assert story.rules.availability is None
    assert story.judge("availability").standing == "unproven"


def test_the_budget_of_the_month_breaches_to_the_second() -> None:
    """0.1 % of July's 31 days are 44 min 38.4 s: a moment more cannot be saved."""
    budget = timedelta(minutes=44, seconds=38, milliseconds=400)
    story = down(watched(), budget)
    assert measured(story).down == budget
    verdict = story.judge("availability")
    assert verdict.standing == "at_risk"
    assert "so far" in verdict.reason
    worse = down(story.after(SECOND), timedelta(microseconds=1))
    assert worse.judge("availability").standing == "breached"


def test_a_short_outage_on_the_first_day_is_a_risk_and_no_breach() -> None:
    """Five minutes on the first of the month leave most of the month's budget."""
    story = down(watched(days=1), 5 * MINUTE)
    assert measured(story).upper < Decimal("0.999")
    assert story.judge("availability").standing == "at_risk"


def test_unknown_time_is_not_proven() -> None:
    """An hour in which nobody looked lies between the bounds and proves nothing."""
    story = watched().after(HOUR)
    story.after(HOUR).seal(story.now - HOUR, story.now)
    found = measured(story)
    assert found.unknown == HOUR
    assert found.lower < Decimal("0.999") < found.upper == 1
    verdict = story.judge("availability")
    assert verdict.standing == "unproven"
    assert verdict.reason.startswith("not proven")


def test_two_of_three_decide() -> None:
    """One red place is up, two are down; one dark place decides nothing."""
    story = down(watched(), HOUR, "melbourne")
    assert measured(story).down == timedelta(0)
    assert measured(story).up == 20 * DAY + HOUR
    story = down(story, HOUR, "melbourne", "frankfurt")
    assert measured(story).down == HOUR


def test_one_place_in_the_dark() -> None:
    """Two places that look prove up by two greens, and nothing by one of each."""
    story = watched()
    story.after(HOUR).seal(story.now - HOUR, story.now, "melbourne", "frankfurt")
    assert measured(story).up == 20 * DAY + HOUR
    start = story.now
    story.turn(False, "melbourne").after(HOUR)
    story.seal(start, story.now, "melbourne", "frankfurt")
    assert measured(story).unknown == HOUR


def test_places_that_nobody_declared_do_not_count() -> None:
    """A seal from elsewhere neither proves anything nor keeps the evidence fresh."""
    story = watched().after(3 * HOUR)
    story.turn(True, "elsewhere").seal(story.now - HOUR, story.now, "elsewhere")
    assert measured(story).end == JULY + 20 * DAY
    assert story.judge("availability").standing == "stale"


def test_old_seals_are_stale() -> None:
    """Seals come hourly: after two hours without one the evidence is stale."""
    story = watched().after(2 * HOUR)
    assert story.judge("availability").standing == "met"
    assert story.after(SECOND).judge("availability").standing == "stale"


def test_an_outage_shows_before_its_seal() -> None:
    """While it is down the window runs on to now: met does not last till the seal."""
    story = watched()
    story.turn(False).after(50 * MINUTE)
    assert measured(story).down == 50 * MINUTE
    assert story.judge("availability").standing == "breached"


def test_a_red_view_of_before_a_restart_is_no_looking() -> None:
    """While no node ran nobody looked: that time is unknown, not down."""
    story = watched()
    story.turn(False).after(5 * HOUR)
    story.tell(NodeStarted("n", "1", story.now)).after(MINUTE)
    found = measured(story)
    assert (found.down, found.unknown) == (MINUTE, 5 * HOUR)


def announced(story: Story, before: timedelta) -> Story:
    """Announce two hours of maintenance so long before, and be down in them."""
    starts_at = story.now + before
    story.tell(
        MaintenanceAnnounced(SERVICE, starts_at, starts_at + 2 * HOUR, story.now, "gus")
    )
    story.seal(story.now, starts_at).at(starts_at)
    return down(story, 2 * HOUR)


def test_maintenance_counts_only_if_announced_in_time() -> None:
    """Announced 72 hours before it is left out; a second less and it is an outage."""
    excluded = measured(announced(watched(), 72 * HOUR))
    assert excluded.down == timedelta(0)
    assert excluded.whole == 23 * DAY
    counted = measured(announced(watched(), 72 * HOUR - SECOND))
    assert counted.down == 2 * HOUR


def test_maintenance_announced_after_the_fact_is_an_outage() -> None:
    """An announcement that is dated back does not turn an outage into maintenance."""
    story = down(watched(), 2 * HOUR)
    start = story.now - 2 * HOUR
    story.tell(MaintenanceAnnounced(SERVICE, start, story.now, start - 5 * DAY, "gus"))
    assert measured(story).down == 2 * HOUR


def test_a_window_of_nothing_but_maintenance_proves_nothing() -> None:
    """Where no time counts, the bounds are as wide as they can be."""
    story = Story(now=JULY - 10 * DAY).turn(True)
    story.tell(MaintenanceAnnounced(SERVICE, JULY - DAY, JULY + DAY, story.now, "gus"))
    story.at(JULY + HOUR).seal(JULY, story.now)
    found = measured(story)
    assert (found.whole, found.lower, found.upper) == (timedelta(0), 0, 1)
    assert story.judge("availability").standing == "unproven"


def test_at_midnight_the_new_month_has_proved_nothing() -> None:
    """A seal that ends with the month leaves an empty window, and no breach."""
    story = Story(now=JULY - DAY).turn(True).at(JULY).seal(JULY - DAY, JULY)
    assert measured(story).whole == timedelta(0)
    assert story.judge("availability").standing == "unproven"


def test_the_last_month_stands_until_the_first_seal_of_the_next() -> None:
    """Just after midnight the newest evidence is of the month before."""
    story = Story(now=JULY - DAY).turn(True).at(JULY + HOUR)
    story.seal(JULY - DAY, JULY - SECOND)
    assert measured(story).start == JULY - 30 * DAY


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("2026-07-15T00:00Z", "2026-06-30T14:00Z", "2026-07-31T14:00Z"),
        ("2026-06-30T13:59Z", "2026-05-31T14:00Z", "2026-06-30T14:00Z"),
        ("2026-10-20T00:00Z", "2026-09-30T14:00Z", "2026-10-31T13:00Z"),
        ("2026-04-20T00:00Z", "2026-03-31T13:00Z", "2026-04-30T14:00Z"),
        ("2026-12-31T12:59Z", "2026-11-30T13:00Z", "2026-12-31T13:00Z"),
        ("2026-12-31T13:00Z", "2026-12-31T13:00Z", "2027-01-31T13:00Z"),
    ],
)
def test_months_are_those_of_the_business_zone(now: str, start: str, end: str) -> None:
    """A month begins at midnight in Melbourne, also when its clocks change in it."""
    at = datetime.fromisoformat(now)
    situation = Story(now=at).situation
    assert window_start(situation, at) == datetime.fromisoformat(start)
    assert window_end(situation, at) == datetime.fromisoformat(end)


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("rolling 30 days", "2026-06-20T02:00Z", "2026-07-20T02:00Z"),
        ("calendar year", "2025-12-31T13:00Z", "2026-12-31T13:00Z"),
    ],
)
def test_other_windows_by_decision(window: str, start: str, end: str) -> None:
    """A decision may take another window than the month."""
    at = datetime(2026, 7, 20, 2, tzinfo=UTC)
    situation = Story(rules({"availability_window": window}), now=at).situation
    assert window_start(situation, at) == datetime.fromisoformat(start)
    assert window_end(situation, at) == datetime.fromisoformat(end)


def test_a_rolling_window_has_no_rest_to_hope_for() -> None:
    """Over the last thirty days 44 minutes are more than 43 min 12 s."""
    story = watched(days=40, availability_window="rolling 30 days")
    assert down(story, 43 * MINUTE).judge("availability").standing == "met"
    assert down(story, MINUTE).judge("availability").standing == "breached"


def unwatched(catalogue: dict[str, Any]) -> None:
    """Declare a second customer-facing service that no probe looks at."""
    second = dict(catalogue["services"][0], id="api", name="API")
    del second["probe"]
    catalogue["services"].append(second)


def test_the_worst_service_decides() -> None:
    """A customer-facing service that nobody watches keeps the promise unproven."""
    story = Story(rules(edit=unwatched), now=JULY).turn(True).after(DAY)
    story.seal(JULY, story.now)
    verdict = story.judge("availability")
    assert verdict.standing == "unproven"
    assert verdict.reason.startswith("api")


def test_no_service_for_customers() -> None:
    """With nothing that customers use there is nothing to prove it by."""

    def inward(catalogue: dict[str, Any]) -> None:
        catalogue["services"][0]["customer_facing"] = False

    assert Story(rules(edit=inward)).judge("availability").standing == "unproven"


def test_an_unapproved_window_is_unbound() -> None:
    """On a default that nobody approved the best figure is not met."""
    story = Story(rules(unapproved=("availability_window",)), now=JULY).turn(True)
    story.after(DAY).seal(JULY, story.now)
    assert story.judge("availability").standing == "unbound"


# --- Laws over random timelines, in minutes of one day of July ---------------------

MINUTES = 24 * 60
Truth = list[tuple[str, int]]
TURNS = st.lists(
    st.tuples(st.sampled_from(VANTAGES), st.integers(1, MINUTES - 1)),
    max_size=12,
    unique=True,
)
LOOKS = st.lists(
    st.tuples(
        st.sampled_from(VANTAGES),
        st.integers(0, MINUTES - 1),
        st.integers(1, 600),
    ),
    max_size=12,
)


def tell(turns: Truth, looks: list[tuple[str, int, int]]) -> Story:
    """Tell each turn of a view, and who looked from when for how long."""
    story = Story(now=JULY).turn(True)
    colours = dict.fromkeys(VANTAGES, True)
    for vantage, minute in sorted(turns, key=lambda turn: turn[1]):
        colours[vantage] = not colours[vantage]
        since = JULY + minute * MINUTE
        story.tell(VantageChanged(SERVICE, vantage, colours[vantage], since, ""))
    for vantage, start, length in looks:
        end = min(start + length, MINUTES)
        story.seal(JULY + start * MINUTE, JULY + end * MINUTE, vantage)
    # A whisker of looking by everybody fixes the window's end.
    last = JULY + DAY
    for vantage in VANTAGES:
        if not colours[vantage]:
            story.tell(VantageChanged(SERVICE, vantage, True, last - MINUTE, ""))
    return story.at(last).seal(last - MINUTE, last)


def true_share(turns: Truth) -> Decimal:
    """Count the minutes in which fewer than two of three places see it red."""
    flips = {
        name: sorted(at for vantage, at in turns if vantage == name)
        for name in VANTAGES
    }
    up = 0
    for minute in range(MINUTES):
        reds = 0
        for name in VANTAGES:
            odd = sum(at <= minute for at in flips[name]) % 2
            reds += odd if minute < MINUTES - 1 else 0
        up += reds < 2
    return Decimal(up) / MINUTES


@settings(deadline=None)
@given(TURNS, LOOKS)
def test_the_truth_lies_between_the_bounds(
    turns: Truth, looks: list[tuple[str, int, int]]
) -> None:
    """However little was looked at, the true availability lies within the bounds."""
    found = measured(tell(turns, looks))
    assert found.whole == DAY
    assert found.lower <= true_share(turns) <= found.upper


@settings(deadline=None)
@given(TURNS, LOOKS, LOOKS)
def test_more_knowledge_never_widens_the_bounds(
    turns: Truth, looks: list[tuple[str, int, int]], more: list[tuple[str, int, int]]
) -> None:
    """Further looks, in whatever order they are recorded, only narrow the bounds."""
    less, found = measured(tell(turns, looks)), measured(tell(turns, [*looks, *more]))
    assert less.lower <= found.lower <= found.upper <= less.upper
    shuffled = measured(tell(turns, [*more, *reversed(looks)]))
    assert (shuffled.up, shuffled.down) == (found.up, found.down)


@settings(deadline=None)
@given(TURNS)
def test_who_looks_everywhere_knows_it_exactly(turns: Truth) -> None:
    """Without unknown time both bounds are the truth."""
    found = measured(tell(turns, [(name, 0, MINUTES) for name in VANTAGES]))
    assert found.unknown == timedelta(0)
    assert found.lower == found.upper == true_share(turns)
