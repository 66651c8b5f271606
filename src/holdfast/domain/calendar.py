"""Business time: working hours in a time zone, without the public holidays.

A *shift* is one working day's hours. It belongs to the day on which it opens, also
when it closes on the next, and a public holiday takes that whole shift away. Wall
times become moments by one rule that never runs backwards: a wall time that occurs
twice means its first occurrence, one that the clock jumps over means the jump itself.
So shifts never overlap, and a shift across a change of the clocks counts the time
that really passes. All sums are made in UTC.

Days beyond the adopted holiday table count as if they had no holidays: the due time
then falls too early rather than too late, and `covered` says that it is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from holdfast.domain.answers import CalendarAnswer
from holdfast.domain.holiday_table import HolidayTable
from holdfast.errors import HoldfastError

_NOTHING = timedelta(0)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Which moments count as business time.

    ``weekdays`` are 0 for Monday to 6 for Sunday. Hours that close no later than they
    open run into the next day; equal times are a full day. ``covers`` are the first
    and last day for which ``holidays`` are known.
    """

    time_zone: str
    weekdays: frozenset[int]
    opens: time
    closes: time
    holidays: frozenset[date]
    covers: tuple[date, date]

    @property
    def zone(self) -> ZoneInfo:
        """The zone on whose wall the hours are read."""
        return ZoneInfo(self.time_zone)

    def add(self, start: datetime, business: timedelta) -> datetime:
        """Return the earliest moment by which that much business time has passed.

        An hour from one hour before closing is due at closing, not the next morning.
        """
        if business < _NOTHING:
            raise ValueError("business time to add cannot be negative")
        begin, left = _utc(start), business
        if not left:
            return begin
        for opens_at, closes_at in self._shifts_after(begin):
            begin = max(begin, opens_at)
            if closes_at - begin >= left:
                break
            left -= closes_at - begin
        return begin + left

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the business time from start to end, negative if end comes first."""
        begin, until = _utc(start), _utc(end)
        if until < begin:
            return -self.between(until, begin)
        total = _NOTHING
        for opens_at, closes_at in self._shifts_after(begin):
            if opens_at >= until:
                break
            total += min(closes_at, until) - max(opens_at, begin)
        return total

    def is_open(self, moment: datetime) -> bool:
        """Tell whether business time is running; at closing time it is not."""
        wanted = _utc(moment)
        opens_at, _ = next(self._shifts_after(wanted))
        return opens_at <= wanted

    def covered(self, moment: datetime) -> bool:
        """Tell whether the holidays are known up to this moment, or only assumed."""
        first, last = self.covers
        return first <= _utc(moment).astimezone(self.zone).date() <= last

    def require_covered(self, moment: datetime) -> None:
        """Refuse a moment for which the public holidays are not known.

        For planning at leisure; a running incident uses `covered` and carries on.
        """
        if not self.covered(moment):
            first, last = self.covers
            known = f"{first} to {last}" if first <= last else "no day at all"
            raise HoldfastError(
                f"the adopted holiday table does not cover {moment:%Y-%m-%d}",
                f"It covers {known}; adopt a newer one.",
            )

    @property
    def shift_length(self) -> timedelta:
        """How long one working day is on the wall; a business day in hours."""
        anyday = date(2001, 1, 1)
        opens, closes = _walls(self.opens, self.closes, anyday)
        return closes - opens

    def _shifts_after(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the shifts that close after the moment, in order, without end."""
        # Two days back: a shift may run past midnight, and a clock set back at
        # midnight shows yesterday's date again when today's shift has begun.
        day = moment.astimezone(self.zone).date() - 2 * _DAY
        while True:
            if day.weekday() in self.weekdays and day not in self.holidays:
                shift = _shift(self.time_zone, self.opens, self.closes, day)
                if shift[1] > moment and shift[0] < shift[1]:
                    yield shift
            day += _DAY


def calendar_from(
    answer: CalendarAnswer, table: HolidayTable | None
) -> BusinessCalendar:
    """Join the approved hours with the adopted table of the same region.

    Without a region nothing is a holiday, for ever; without a table, or with that of
    another region, no day is covered and every due time is assumed.
    """
    holidays, covers = frozenset[date](), (date.max, date.min)
    if answer.region is None:
        covers = (date.min, date.max)
    elif table is not None and table.region == answer.region:
        holidays, covers = frozenset(table.days), table.covers
    return BusinessCalendar(
        answer.time_zone, answer.weekdays, answer.opens, answer.closes, holidays, covers
    )


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC)


def _walls(opens: time, closes: time, day: date) -> tuple[datetime, datetime]:
    last = day if closes > opens else day + _DAY
    return datetime.combine(day, opens), datetime.combine(last, closes)


@lru_cache(maxsize=16_384)
def _shift(
    time_zone: str, opens: time, closes: time, day: date
) -> tuple[datetime, datetime]:
    zone = ZoneInfo(time_zone)
    opens_wall, closes_wall = _walls(opens, closes, day)
    return _moment(opens_wall, zone), _moment(closes_wall, zone)


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment of a wall time, as the module's rule has it."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    return _jump(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment, zone)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Find the moment between the two at which the clock was set forward."""
    offset = before.astimezone(zone).utcoffset()
    # Clocks are set at whole seconds, so that none is lost by cutting fractions.
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) // 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
