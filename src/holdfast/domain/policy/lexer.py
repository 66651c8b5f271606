"""Quantities in a sentence: "4 business hours", "twenty-four (24) hours", "99.9%".

A quantity is an amount with a unit. Numbers without one (CVSS scores, standards,
years, "24x7") are none, and so are blanks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from holdfast.domain.policy.model import Quantity, Unit

_WORDS = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {
    "thirty": 30,
    "forty": 40,
    "forty-five": 45,
    "forty-eight": 48,
    "fifty": 50,
    "sixty": 60,
    "seventy-two": 72,
    "ninety": 90,
    "twenty-four": 24,
    "a": 1,
    "an": 1,
}
_WORD = "|".join(sorted((w for w in _WORDS if w not in ("a", "an")), key=len)[::-1])
_UNITS: dict[str, Unit] = {
    "second": "second",
    "sec": "second",
    "minute": "minute",
    "min": "minute",
    "hour": "hour",
    "hr": "hour",
    "h": "hour",
    "m": "minute",
    "d": "day",
    "day": "day",
    "week": "week",
    "month": "month",
    "quarter": "quarter",
    "year": "year",
    "yr": "year",
}
_UNIT = (
    r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|quarters?|"
    r"years?|yrs?)"
)
_KIND = r"(?:(?P<kind>business|working|work|office|calendar|consecutive|clock)[ -]+)?"
_QUANTITY = re.compile(
    rf"(?<![\w.,$€£#/-])(?:(?P<word>{_WORD})(?:[ -]?\((?P<inner>\d{{1,5}})\))?"
    r"|(?P<low>\d{1,5}(?:\.\d{1,4})?)"
    r"(?:\s?(?:-|–|to)\s?(?P<high>\d{1,5}(?:\.\d{1,4})?))?"
    r"(?:\s?\([a-z -]{3,20}\))?"
    r"|(?P<article>an?)(?=\s(?:business\s)?(?:hour|day|week|month|year)\b))"
    rf"[ -]?{_KIND}(?P<unit>{_UNIT})(?![\w-]|/7)",
    re.IGNORECASE,
)
_SHORT = re.compile(r"(?<![\w.,$€£#/-])(?P<low>\d{1,4})(?P<unit>h|m|d)\b(?![-/])")
_PERCENT = re.compile(
    r"(?<![\w.,-])(?P<low>\d{1,3}(?:\.\d{1,6})?)\s?(?:%|percent\b|per cent\b)",
    re.IGNORECASE,
)
_NINES = re.compile(
    r"\b(?P<word>two|three|four|five|six) (?:nines|9s)\b", re.IGNORECASE
)
_HALF = re.compile(r"\bhalf an hour\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A quantity and where it stands in the text."""

    quantity: Quantity
    start: int
    end: int

    @property
    def is_duration(self) -> bool:
        return self.quantity.unit != "percent"


def find_quantities(text: str) -> tuple[Found, ...]:
    """Return the quantities of a text in their order."""
    found = [_duration(match) for match in _QUANTITY.finditer(text)]
    found += [_short(match) for match in _SHORT.finditer(text)]
    found += [_percent(match) for match in _PERCENT.finditer(text)]
    found += [_nines(match) for match in _NINES.finditer(text)]
    found += [
        Found(Quantity(Decimal(30), "minute", "30 minutes"), *match.span())
        for match in _HALF.finditer(text)
    ]
    found.sort(key=lambda each: (each.start, -each.end))
    return tuple(_without_overlaps(found))


def _without_overlaps(found: list[Found]) -> list[Found]:
    kept: list[Found] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def _duration(match: re.Match[str]) -> Found:
    number = match["inner"] or match["high"] or match["low"]
    if number is None:
        number = str(_WORDS[(match["word"] or match["article"]).casefold()])
    shown = number if not match["high"] else f"{match['low']}-{match['high']}"
    unit = _unit(match["unit"], match["kind"] or "")
    kind = f"{match['kind'].casefold()} " if match["kind"] else ""
    words = match["unit"].casefold()
    if "-" in match[0] and Decimal(number) != 1 and not words.endswith("s"):
        # "a 4-hour objective" is 4 hours.
        words += "s" if len(words) > len("min") else ""
    text = f"{shown} {kind}{words}"
    return Found(Quantity(Decimal(number), unit, text), *match.span())


def _unit(word: str, kind: str) -> Unit:
    word = word.casefold()
    unit = _UNITS.get(word) or _UNITS[word.rstrip("s")]
    if kind.casefold() in ("business", "working", "work", "office"):
        if unit == "hour":
            return "business_hour"
        if unit == "day":
            return "business_day"
    return unit


def _short(match: re.Match[str]) -> Found:
    quantity = Quantity(Decimal(match["low"]), _UNITS[match["unit"]], match[0])
    return Found(quantity, *match.span())


def _percent(match: re.Match[str]) -> Found:
    text = f"{match['low']}%"
    return Found(Quantity(Decimal(match["low"]), "percent", text), *match.span())


def _nines(match: re.Match[str]) -> Found:
    count = _WORDS[match["word"].casefold()]
    amount = (Decimal(100) - Decimal(100).scaleb(-count)).normalize()
    return Found(Quantity(amount, "percent", f"{amount}%"), *match.span())
