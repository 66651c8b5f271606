"""The ruler itself: what it lets pass, and what it does not."""

from __future__ import annotations

import pytest
from tests.domain.policy.scoring import agrees

NOTICE = {"who": "customers", "channel": "email", "within": "1 hour", "trigger": None}


@pytest.mark.parametrize(
    ("field", "wanted", "found"),
    [
        ("rto", "4 hours", "4 Hours"),
        ("dr_test_frequency", "annual", "at least annual"),
        ("policy_review", "annual or after changes", "once a year or after changes"),
        ("notify", [NOTICE], [NOTICE | {"who": "all customers"}]),
    ],
)
def test_wording_does_not_matter(field: str, wanted: object, found: object) -> None:
    """The same thing in other words is right."""
    assert agrees(field, wanted, found)


@pytest.mark.parametrize(
    ("field", "wanted", "found"),
    [
        ("rto", "4 hours", "5 hours"),
        ("rto", None, "4 hours"),
        ("rto", "4 business hours", "4 hours"),
        ("rto", [{"tier": "A", "value": "1 hour"}], [{"tier": "B", "value": "1 hour"}]),
        ("tabletop_frequency", "annual", "semi-annual"),
        ("placeholders", ["[a]", "[b]"], ["[a]"]),
        ("notify", [NOTICE], [NOTICE | {"within": "2 hours"}]),
        ("notify", [NOTICE], [NOTICE, NOTICE]),
        ("notify", [NOTICE], [NOTICE | {"channel": None}]),
        ("other", [], [{"what": "training", "value": "annual"}]),
        ("activation_thresholds", ["after 30 minutes"], ["after 3 minutes"]),
        ("encrypted", None, True),
    ],
)
def test_figures_do(field: str, wanted: object, found: object) -> None:
    """A wrong figure, an entry too many or a missing one is wrong."""
    assert not agrees(field, wanted, found)
