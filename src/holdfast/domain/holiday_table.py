"""The public holidays of a region: computed once, adopted as text, then read back.

Holidays are proclaimed and their tables corrected, so `decide` never computes them: it
reads the table that was adopted, whose bytes the ledger names by digest.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date

from holdfast.errors import HoldfastError

_FORMAT = "holdfast holidays v1"
_LONGEST = 100
_HINT = "Make it anew rather than by hand; docs/formats/overlay.md shows the form."


@dataclass(frozen=True, slots=True)
class HolidayTable:
    """The public holidays of a region ("AU-VIC") for whole years, both included."""

    region: str
    first_year: int
    last_year: int
    source: str
    holidays: tuple[tuple[date, str], ...]

    @property
    def days(self) -> tuple[date, ...]:
        """The holidays without their names, in order."""
        return tuple(day for day, _ in self.holidays)

    @property
    def covers(self) -> tuple[date, date]:
        """The first and the last day for which the table knows."""
        return date(self.first_year, 1, 1), date(self.last_year, 12, 31)

    def text(self) -> str:
        """Write the table as it is adopted; `parse_holiday_table` reads it back."""
        head = (_FORMAT, self.region, f"{self.first_year}-{self.last_year}")
        lines = [*head, self.source, *(f"{day} {name}" for day, name in self.holidays)]
        return "\n".join(lines) + "\n"


def holiday_table(
    country: str, subdivision: str | None, first_year: int, last_year: int
) -> HolidayTable:
    """Compute the public holidays of a country, or of a part of it, for these years."""
    if not 0 <= last_year - first_year < _LONGEST:
        raise HoldfastError(
            f"cannot make a holiday table from {first_year} to {last_year}",
            f"Give a first and a last year, at most {_LONGEST} years in all.",
        )
    import holidays  # noqa: PLC0415 - Reading an adopted table takes none of it.
    from holidays.version import __version__  # noqa: PLC0415

    region = region_name(country, subdivision)
    found = holidays.country_holidays(
        country, subdiv=subdivision, years=range(first_year, last_year + 1)
    )
    named = tuple((day, " ".join(name.split())) for day, name in sorted(found.items()))
    source = f"python-holidays {__version__}"
    return HolidayTable(region, first_year, last_year, source, named)


def region_name(country: str, subdivision: str | None) -> str:
    """Return the region's code, ISO 3166 as in "AU-VIC"; an unknown one is a fault."""
    import holidays  # noqa: PLC0415 - As above.

    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        raise HoldfastError(
            f'no public holidays are known for the country "{country}"',
            f"Use the two letters of ISO 3166, such as AU{_or_near(country, known)}.",
        )
    if subdivision is None:
        return country
    if subdivision not in known[country]:
        parts = ", ".join(known[country]) or "none at all"
        raise HoldfastError(
            f'no public holidays are known for "{subdivision}" in {country}',
            f"The parts of {country} that are known: {parts}.",
        )
    return f"{country}-{subdivision}"


def parse_holiday_table(text: str) -> HolidayTable:
    """Read an adopted table back; what `HolidayTable.text` cannot write is refused."""
    try:
        form, region, years, source, *lines = text.splitlines()
        first, last = (int(year) for year in years.split("-"))
        named = tuple(_holiday(line) for line in lines)
        table = HolidayTable(region, first, last, source, named)
        sound = form == _FORMAT and table.text() == text
        begin, end = table.covers
    except ValueError:
        sound = False
    if not sound or not all(begin <= day <= end for day in table.days):
        raise HoldfastError("this is no holiday table", _HINT)
    return table


def _holiday(line: str) -> tuple[date, str]:
    day, _, name = line.partition(" ")
    return date.fromisoformat(day), name


def _or_near(word: str, known: dict[str, list[str]]) -> str:
    near = difflib.get_close_matches(word.upper(), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
