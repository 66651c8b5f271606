"""The holiday table: computed, written as text, read back to the same table."""

from __future__ import annotations

from datetime import date

import pytest

from holdfast.domain.holiday_table import holiday_table, parse_holiday_table
from holdfast.errors import HoldfastError

VICTORIA = holiday_table("AU", "VIC", 2026, 2027)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 4, 3),
        date(2026, 4, 6),
        date(2026, 9, 25),
        date(2026, 11, 3),
        date(2026, 12, 28),
    ],
    ids=["good-friday", "easter-monday", "grand-final", "cup-day", "boxing-day-moved"],
)
def test_victorias_own_holidays(day: date) -> None:
    """Victoria's table has the days that its neighbours work."""
    assert day in VICTORIA.days


def test_the_table_covers_whole_years() -> None:
    """A table knows from its first New Year to its last New Year's Eve."""
    assert VICTORIA.region == "AU-VIC"
    assert VICTORIA.covers == (date(2026, 1, 1), date(2027, 12, 31))


@pytest.mark.parametrize(
    ("country", "part"), [("AU", "VIC"), ("NZ", None), ("JP", None), ("DE", "BY")]
)
def test_written_and_read_back(country: str, part: str | None) -> None:
    """What is adopted as text is the table that was computed."""
    table = holiday_table(country, part, 2025, 2028)
    assert parse_holiday_table(table.text()) == table


@pytest.mark.parametrize(
    "text",
    [
        "",
        "something else",
        VICTORIA.text().replace("v1", "v2"),
        VICTORIA.text().replace("2026-2027", "2026-2026"),
        VICTORIA.text().replace("2026-2027", "2026"),
        VICTORIA.text().replace("2026-2027", "2026-99999"),
        VICTORIA.text().replace("2026-11-03", "2026-11-33"),
        VICTORIA.text() + "\n",
    ],
    ids=["empty", "other", "version", "years", "one-year", "far", "no-day", "blank"],
)
def test_text_that_is_no_table_is_refused(text: str) -> None:
    """A table that somebody mended by hand in the wrong way has no force."""
    with pytest.raises(HoldfastError, match="no holiday table"):
        parse_holiday_table(text)


@pytest.mark.parametrize(
    ("country", "part", "hint"),
    [
        ("XX", None, "ISO 3166"),
        ("au", None, "did you mean AU?"),
        ("AU", "VIK", "VIC"),
        ("AZ", "XYZ", "none at all"),
    ],
)
def test_unknown_regions(country: str, part: str | None, hint: str) -> None:
    """An unknown country or part of one is refused with those that are known."""
    with pytest.raises(HoldfastError) as caught:
        holiday_table(country, part, 2026, 2026)
    assert hint in caught.value.hint


@pytest.mark.parametrize(("first", "last"), [(2027, 2026), (1900, 2100)])
def test_years_must_make_sense(first: int, last: int) -> None:
    """Years in the wrong order, or far too many, are refused."""
    with pytest.raises(HoldfastError, match="cannot make a holiday table"):
        holiday_table("AU", "VIC", first, last)
