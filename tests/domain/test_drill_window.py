"""The window in which the schedule may order drills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.domain.drill_window import parse_window
from holdfast.errors import HoldfastError

SATURDAY = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hours", "open_"),
    [
        ("Sat-Sun 02:00-05:00 UTC", 1.99, False),
        ("Sat-Sun 02:00-05:00 UTC", 2, True),
        ("Sat-Sun 02:00-05:00 UTC", 4.99, True),
        ("Sat-Sun 02:00-05:00 UTC", 5, False),
        ("Sat-Sun 02:00-05:00 UTC", 26, True),
        ("Sat-Sun 02:00-05:00 UTC", 50, False),
        ("Sat 02:00-05:00 UTC", 26, False),
        # Around the week's end, and to midnight.
        ("Fri-Mon 22:00-24:00 UTC", 71.99, True),
        ("Fri-Mon 22:00-24:00 UTC", 94.5, False),
        # 02:00 in Berlin is 01:00 in UTC then.
        ("Sat 02:00-03:00 Europe/Berlin", 1.5, True),
        ("Sat 02:00-03:00 Europe/Berlin", 2.5, False),
    ],
)
def test_it_is_open_by_the_clock_on_that_wall(
    text: str, hours: float, open_: bool
) -> None:
    """Days and hours are those of its zone; the end does not belong to it."""
    moment = SATURDAY + timedelta(hours=hours)
    assert parse_window(text).is_open(moment) is open_


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no window"),
        ("at night", "is no window"),
        ("Sat 2:00-5:00 UTC", "is no window"),
        ("Sam 02:00-05:00 UTC", "no day of the week"),
        ("Sat 02:00-25:00 UTC", "names no hours"),
        ("Sat 02:00-05:00 Atlantis", "names no hours or no time zone"),
        ("Sat 02:00-05:00 Europe", "names no hours or no time zone"),
        ("Sat 22:00-05:00 UTC", "closes before it opens"),
        ("Sat 02:00-02:00 UTC", "closes before it opens"),
    ],
)
def test_what_is_no_window_is_refused(text: str, message: str) -> None:
    """The message names what is wrong, the hint how to write it."""
    with pytest.raises(HoldfastError, match=message) as refused:
        parse_window(text)
    assert refused.value.hint
