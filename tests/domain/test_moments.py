"""A moment that a person writes is read as one moment, or refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from holdfast.domain.moments import parse_moment
from holdfast.errors import HoldfastError


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T14:05:00Z", datetime(2026, 11, 23, 14, 5, tzinfo=UTC)),
        ("2026-11-23 14:05", datetime(2026, 11, 23, 14, 5, tzinfo=UTC)),
        ("2026-11-23 14:05 UTC", datetime(2026, 11, 23, 14, 5, tzinfo=UTC)),
        ("2026-11-23T14:05:00+11:00", datetime(2026, 11, 23, 3, 5, tzinfo=UTC)),
        ("2026-11-23 14:05:00 -0330", datetime(2026, 11, 23, 17, 35, tzinfo=UTC)),
        ("2026-11-23T14:05:00.25Z", datetime(2026, 11, 23, 14, 5, 0, 250_000, UTC)),
        (
            "2026-11-23 14:05 Australia/Melbourne",
            datetime(2026, 11, 23, 3, 5, tzinfo=UTC),
        ),
        # The hour after the clocks were set forward, and the one before.
        (
            "2026-10-04 03:00 Australia/Melbourne",
            datetime(2026, 10, 3, 16, tzinfo=UTC),
        ),
        (
            "2026-10-04 01:59:59 Australia/Melbourne",
            datetime(2026, 10, 3, 15, 59, 59, tzinfo=UTC),
        ),
    ],
)
def test_what_people_write_is_one_moment(text: str, moment: datetime) -> None:
    """UTC without a zone, an offset, a zone's wall clock; always in UTC."""
    read = parse_moment(text)
    assert (read, read.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("yesterday", "is no moment", "Write it like"),
        ("2026-11-23", "is no moment", "Write it like"),
        ("2026-13-40T14:05:00Z", "is no moment", "Write it like"),
        ("2026-11-23T14:05:00+99:00", "is no moment", "Write it like"),
        ("0001-01-01T00:00:00+14:00", "is no moment", "Write it like"),
        ("14:05", "is no moment", "Write it like"),
        ("2026-11-23 14:05 Mars/Olympus", "no time zone", "Write it like"),
        (
            "2026-10-04 02:30 Australia/Melbourne",
            "skip 2026-10-04 02:30:00",
            "2026-10-03T15:30:00Z or 2026-10-03T16:30:00Z",
        ),
        (
            "2026-04-05 02:30 Australia/Melbourne",
            "comes twice",
            "2026-04-04T15:30:00Z or 2026-04-04T16:30:00Z",
        ),
    ],
)
def test_what_is_none_or_two_is_refused(text: str, message: str, hint: str) -> None:
    """Nothing is guessed; where the clocks change both readings are offered in UTC."""
    with pytest.raises(HoldfastError, match=message) as told:
        parse_moment(text)
    assert hint in told.value.hint
