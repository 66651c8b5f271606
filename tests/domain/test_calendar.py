"""The business clock: known answers, odd hours, clock changes, unknown years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from holdfast.domain.answers import parse_calendar
from holdfast.domain.calendar import BusinessCalendar, calendar_from
from holdfast.domain.holiday_table import holiday_table
from holdfast.errors import HoldfastError

HOUR = timedelta(hours=1)
VICTORIA = calendar_from(
    parse_calendar("Mon-Fri 09:00-17:00 Australia/Melbourne AU-VIC"),
    holiday_table("AU", "VIC", 2025, 2027),
)


def melbourne(text: str) -> datetime:
    """Read a wall time of Melbourne."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Australia/Melbourne"))


def calendar(hours: str) -> BusinessCalendar:
    """Make a calendar without public holidays."""
    return calendar_from(parse_calendar(hours), None)


@pytest.mark.parametrize(
    ("declared", "due"),
    [
        pytest.param(
            "2026-04-02 16:00", "2026-04-07 12:00", id="easter-and-end-of-dst"
        ),
        pytest.param("2026-12-24 16:00", "2026-12-29 12:00", id="christmas"),
        pytest.param("2026-11-02 14:30", "2026-11-04 10:30", id="cup-day"),
        pytest.param("2026-10-02 15:00", "2026-10-05 11:00", id="start-of-dst"),
        pytest.param("2026-07-01 10:00", "2026-07-01 14:00", id="plain-day"),
        pytest.param("2026-09-24 16:00", "2026-09-28 12:00", id="grand-final-friday"),
        pytest.param("2026-07-04 12:00", "2026-07-06 13:00", id="declared-on-saturday"),
    ],
)
def test_four_business_hours_in_victoria(declared: str, due: str) -> None:
    """Four business hours end where a person with a wall calendar says they end."""
    assert VICTORIA.add(melbourne(declared), 4 * HOUR) == melbourne(due)
    assert VICTORIA.between(melbourne(declared), melbourne(due)) == 4 * HOUR


def test_easter_takes_117_hours_on_the_wall() -> None:
    """The wall time behind four business hours at Easter holds the end of DST."""
    declared = melbourne("2026-04-02 16:00").astimezone(UTC)
    assert VICTORIA.add(declared, 4 * HOUR) - declared == 117 * HOUR


def test_due_at_closing_rather_than_next_opening() -> None:
    """Business time that ends with the working day is due at closing time."""
    due = VICTORIA.add(melbourne("2026-07-01 16:00"), HOUR)
    assert due == melbourne("2026-07-01 17:00")


def test_nothing_added_is_the_moment_itself() -> None:
    """No business time leaves even a moment outside business hours where it is."""
    sunday = melbourne("2026-07-05 12:00")
    assert VICTORIA.add(sunday, timedelta(0)) == sunday


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-07-01 08:59", False),
        ("2026-07-01 09:00", True),
        ("2026-07-01 16:59", True),
        ("2026-07-01 17:00", False),
        ("2026-07-04 12:00", False),
        ("2026-11-03 12:00", False),
    ],
)
def test_open_from_opening_until_before_closing(moment: str, is_open: bool) -> None:
    """Business time runs from opening, is over at closing, and rests on holidays."""
    assert VICTORIA.is_open(melbourne(moment)) is is_open


def test_round_the_clock_is_wall_time() -> None:
    """Hours of 00:00-24:00 on every day make business time equal to wall time."""
    always = calendar("Mon-Sun 00:00-24:00 Australia/Melbourne")
    start = melbourne("2026-04-04 12:00").astimezone(UTC)
    assert always.add(start, 1000 * HOUR) == start + 1000 * HOUR
    assert always.between(start, start + 9999 * HOUR) == 9999 * HOUR
    assert always.shift_length == 24 * HOUR


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        pytest.param("Europe/London", "2026-03-28 22:00", 7, id="london-forward"),
        pytest.param("Europe/London", "2026-10-24 22:00", 9, id="london-back"),
        pytest.param("America/New_York", "2026-03-07 22:00", 7, id="new-york-forward"),
        pytest.param("Australia/Lord_Howe", "2026-10-03 22:00", 7.5, id="lord-howe"),
        pytest.param(
            "Australia/Lord_Howe", "2026-04-04 22:00", 8.5, id="lord-howe-back"
        ),
        pytest.param("UTC", "2026-03-28 22:00", 8, id="utc"),
    ],
)
def test_a_night_shift_counts_what_passes(
    zone: str, evening: str, hours: float
) -> None:
    """A shift during which the clocks change is as long as it really was."""
    start = datetime.fromisoformat(evening).replace(tzinfo=ZoneInfo(zone))
    nights = calendar(f"Sat 22:00-06:00 {zone}")
    end = start.astimezone(UTC) + timedelta(days=2)
    assert nights.between(start, end) == hours * HOUR


def test_night_shift_belongs_to_its_opening_day() -> None:
    """Friday's night shift is still open on Saturday morning, Saturday's is none."""
    nights = calendar("Mon-Fri 22:00-06:00 Australia/Melbourne")
    assert nights.is_open(melbourne("2026-07-04 05:00"))
    assert not nights.is_open(melbourne("2026-07-04 23:00"))


def test_opening_in_the_hour_the_clock_jumps_over() -> None:
    """Hours that open in the hour the clock jumps over open at the jump."""
    early = calendar("Sun 02:30-04:00 Australia/Melbourne")
    day = melbourne("2026-10-04 00:00").astimezone(UTC)
    assert early.between(day, day + 24 * HOUR) == HOUR


def test_hours_wholly_jumped_over_are_skipped() -> None:
    """A shift that exists on no clock yields no business time, and the next counts."""
    early = calendar("Sun 02:10-02:50 Australia/Melbourne")
    due = early.add(melbourne("2026-10-04 00:00"), HOUR / 2)
    assert due == melbourne("2026-10-11 02:40")


def test_a_day_the_island_skipped_has_no_hours() -> None:
    """Samoa had no 30 December 2011, so that Friday had no working hours."""
    apia = calendar("Fri 09:00-17:00 Pacific/Apia")
    start = datetime(2011, 12, 28, tzinfo=UTC)
    assert apia.between(start, start + timedelta(days=5)) == timedelta(0)


def test_an_hour_that_comes_twice_means_the_first() -> None:
    """Hours that close in an hour which occurs twice close the first time."""
    late = calendar("Sun 00:30-02:30 Australia/Melbourne")
    day = melbourne("2026-04-05 00:00").astimezone(UTC)
    assert late.between(day, day + 24 * HOUR) == 2 * HOUR


def test_beyond_the_table_is_assumed_and_early() -> None:
    """Past the table's last year holidays are not kept, and the calendar says so."""
    start = melbourne("2028-04-13 16:00")  # The Thursday before Easter 2028.
    due = VICTORIA.add(start, 4 * HOUR)
    assert due == melbourne("2028-04-14 12:00")
    assert not VICTORIA.covered(due)
    assert VICTORIA.covered(melbourne("2027-12-31 23:59"))
    assert VICTORIA.covered(melbourne("2025-01-01 00:00"))


def test_planning_beyond_the_table_is_refused() -> None:
    """Who plans beyond the table is told to adopt a newer one."""
    VICTORIA.require_covered(melbourne("2027-06-01 00:00"))
    with pytest.raises(HoldfastError, match="does not cover 2028-06-01") as caught:
        VICTORIA.require_covered(melbourne("2028-06-01 00:00"))
    assert caught.value.hint == (
        "It covers 2025-01-01 to 2027-12-31; adopt a newer one."
    )


def test_without_a_table_nothing_is_covered() -> None:
    """Without a table, or with another region's, the hours run but are assumed."""
    answer = parse_calendar("Mon-Fri 09:00-17:00 Australia/Melbourne AU-VIC")
    for table in (None, holiday_table("AU", "NSW", 2026, 2026)):
        bare = calendar_from(answer, table)
        cup_day = melbourne("2026-11-03 10:00")
        assert bare.is_open(cup_day)
        assert not bare.covered(cup_day)
        with pytest.raises(HoldfastError) as caught:
            bare.require_covered(cup_day)
        assert caught.value.hint == "It covers no day at all; adopt a newer one."


def test_without_a_region_everything_is_covered() -> None:
    """A calendar that names no region keeps no holidays and assumes nothing."""
    plain = calendar("Mon-Fri 09:00-17:00 Australia/Melbourne")
    assert plain.covered(melbourne("2099-01-01 00:00"))


def test_the_holiday_covers_local_days() -> None:
    """Whether a moment is covered goes by the day on the calendar's own wall."""
    last_local_minute = datetime(2027, 12, 31, 12, 59, tzinfo=UTC)
    assert VICTORIA.covered(last_local_minute)
    assert not VICTORIA.covered(last_local_minute + timedelta(minutes=1))


def test_between_runs_backwards_as_a_negative() -> None:
    """Business time from a later to an earlier moment is negative."""
    early, late = melbourne("2026-07-01 10:00"), melbourne("2026-07-01 12:00")
    assert VICTORIA.between(late, early) == -2 * HOUR


def test_naive_moments_and_negative_times_are_refused() -> None:
    """A moment without a zone, or negative business time, is a caller's mistake."""
    with pytest.raises(ValueError, match="needs a time zone"):
        VICTORIA.is_open(datetime(2026, 7, 1, 10))  # noqa: DTZ001 - the point of it
    with pytest.raises(ValueError, match="cannot be negative"):
        VICTORIA.add(melbourne("2026-07-01 10:00"), -HOUR)


def test_fractions_of_a_second_survive() -> None:
    """A clock carried over a night keeps its microseconds."""
    start = melbourne("2026-07-01 16:59:59.999999")
    due = VICTORIA.add(start, timedelta(microseconds=2))
    assert due == melbourne("2026-07-02 09:00:00.000001")


def test_ten_years_of_business_time() -> None:
    """A decade of business hours is the sum of its working days."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = datetime(2036, 1, 1, tzinfo=UTC)
    plain = calendar("Mon-Fri 09:00-17:00 UTC")
    days = (date(2026, 1, 1).toordinal() + n for n in range((end - start).days))
    working = sum(date.fromordinal(day).weekday() < 5 for day in days)
    assert plain.between(start, end) == working * 8 * HOUR
    assert plain.add(start, working * 8 * HOUR) == datetime(
        2035, 12, 31, 17, tzinfo=UTC
    )
