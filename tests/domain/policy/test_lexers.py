"""What counts as a quantity, a cadence, a blank; and what does not."""

from __future__ import annotations

import pytest

from holdfast.domain.policy.frequencies import find_frequencies
from holdfast.domain.policy.lexer import find_quantities
from holdfast.domain.policy.placeholders import find_placeholders


@pytest.mark.parametrize(
    ("text", "amount", "unit", "shown"),
    [
        ("within 4 business hours", "4", "business_hour", "4 business hours"),
        ("twenty-four (24) hours", "24", "hour", "24 hours"),
        ("thirty (30) calendar days", "30", "day", "30 calendar days"),
        ("a 15-minute window", "15", "minute", "15 minutes"),
        ("in 24-48 hours", "48", "hour", "24-48 hours"),
        ("within an hour", "1", "hour", "1 hour"),
        ("five working days", "5", "business_day", "5 working days"),
        ("4h", "4", "hour", "4h"),
        ("30 min", "30", "minute", "30 min"),
        ("1.5 hours", "1.5", "hour", "1.5 hours"),
        ("99.95 %", "99.95", "percent", "99.95%"),
        ("four nines", "99.99", "percent", "99.99%"),
        ("half an hour", "30", "minute", "30 minutes"),
    ],
)
def test_quantities(text: str, amount: str, unit: str, shown: str) -> None:
    """A number with a unit is a quantity, in its own words."""
    (found,) = find_quantities(text)
    assert str(found.quantity.amount) == amount
    assert (found.quantity.unit, found.quantity.text) == (unit, shown)


@pytest.mark.parametrize(
    "text",
    [
        "CVSS 9.0 - 10.0",
        "24x7 and 24/7",
        "SOC 2, ISO 27001",
        "Multi-AZ",
        "May 4, 2024",
        "version 1.2.3",
        "$5 million",
        "within [24] hours",
        "2-person team",
    ],
)
def test_no_quantities(text: str) -> None:
    """Scores, standards, dates and blanks are no quantities."""
    assert find_quantities(text) == ()


@pytest.mark.parametrize(
    ("text", "every"),
    [
        ("annually", "annual"),
        ("on a yearly basis", "annual"),
        ("once per calendar year", "annual"),
        ("every twelve months", "annual"),
        ("twice a year", "semi-annual"),
        ("every six (6) months", "semi-annual"),
        ("half-yearly", "semi-annual"),
        ("each quarter", "quarterly"),
        ("nightly", "daily"),
        ("every 4 hours", "every 4 hours"),
        ("every 90 days", "every 90 days"),
        ("every two years", "every 2 years"),
        ("once an hour", "hourly"),
        ("bi-annual", "bi-annual"),
        ("on every commit", "every commit"),
        ("no less than quarterly", "quarterly"),
    ],
)
def test_cadences(text: str, every: str) -> None:
    """A cadence is told in the field's word for it."""
    assert [found.every for found in find_frequencies(text)] == [every]


def test_floors_and_doubts_are_kept() -> None:
    """A floor ("at least") is kept, and a word with two meanings is in doubt."""
    (floor,) = find_frequencies("at least annually")
    assert floor.at_least == "at least annual"
    (doubt,) = find_frequencies("a bi-annual (at least) rehearsal")
    assert doubt.ambiguous
    assert doubt.at_least == "bi-annual (at least)"


@pytest.mark.parametrize(
    "text",
    [
        "[e.g., 24-48]",
        "{{ company }}",
        "{{.Company}}",
        "${NAME}",
        "{company_name}",
        "<Company>",
        "<<Company>>",
        "TBD",
        "______",
        "[[Company]]",
        "%COMPANY%",
        "[insert date]",
    ],
)
def test_blanks(text: str) -> None:
    """Blanks of every kind are found as they are written."""
    assert find_placeholders(f"The value is {text} here") == (text,)


@pytest.mark.parametrize(
    "text", ["(e.g., AWS, GCP)", "[ ]", "[x]", "[1]", "[sic]", "a < b > c", "_it_", "I"]
)
def test_no_blanks(text: str) -> None:
    """Examples, boxes, citations and signs are no blanks."""
    assert find_placeholders(f"The value is {text} here") == ()
