"""The page *Recovery*: behind the door, whole without scripts, the same as JSON."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.evidence.protected import protected_view
from tests.server.house import FakeFace, make_app, member, visitor

from holdfast.evidence.as_json import as_json
from holdfast.evidence.recovery_views import ProtectionView


@pytest.fixture(scope="module")
def view() -> ProtectionView:
    """Provide the view of the told weeks."""
    return protected_view()


def shown(view: ProtectionView | None) -> str:
    """Return the page that shows a view."""
    return member(make_app(FakeFace(protected=view))).get("/recovery").text


def test_nobody_sees_it_without_signing_in(view: ProtectionView) -> None:
    """What there is to restore is nobody's business outside."""
    answer = visitor(make_app(FakeFace(protected=view))).get("/recovery")
    assert answer.status_code == 303
    assert view.datastores[0].name not in answer.text


def test_it_draws_the_gauge_and_says_its_worst(view: ProtectionView) -> None:
    """Who cannot see the picture hears the worst of it."""
    text = shown(view)
    assert len(re.findall(r'<svg class="gauge"', text)) == 2
    assert "nothing could be restored at" in text
    assert "RPO 60 min" in text


def test_it_begins_with_the_answer(view: ProtectionView) -> None:
    """The first line says in words whether the company could recover now."""
    text = shown(view)
    assert text.index("Could the company recover now?") < text.index("<h2")
    for words in (
        "The last drill",
        "Under way now",
        "backing up",
        "62 %",
        "and not begun for",
        "Any moment from",
        "Read back",
        "whole",
        "ap-southeast-2 zone ap-southeast-2b",
        "the next drill is ",
    ):
        assert words in text


def test_a_drill_is_drawn_step_by_step(view: ProtectionView) -> None:
    """Each step has a bar from when it began, and says so for who cannot see it."""
    text = shown(view)
    assert 'aria-label="restore began after 3.0 s and took 41.0 s"' in text
    assert 'aria-label="dispose began after 65.0 s and took 1.0 s"' in text
    assert "Step by step, 66.0 s in all" in text


def test_a_failed_drill_is_told_with_what_went_wrong(view: ProtectionView) -> None:
    """A drill's failure and its steps stand on the page, newest drill first."""
    text = shown(view)
    assert text.index("passed") < text.index("broken on purpose: missing-wal")
    assert "preflight: archive: segment is missing" in text


def test_before_a_policy_it_says_so() -> None:
    """An empty log is no fault."""
    assert "No policy has been adopted yet" in shown(None)


def test_a_company_without_datastores_is_told(view: ProtectionView) -> None:
    """Nothing to protect is said in words."""
    text = shown(replace(view, datastores=(), drills=()))
    assert "names no production datastore" in text
    assert "holdfast drill run" in text


def test_a_name_cannot_break_out_of_the_page(view: ProtectionView) -> None:
    """What the catalogue says is text, whatever it holds."""
    store = replace(view.datastores[0], name="<script>alert(1)</script>")
    assert "<script>alert" not in shown(replace(view, datastores=(store,)))


def test_a_script_gets_the_same_as_json(view: ProtectionView) -> None:
    """Asked for JSON, the page's figures come as JSON."""
    browser = member(make_app(FakeFace(protected=view)))
    answer = browser.get("/recovery", headers={"accept": "application/json"})
    assert answer.json() == as_json(view)
