"""A standby counts that streams now and stands in another zone or region."""

from __future__ import annotations

from typing import Any

import pytest
from tests.domain.story import MINUTE, Story, rules

from holdfast.domain.catalogue import Environment
from holdfast.domain.controls.redundancy import elsewhere


def placed(catalogue: dict[str, Any]) -> None:
    """Give the primary a zone, and standbys in the same zone, another, and a region."""
    production, vault = catalogue["environments"]
    production["zone"] = "a"
    catalogue["environments"] += [
        {**production, "id": "beside"},
        {**production, "id": "across", "zone": "b"},
        {**production, "id": "unsaid", "zone": None},
    ]
    del catalogue["environments"][-1]["zone"]
    catalogue["datastores"][0]["replicas"] = [
        {"name": "near", "environment": "beside"},
        {"name": "far", "environment": "across"},
        {"name": "there", "environment": vault["id"]},
        {"name": "vague", "environment": "unsaid"},
    ]


@pytest.mark.parametrize(
    ("streaming", "standing"),
    [
        (("far",), "met"),
        (("there",), "met"),
        (("near", "far"), "met"),
        (("near",), "breached"),
        (("vague",), "breached"),
        ((), "breached"),
        (("stranger",), "unproven"),
        (("stranger", "far"), "met"),
    ],
)
def test_what_streams_and_where_it_stands_decides(
    streaming: tuple[str, ...], standing: str
) -> None:
    """Another zone or region passes; the same, an unnamed one or a stranger do not."""
    story = Story(rules(edit=placed)).adopt().measure(streaming=streaming)
    assert story.judge("redundancy").standing == standing


def test_a_declared_standby_that_does_not_stream_is_named() -> None:
    """A line in the catalogue is no redundancy."""
    story = Story(rules(edit=placed)).adopt()
    verdict = story.measure(not_streaming=("far",)).judge("redundancy")
    assert verdict.standing == "breached"
    assert "far" in verdict.reason


def test_without_a_fresh_look_nothing_is_met() -> None:
    """Nobody asked: unproven; asked long ago: stale."""
    story = Story(rules(edit=placed)).adopt()
    assert story.judge("redundancy").standing == "unproven"
    story.measure(streaming=("far",)).after(16 * MINUTE)
    assert story.judge("redundancy").standing == "stale"


def test_places_of_two_providers_are_apart() -> None:
    """The same region's name at another provider is another place."""
    here = Environment("a", "cloud", "one", "1", "south")
    there = Environment("b", "cloud", "two", "1", "south")
    assert elsewhere(here, there)
    assert not elsewhere(here, here)
