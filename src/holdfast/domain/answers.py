"""What people answer to open questions, read from the words they write it in.

Each form of `questions.Answer` has one parser. What cannot be read is an error whose
hint shows an example, since whoever wrote it is about to write it again.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

from holdfast.domain.holiday_table import region_name
from holdfast.domain.questions import Question
from holdfast.errors import HoldfastError

LONGEST = timedelta(days=3660)

_MICROSECOND = timedelta(microseconds=1)
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), timedelta(seconds=1)),
    **dict.fromkeys(("min", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
}
_AMOUNT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([a-z]+)")
_BUSINESS = re.compile(r"([0-9.]+) business (minutes?|hours?)")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
_QUORUM = re.compile(r"([1-9][0-9]{0,3}) of ([1-9][0-9]{0,3})")
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_REGION = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS_OF_DAY = 24


@dataclass(frozen=True, slots=True)
class BusinessDuration:
    """A length of business time; only a calendar tells when it ends."""

    length: timedelta


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many of how many must agree."""

    needed: int
    of: int


@dataclass(frozen=True, slots=True)
class CalendarAnswer:
    """Working hours as answered: days, hours, time zone, region of the holidays.

    ``region`` is "AU" or "AU-VIC"; without one no public holidays are kept.
    """

    weekdays: frozenset[int]
    opens: time
    closes: time
    time_zone: str
    region: str | None


Value = (
    timedelta | BusinessDuration | int | Quorum | tuple[int, ...] | CalendarAnswer | str
)


def parse_answer(question: Question, text: str) -> Value:
    """Read an answer in the form that its question asks for."""
    match question.answer:
        case "duration":
            return parse_duration(text)
        case "business_duration":
            return parse_business_duration(text)
        case "count":
            return parse_count(text)
        case "quorum":
            return parse_quorum(text)
        case "ranks":
            return parse_ranks(text)
        case "calendar":
            return parse_calendar(text)
        case "choice":
            return _choice(text, question.choices)


def parse_duration(text: str) -> timedelta:
    """Read a length of time on the wall, such as "90 s", "5 min", "26 h", "365 d"."""
    match = _AMOUNT.fullmatch(text)
    unit = _UNITS.get(match[2]) if match else None
    if match is None or unit is None:
        raise _unreadable(text, "duration", "90 s", "5 min", "26 h", "365 d")
    # In microseconds of whole numbers, since floats would not add up.
    length = timedelta(microseconds=int(Decimal(match[1]) * (unit // _MICROSECOND)))
    if not timedelta(0) < length <= LONGEST:
        raise HoldfastError(
            f'the duration "{text}" is out of range',
            f"It must be longer than nothing and at most {LONGEST.days} days.",
        )
    return length


def parse_business_duration(text: str) -> BusinessDuration:
    """Read a length of business time, such as "8 business hours"."""
    match = _BUSINESS.fullmatch(text)
    if match is None:
        raise _unreadable(text, "business duration", "8 business hours")
    return BusinessDuration(parse_duration(f"{match[1]} {match[2]}"))


def parse_count(text: str) -> int:
    """Read a whole number from 1."""
    if _COUNT.fullmatch(text) is None:
        raise _unreadable(text, "count", "2")
    return int(text)


def parse_quorum(text: str) -> Quorum:
    """Read how many of how many, such as "2 of 3"."""
    match = _QUORUM.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise _unreadable(text, "quorum", "2 of 3")
    return Quorum(int(match[1]), int(match[2]))


def parse_ranks(text: str) -> tuple[int, ...]:
    """Read ranks of functions, such as "1, 2", in their order."""
    parts = [part.strip() for part in text.split(",")]
    if not all(_COUNT.fullmatch(part) for part in parts) or len(parts) != len(
        set(parts)
    ):
        raise _unreadable(text, "list of ranks", "1, 2")
    return tuple(sorted(int(part) for part in parts))


def parse_calendar(text: str) -> CalendarAnswer:
    """Read working hours, such as "Mon-Fri 09:00-17:00 Australia/Melbourne AU-VIC".

    Hours may run past midnight ("22:00-06:00") or round the clock ("00:00-24:00").
    """
    words = text.split(" ")
    if len(words) not in (3, 4):
        raise _unreadable(
            text,
            "calendar",
            "Mon-Fri 09:00-17:00 Australia/Melbourne AU-VIC",
            "Mon-Sun 00:00-24:00 UTC",
        )
    opens, closes = _hours(words[1])
    region = _region(words[3]) if len(words) == 4 else None  # noqa: PLR2004 - as above
    return CalendarAnswer(
        _weekdays(words[0]), opens, closes, _time_zone(words[2]), region
    )


def _weekdays(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise _unreadable(text, "list of weekdays", "Mon-Fri", "Mon,Wed,Fri")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        # "Sun-Thu" runs over the end of the week.
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found)


def _hours(text: str) -> tuple[time, time]:
    match = _HOURS.fullmatch(text)
    if match is not None:
        opens_hour, opens_minute, closes_hour, closes_minute = map(int, match.groups())
        if (closes_hour, closes_minute) == (_HOURS_OF_DAY, 0):
            closes_hour = 0  # A shift that closes at 00:00 runs into the next day.
        try:
            return time(opens_hour, opens_minute), time(closes_hour, closes_minute)
        except ValueError:
            pass
    raise _unreadable(text, "pair of hours", "09:00-17:00", "00:00-24:00")


def _time_zone(text: str) -> str:
    # "localtime" and its like mean another zone on every machine.
    if text == "UTC" or "/" in text:
        try:
            return ZoneInfo(text).key
        except (KeyError, ValueError, OSError):
            pass
    near = difflib.get_close_matches(text, available_timezones(), n=1)
    hint = (
        f'Did you mean "{near[0]}"?' if near else 'Write it as "Australia/Melbourne".'
    )
    raise HoldfastError(f'there is no time zone "{text}"', hint)


def _region(text: str) -> str:
    match = _REGION.fullmatch(text)
    if match is None:
        raise _unreadable(text, "region", "AU-VIC", "NZ")
    return region_name(match[1], match[2])


def _choice(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise _unreadable(text, "choice here", *choices)
    return text


def _unreadable(text: str, what: str, *examples: str) -> HoldfastError:
    shown = " or ".join(f'"{example}"' for example in examples)
    return HoldfastError(f'"{text}" is no {what}', f"Write it as {shown}.")
