"""The page *Recovery* as values, and its gauge as a picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.domain.story import MINUTE, SECOND, T0, Story, rules
from tests.evidence.protected import protected_view, with_standbys

from holdfast.domain.controls.judging import Situation
from holdfast.evidence.as_json import as_json
from holdfast.evidence.drills import DrillView
from holdfast.evidence.gauge_plot import HEIGHT, RPO_AT, WIDTH, Frame, stretches
from holdfast.evidence.readiness import summary
from holdfast.evidence.recovery import protection
from holdfast.evidence.recovery_views import (
    ProtectionView,
    ReadingView,
    SummaryView,
)

FRAME = Frame(T0, T0 + 100 * MINUTE, 60 * MINUTE, 15 * MINUTE, 16 * MINUTE)


@pytest.fixture(scope="module")
def view() -> ProtectionView:
    """Provide the view of the told weeks."""
    return protected_view()


def test_what_would_be_lost_grows_with_every_second_after_the_look() -> None:
    """The figure is the age now, not the age at the last look."""
    story = Story(rules(edit=with_standbys)).adopt().look(lag=30 * SECOND)
    story.after(2 * MINUTE)
    shown = protection(Situation(story.rules, story.state, story.now), 1)
    gauge = shown.datastores[0].gauge
    assert gauge.lost_if_now == 2 * MINUTE + 30 * SECOND


def test_without_a_look_nothing_is_claimed() -> None:
    """A datastore that nobody looked at shows no figure at all."""
    story = Story(rules(edit=with_standbys)).adopt()
    shown = protection(Situation(story.rules, story.state, story.now), 1)
    gauge = shown.datastores[0].gauge
    assert (gauge.lost_if_now, gauge.looked_at, gauge.standing) == (
        None,
        None,
        "unproven",
    )


def test_a_declared_standby_shows_whether_it_streams(view: ProtectionView) -> None:
    """Each standby is shown with its place and whether it streams now."""
    assert [(r.name, r.streaming) for r in view.datastores[0].replicas] == [
        ("orders-b", True),
        ("orders-c", False),
    ]


def test_the_newest_drill_comes_first(view: ProtectionView) -> None:
    """Who looks for the last drill finds it on top."""
    assert [drill.phase for drill in view.drills] == ["passed", "failed"]


def test_the_first_line_says_whether_the_company_could_recover(
    view: ProtectionView,
) -> None:
    """A look, a restorable moment and a drill that passed make a yes; nothing less."""
    stores, drills, now = view.datastores, view.drills, view.as_of
    assert view.summary.answer == "Yes"
    assert "The last drill, 60 min ago, brought it back in 70.0 s" in view.summary.text

    def said(*, drilled: tuple[DrillView, ...] = drills, **gauge: Any) -> SummaryView:
        changed = replace(stores[0], gauge=replace(stores[0].gauge, **gauge))
        return summary((changed,), drilled, now)

    assert said(looked_at=None, lost_if_now=None).answer == "Unknown"
    assert said(lost_if_now=None).answer == "No"
    assert said(standing="stale").answer == "Unknown"
    never = said(drilled=())
    assert (never.answer, never.standing) == ("Not proven", "unproven")
    assert "no drill of Orders has been held" in never.text
    failed = said(drilled=(replace(drills[0], phase="failed"),))
    assert "the last drill of Orders failed" in failed.text
    broken = said(drilled=drills[1:])
    assert broken.answer == "Not proven", "a drill broken on purpose proves nothing"
    assert summary((), (), now).answer == "Unknown"


def test_several_datastores_are_as_good_as_the_worst(view: ProtectionView) -> None:
    """The most that would be lost is named, and who was never rehearsed."""
    one = view.datastores[0]
    lost = replace(one.gauge, lost_if_now=11 * MINUTE)
    two = replace(one, id="mail", name="Mail", gauge=lost)
    told = summary((one, two), view.drills, view.as_of)
    assert "at most 11 min of writes (Mail)" in told.text
    assert "no drill of Mail has been held" in told.text
    also = replace(view.drills[0], datastore="mail")
    told = summary((one, two), (*view.drills, also), view.as_of)
    assert (told.answer, "the oldest 60 min ago" in told.text) == ("Yes", True)


def test_each_repository_shows_its_window_and_when_it_was_read_back(
    view: ProtectionView,
) -> None:
    """From when to when any moment can be restored, and whether all of it was read."""
    one, two = view.datastores[0].windows
    assert one.since is not None
    assert one.until is not None
    assert one.since < one.until <= view.as_of
    assert (one.read_back, two.read_back, two.off_site) == (None, True, True)


def test_what_is_under_way_is_shown_with_its_progress(view: ProtectionView) -> None:
    """A running job tells how far it came; one that nobody took up says so."""
    running, asked = view.datastores[0].under_way
    assert (running.verb, running.step, running.percent) == ("backup", "copying", 62)
    assert (asked.verb, asked.started_at) == ("expire", None)


def test_the_next_drill_stands_with_its_due_moment(view: ProtectionView) -> None:
    """Half a year after the one that passed."""
    drill = view.datastores[0].next_drill
    assert drill is not None
    assert (drill.due_at - view.as_of).days in {183, 184}
    assert drill.standing == "met"


def test_every_figure_is_there_as_json(view: ProtectionView) -> None:
    """A script reads what a person sees, lengths in seconds."""
    told = as_json(view)["datastores"]
    assert isinstance(told, list)
    assert isinstance(told[0], dict)
    gauge = told[0]["gauge"]
    assert isinstance(gauge, dict)
    assert "lost_if_now_seconds" in gauge


def at(minute: int, lost: timedelta | None = MINUTE) -> ReadingView:
    """Return a reading at that minute."""
    return ReadingView(T0 + minute * MINUTE, lost)


def test_no_line_is_drawn_where_nobody_looked() -> None:
    """A gap stays a gap; what lies before the frame is left out."""
    told = [at(-5), at(0), at(5), at(40), at(45)]
    drawn = [[r.at for r in each] for each in stretches(told, FRAME)]
    assert drawn == [
        [at(0).at, at(5).at],
        [at(40).at, at(45).at],
    ]


def test_where_nothing_can_be_restored_the_line_ends() -> None:
    """Nothing restorable is a stretch of its own, never a small number."""
    told = [at(0), at(5, None), at(10)]
    assert [len(each) for each in stretches(told, FRAME)] == [1, 1, 1]


def test_the_objective_stands_where_the_page_says_it() -> None:
    """The words beside the picture rest on this height."""
    assert FRAME.y(FRAME.rpo) == pytest.approx(HEIGHT * (1 - RPO_AT))
    assert FRAME.y(10 * FRAME.rpo) == 0
    assert (FRAME.x(FRAME.start), FRAME.x(FRAME.end)) == (0, WIDTH)
