"""Standing as a page: what it tells, in which order, and that it tells it safely."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from tests.server.house import FakeFace, make_app, member
from tests.server.sample import NOT_ADOPTED, SENTENCES, STANDING

from holdfast.evidence.as_json import as_json
from holdfast.evidence.views import StandingView

VOID = {"meta", "link", "img", "input", "br", "path", "circle", "rect", "line"}


class Outline(HTMLParser):
    """What a screen reader makes of a page: tags in order, ids, headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Check that tags close in the order in which they opened."""
        assert tag in VOID or self.open.pop() == tag


def shown(view: StandingView, path: str = "/") -> str:
    """Return the page that shows a view."""
    return member(make_app(FakeFace(view))).get(path).text


def test_every_sentence_is_shown_once():
    """All 36 sentences of the policy stand on the page."""
    text = shown(STANDING)
    assert len(SENTENCES) == 36
    assert len(re.findall(r'class="sentence[ "]', text)) == 36


def test_the_incident_comes_before_everything_else():
    """The order is: incident, owed now, policy, findings, ledger."""
    text = shown(STANDING)
    places = [
        text.index(f'id="{name}"')
        for name in ("incidents", "owed", "counts", "policy", "findings", "ledger")
    ]
    assert places == sorted(places)


def test_clocks_tell_left_limit_due_and_state():
    """A clock says in words what is left, of which limit, until when, and its state."""
    text = shown(STANDING)
    assert "58 min left" in text
    assert "3 h 2 min of 4 business hours used" in text
    assert "20 min overdue" in text
    assert "at risk" in text
    assert 'aria-label="76 % of 4 business hours used, at risk, due in 58 min"' in text


def test_clocks_that_run_come_before_those_that_are_done():
    """What is overdue stands first, what is done last."""
    text = shown(STANDING)
    first = text.index("Confirm the off-site key")
    assert first < text.index("Restore the service") < text.index("4 min 51 s to spare")


def test_overdue_duties_come_first_and_done_ones_are_gone():
    """Owed now lists what is owed, the overdue first, without what is done."""
    text = shown(STANDING)
    owed = text[text.index('id="owed"') : text.index('id="counts"')]
    assert owed.index("Review the resilience report") < owed.index("Update the status")
    assert "Alert the response team" not in owed
    assert "6 days overdue" in owed


def test_moments_are_told_in_the_zone_of_the_business_and_in_utc():
    """A moment is told in local time and UTC, and machine-readable."""
    text = shown(STANDING)
    assert "Tue 24 Nov 2026, 09:48:30 AEDT" in text
    assert "(Mon 22:48 UTC)" in text
    assert 'datetime="2026-11-23T22:48:30Z"' in text


@pytest.mark.parametrize(
    ("show", "there", "gone"),
    [
        ("breached", "Maximum allowable data loss", "Semi-annual technical"),
        ("at_risk", "Semi-annual technical", "Maximum allowable data loss"),
        ("met", "Alert the IRT via Slack", "Semi-annual technical"),
    ],
)
def test_filters_work_without_javascript(show, there, gone):
    """A filter is a link that shows only the sentences that stand so."""
    text = shown(STANDING, f"/?show={show}")
    policy = text[text.index('id="policy"') : text.index('id="findings"')]
    assert there in policy
    assert gone not in policy
    assert f'href="/?show={show}#policy" aria-current="true"' in text


def test_counts_add_up():
    """The counts by standing and the informational sentences make 36."""
    text = shown(STANDING)
    chips = re.findall(r"</svg>(\d+) ", text[text.index('id="counts"') :])
    informs = sum(s.standing is None for s in SENTENCES)
    assert sum(map(int, chips)) + informs == 36


def test_states_are_words_with_shapes():
    """Every mark holds a shape and a word, so that colour is never alone."""
    marks = re.findall(r'<span class="mark [^"]+">(.*?)</span></span>', shown(STANDING))
    assert len(marks) > 30
    assert all("<svg" in mark and re.search(r'"word">\w+', mark) for mark in marks)


def test_no_policy_is_said_with_the_command_to_run():
    """Before adoption the page says so and how to adopt."""
    text = shown(NOT_ADOPTED)
    assert "No policy has been adopted yet." in text
    assert "holdfast policy adopt" in text
    assert "no incident is running" in text


def test_hostile_text_stays_text():
    """Markup in anything that people wrote is shown, never run."""
    evil = '<script>alert(1)</script><hx-partial hx-target="body">" onload="x'
    sentence = replace(
        SENTENCES[6], text=evil, label=evil, reason=evil, section=evil, awaiting=(evil,)
    )
    incident = replace(STANDING.incidents[0], title=evil, id=evil, services=(evil,))
    text = shown(
        replace(
            STANDING,
            company=evil,
            sentences=(sentence,),
            incidents=(incident,),
            findings=(evil,),
            contradictions=(evil,),
            root=evil,
        )
    )
    assert "<script>alert" not in text
    assert "<hx-partial" not in text
    assert '" onload="' not in text
    assert text.count("&lt;script&gt;") >= 9


@pytest.mark.parametrize("view", [STANDING, NOT_ADOPTED], ids=["full", "empty"])
def test_the_page_is_sound(view):
    """Tags nest, ids are unique, headings skip no level, nothing stands inline."""
    outline = Outline(shown(view))
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h\d", tag)]
    assert outline.open == []
    assert len(ids) == len(set(ids))
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert all(
        "style" not in attrs and "onclick" not in attrs for _, attrs in outline.tags
    )
    assert all("src" in attrs for tag, attrs in outline.tags if tag == "script")
    assert {"header", "main", "nav", "footer"} & {t for t, _ in outline.tags}


def test_programs_read_standing_as_json():
    """The same Standing is JSON for a program, by header or by parameter."""
    client = member(make_app())
    by_header = client.get("/", headers={"accept": "application/json"}).json()
    by_parameter = client.get("/?format=json").json()
    assert by_header == by_parameter == as_json(STANDING)
