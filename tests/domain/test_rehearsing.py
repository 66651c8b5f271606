"""A drill is requested once, and judged by its measure against the policy's figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.domain.story import DATASTORE, HOUR, MINUTE, SECOND, Story, rules

from holdfast.domain import rehearsing
from holdfast.domain.events.drill import (
    DrillFinished,
    DrillMeasured,
    DrillOrdered,
    Sabotage,
)
from holdfast.domain.events.job import JobFinished, JobLost, JobRequested

DRILL = "drill-orders-1"


def ordered(sabotage: Sabotage | None = None, **edited: Any) -> Story:
    """Begin a story with a drill that is ordered and whose job is requested."""
    story = Story(**edited).adopt()
    story.tell(DrillOrdered(DRILL, DATASTORE, 2, sabotage, "chi", story.now))
    story.tell(*rehearsing.conclude(story.situation))
    return story.after(SECOND)


def measured(story: Story, **changes: Any) -> DrillMeasured:
    """Return a good measure: the fault is now, the data are back in ten minutes."""
    good = DrillMeasured(
        drill=DRILL,
        fault_at=story.now,
        verified_at=story.now + 10 * MINUTE,
        recovered_to=story.now - 5 * MINUTE,
        first_lost_at=story.now - 30 * SECOND,
        commits_lost=4,
        timeline=2,
        invariants=("whole",),
        untouched=True,
        disposed=True,
        findings=(),
        steps=("restore",),
        steps_us=(1,),
        evidence="sha256:00",
        at=story.now + 11 * MINUTE,
    )
    return replace(good, **changes)


def finish(story: Story, measure: DrillMeasured | None) -> DrillFinished:
    """End the job, with a measure or without, and return the judgement."""
    end = story.now + 11 * MINUTE
    if measure is not None:
        story.tell(measure)
    story.tell(JobFinished(DRILL, True, "as measured", "sha256:00", end))
    [judged] = rehearsing.conclude(story.at(end).situation)
    assert isinstance(judged, DrillFinished)
    story.tell(judged)
    assert rehearsing.conclude(story.situation) == ()
    return judged


def test_the_order_requests_the_job_once() -> None:
    """From the order follows one job, named like the drill."""
    story = ordered()
    [requested] = [event for event in story.told if isinstance(event, JobRequested)]
    assert (requested.job, requested.verb, requested.repository) == (DRILL, "drill", 2)
    assert rehearsing.conclude(story.situation) == ()


def test_a_good_measure_passes_and_the_controls_are_met() -> None:
    """A drill within both figures passes: drills, RTO and RPO rest on it."""
    story = ordered()
    judged = finish(story, measured(story))
    assert (judged.passed, judged.findings) == (True, ())
    assert judged.recovery_time_us == 601_000_000
    assert (judged.from_fault_us, judged.data_loss_us) == (600_000_000, 30_000_000)
    assert judged.detail == ("recovered in 601.0 s, lost 30.0 s of writes (4 commits)")
    story.look()
    for control in ("drills", "recovery_time", "recovery_point"):
        assert story.judge(control).standing == "met", control


def test_a_quiet_database_loses_nothing() -> None:
    """Nothing lost by count is nothing lost, however old the newest commit is."""
    story = ordered()
    old = story.now - timedelta(days=3)
    quiet = measured(story, recovered_to=old, first_lost_at=None, commits_lost=0)
    judged = finish(story, quiet)
    assert (judged.passed, judged.data_loss_us) == (True, 0)


def test_what_is_not_counted_is_taken_at_its_worst() -> None:
    """Without a count, all since the newest recovered commit may be lost."""
    story = ordered()
    judged = finish(story, measured(story, first_lost_at=None, commits_lost=None))
    assert (judged.data_loss_us, judged.commits_lost) == (300_000_000, None)
    assert "commits not counted" in judged.detail


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"first_lost_at": timedelta(hours=-1, seconds=-1)}, "lost 3,601.0 s"),
        ({"verified_at": 4 * HOUR}, "the policy allows 4 business hours"),
        ({"verified_at": None}, "no verified data came back"),
        ({"disposed": False}, "nothing shows that production is as it was"),
        ({"untouched": False}, "nothing shows that production is as it was"),
        ({"findings": ("verify: whole: false",)}, "verify: whole: false"),
    ],
)
def test_whatever_is_wrong_fails_it(changes: dict[str, Any], reason: str) -> None:
    """One thing wrong is enough, and the judgement names it."""
    story = ordered()
    moved = {
        name: story.now + value if isinstance(value, timedelta) else value
        for name, value in changes.items()
    }
    judged = finish(story, measured(story, **moved))
    assert not judged.passed
    assert reason in judged.findings[0]
    assert reason in judged.detail
    assert story.judge("drills").standing == "breached"


def test_a_limit_is_kept_to_the_second() -> None:
    """The very length that the policy allows is still in time."""
    story = ordered()
    at_limit = measured(
        story,
        verified_at=story.now - SECOND + 4 * HOUR,
        first_lost_at=story.now - HOUR,
    )
    assert finish(story, at_limit).passed


@pytest.mark.parametrize(
    ("line", "word"),
    [("Recovery time (RTO)", "time"), ("Recovery point (RPO)", "point")],
)
def test_a_policy_without_the_figure_confirms_nothing(line: str, word: str) -> None:
    """A drill cannot confirm an objective that nobody set."""
    story = ordered(rules=rules(cut=line))
    judged = finish(story, measured(story))
    assert judged.findings == (f"the policy names no recovery {word} objective",)


def test_a_sabotage_that_nobody_notices_fails_it() -> None:
    """A drill broken on purpose never passes, and proves nothing of the real thing."""
    story = ordered("wrong-key")
    judged = finish(story, measured(story))
    assert judged.findings == ("wrong-key went unnoticed",)
    story.look()
    assert story.judge("drills").standing == "breached"
    assert story.judge("recovery_time").standing == "unproven"
    assert story.judge("recovery_point").standing == "unproven"


def test_a_lost_job_is_a_failed_drill() -> None:
    """A job that vanished leaves a failed drill, and is not asked for again."""
    story = ordered()
    story.tell(JobLost(DRILL, "the process is gone", story.now))
    [judged] = rehearsing.conclude(story.situation)
    assert isinstance(judged, DrillFinished)
    assert judged.findings == ("the drill's job was lost: the process is gone",)
    assert (judged.passed, judged.data_loss_us, judged.evidence) == (False, None, None)
    story.tell(judged).look()
    assert rehearsing.conclude(story.situation) == ()
    assert story.judge("recovery_point").standing == "breached"


def test_a_job_without_a_measure_is_a_failed_drill() -> None:
    """A job that ended before it measured anything has recovered nothing."""
    judged = finish(ordered(), None)
    assert judged.findings == ("no measure: as measured",)
