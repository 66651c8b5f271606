"""The page *Recovery* as values, and its gauge as a picture."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.domain.story import MINUTE, SECOND, T0, Story, rules
from tests.evidence.protected import protected_view, with_standbys

from holdfast.domain.controls.judging import Situation
from holdfast.evidence.as_json import as_json
from holdfast.evidence.gauge_plot import HEIGHT, RPO_AT, WIDTH, Frame, stretches
from holdfast.evidence.recovery import ProtectionView, ReadingView, protection

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
