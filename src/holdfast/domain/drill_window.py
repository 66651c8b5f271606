"""When the schedule may order drills: some days of the week, from one hour to another.

Written like "Sat-Sun 02:00-05:00 Europe/Berlin". Where clocks change, what the wall
clock there says counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from holdfast.errors import HoldfastError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FORM = re.compile(
    r"(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))? "
    r"(?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d) (?P<zone>\S+)"
)
_HINT = 'Write it like "Sat-Sun 02:00-05:00 Europe/Berlin".'


@dataclass(frozen=True, slots=True)
class DrillWindow:
    """The days (0 is Monday), the hours and the zone."""

    days: frozenset[int]
    opens: time
    closes: time
    zone: ZoneInfo

    def is_open(self, now: datetime) -> bool:
        """Say whether the moment lies in the window."""
        there = now.astimezone(self.zone)
        return there.weekday() in self.days and self.opens <= there.time() < self.closes


def parse_window(text: str) -> DrillWindow:
    """Read a window.

    Raises `HoldfastError` where the text is none.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise HoldfastError(f'"{text}" is no window for drills', _HINT)
    first, last = found["first"], found["last"] or found["first"]
    for day in (first, last):
        if day not in DAYS:
            raise HoldfastError(f'"{day}" is no day of the week', _HINT)
    try:
        opens, closes = time.fromisoformat(found["opens"]), _closes(found["closes"])
        zone = ZoneInfo(found["zone"])
    # "Europe" is a folder of zones.
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise HoldfastError(
            f'"{text}" names no hours or no time zone', _HINT
        ) from error
    if closes <= opens:
        hint = "A window ends on the day it begins; write its later part apart."
        raise HoldfastError(f'the window "{text}" closes before it opens', hint)
    start, length = DAYS.index(first), (DAYS.index(last) - DAYS.index(first)) % 7
    days = frozenset((start + step) % 7 for step in range(length + 1))
    return DrillWindow(days, opens, closes, zone)


def _closes(text: str) -> time:
    return time.max if text == "24:00" else time.fromisoformat(text)
