"""The pages on formats: their examples are read, so that they cannot go stale."""

from __future__ import annotations

import re
from pathlib import Path

from tests.domain.declared_values import EXAMPLE, catalogue

from holdfast.domain.declare import findings, parse_catalogue
from holdfast.domain.holiday_table import holiday_table
from holdfast.domain.overlay import parse_overlay

FORMATS = Path(__file__).parents[2] / "docs" / "formats"


def example(page: str) -> str:
    """Return the first TOML example of a page."""
    text = (FORMATS / page).read_text("utf-8")
    found = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_catalogue_page_shows_a_sound_catalogue() -> None:
    """The page's example has no faults, and its weak places are those of its size."""
    shown = parse_catalogue(example("catalogue.md"))
    assert not [said for said in findings(shown) if "orders-db" in said]


def test_the_overlay_page_shows_a_sound_decision() -> None:
    """The page's example is read once its anchor is a real one."""
    text = example("overlay.md").replace("sha256:…", "sha256:drills")
    (decision,) = parse_overlay(text, EXAMPLE, catalogue(kim="RC")).decisions
    assert decision.approved


def test_the_overlay_page_shows_a_real_holiday_table() -> None:
    """The table on the page begins as a computed one does."""
    page = (FORMATS / "overlay.md").read_text("utf-8")
    shown = page[page.index("holdfast holidays") :].partition("```")[0]
    computed = holiday_table("AU", "VIC", 2026, 2030).text()
    unversioned = re.compile(r"python-holidays .*")
    assert unversioned.sub("", computed).startswith(unversioned.sub("", shown))
