"""Laws of business time, over zones with every kind of clock change and odd hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.domain.calendar import BusinessCalendar

ZONES = (
    "Australia/Melbourne",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Beirut",
    "UTC",
)
FIRST = datetime(2010, 1, 1, tzinfo=UTC)

clock_times = st.integers(0, 24 * 12 - 1).map(
    lambda step: time(step * 5 // 60, step * 5 % 60)
)
calendars = st.builds(
    BusinessCalendar,
    time_zone=st.sampled_from(ZONES),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    opens=clock_times,
    closes=clock_times,
    holidays=st.frozensets(st.dates(date(2010, 1, 1), date(2012, 12, 31))),
    covers=st.just((date(2010, 1, 1), date(2012, 12, 31))),
)
moments = st.integers(0, 3 * 365 * 24 * 3600 * 10).map(
    lambda tenths: FIRST + timedelta(milliseconds=100 * tenths)
)
amounts = st.timedeltas(timedelta(0), timedelta(hours=400))


@settings(deadline=None)
@given(calendars, moments, amounts, amounts)
def test_add_is_additive(
    calendar: BusinessCalendar, start: datetime, one: timedelta, two: timedelta
) -> None:
    """Adding in two steps is adding the sum."""
    assert calendar.add(calendar.add(start, one), two) == calendar.add(start, one + two)


@settings(deadline=None)
@given(calendars, moments, moments, amounts)
def test_add_is_monotone(
    calendar: BusinessCalendar, one: datetime, two: datetime, amount: timedelta
) -> None:
    """What starts later is never due earlier, and more time is never due earlier."""
    early, late = sorted((one, two))
    assert calendar.add(early, amount) <= calendar.add(late, amount)
    more = amount + timedelta(minutes=1)
    assert calendar.add(early, amount) < calendar.add(early, more)


@settings(deadline=None)
@given(calendars, moments, amounts)
def test_between_undoes_add(
    calendar: BusinessCalendar, start: datetime, amount: timedelta
) -> None:
    """The business time until the due moment is what was added."""
    assert calendar.between(start, calendar.add(start, amount)) == amount


@settings(deadline=None)
@given(calendars, moments, moments)
def test_add_undoes_between(
    calendar: BusinessCalendar, one: datetime, two: datetime
) -> None:
    """Adding the business time passed gives the earliest moment at which it had."""
    start, end = sorted((one, two))
    passed = calendar.between(start, end)
    due = calendar.add(start, passed)
    assert due <= end
    assert calendar.between(due, end) == timedelta(0)


@settings(deadline=None)
@given(calendars, moments, moments, moments)
def test_between_is_additive(
    calendar: BusinessCalendar, one: datetime, two: datetime, three: datetime
) -> None:
    """Business time adds up over any stop on the way, also backwards."""
    whole = calendar.between(one, three)
    assert calendar.between(one, two) + calendar.between(two, three) == whole


@settings(deadline=None)
@given(calendars, moments, moments)
def test_business_time_is_never_longer_than_wall_time(
    calendar: BusinessCalendar, one: datetime, two: datetime
) -> None:
    """No calendar makes time run faster than the wall."""
    start, end = sorted((one, two))
    assert timedelta(0) <= calendar.between(start, end) <= end - start


@settings(deadline=None)
@given(calendars, moments, amounts)
def test_due_within_business_hours_or_at_closing(
    calendar: BusinessCalendar, start: datetime, amount: timedelta
) -> None:
    """A due moment is one at which business time was running until just before."""
    due = calendar.add(start, amount + timedelta(microseconds=1))
    assert calendar.is_open(due - timedelta(microseconds=1))


@settings(deadline=None)
@given(calendars, moments)
def test_open_means_that_time_runs(
    calendar: BusinessCalendar, moment: datetime
) -> None:
    """The calendar is open exactly when the next instant is business time."""
    instant = timedelta(microseconds=1)
    runs = calendar.between(moment, moment + instant) == instant
    assert calendar.is_open(moment) is runs


@settings(deadline=None)
@given(calendars, moments, amounts)
def test_results_are_in_utc(
    calendar: BusinessCalendar, start: datetime, amount: timedelta
) -> None:
    """Due moments are UTC, and the zone in which the start was told is no matter."""
    told_elsewhere = start.astimezone(ZoneInfo("Asia/Kathmandu"))
    due = calendar.add(told_elsewhere, amount)
    assert due.tzinfo is UTC
    assert due == calendar.add(start, amount)
