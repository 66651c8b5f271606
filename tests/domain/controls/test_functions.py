"""The order of recovery is shown by a rehearsal of all that is critical."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.domain.story import DATASTORE, DAY, MINUTE, SECOND, Story, rules

from holdfast.domain import rehearsing
from holdfast.domain.events.drill import (
    DrillFinished,
    DrillMeasured,
    DrillOrdered,
    RehearsalOrdered,
    Sabotage,
)
from holdfast.domain.events.job import JobFinished, JobRequested, JobStarted

SUPPORT = "desk-db"


def two_functions(catalogue: dict[str, Any]) -> None:
    """Let function 2 stand on a datastore of its own, and leave out the others."""
    first = catalogue["datastores"][0]
    catalogue["datastores"].append(dict(first, id=SUPPORT, name="Desk"))
    service = catalogue["services"][0]
    functions = sorted(catalogue["functions"], key=lambda f: f["rank"])
    catalogue["functions"] = functions[:2]
    catalogue["services"].append(
        dict(service, id="desk", function=functions[1]["id"], datastores=[SUPPORT])
    )


def order(story: Story, sabotage: Sabotage | None = None) -> Story:
    """Order the rehearsal of both."""
    drills = {"one": DATASTORE, "two": SUPPORT}
    story.tell(
        *(
            DrillOrdered(name, datastore, 2, sabotage, "chi", story.now)
            for name, datastore in drills.items()
        ),
        RehearsalOrdered("both", "restore", ("one", "two"), (1, 2), "chi", story.now),
    )
    return story


def run(story: Story, *, passed: bool = True) -> None:
    """Carry out whatever is asked for, one after the other, to the end."""
    while asked := rehearsing.conclude(story.situation):
        story.tell(*asked)
        for job in asked:
            if isinstance(job, JobRequested):
                story.tell(JobStarted(job.job, "here", "folder", story.now))
                story.after(MINUTE).tell(measure(story, job.job, passed=passed))
                ended = JobFinished(job.job, passed, "", "sha256:00", story.now)
                story.tell(ended)


def measure(story: Story, drill: str, *, passed: bool = True) -> DrillMeasured:
    """Return what a drill of a minute measured."""
    return DrillMeasured(
        drill=drill,
        fault_at=story.now - 30 * SECOND,
        verified_at=story.now if passed else None,
        recovered_to=story.now - 30 * SECOND,
        first_lost_at=None,
        commits_lost=0,
        timeline=2,
        invariants=(),
        untouched=True,
        disposed=True,
        findings=() if passed else ("restore: it broke",),
        steps=("restore",),
        steps_us=(1,),
        evidence="sha256:00",
        at=story.now,
    )


def test_without_a_rehearsal_nothing_is_shown() -> None:
    """Declared ranks are a word, not evidence."""
    verdict = Story(rules(edit=two_functions)).adopt().judge("functions")
    assert (verdict.standing, verdict.proofs) == ("unproven", ())


def test_the_second_rank_waits_for_the_first() -> None:
    """The job of a rank is asked for when those before it are over, and not sooner."""
    story = order(Story(rules(edit=two_functions)).adopt())
    [first] = rehearsing.conclude(story.situation)
    assert isinstance(first, JobRequested)
    assert first.job == "one"
    story.tell(first, JobStarted("one", "here", "folder", story.now))
    assert rehearsing.conclude(story.situation) == ()
    story.after(MINUTE).tell(measure(story, "one"))
    story.tell(JobFinished("one", True, "", "sha256:00", story.now))
    [judged] = rehearsing.conclude(story.situation)
    assert isinstance(judged, DrillFinished)
    [second] = rehearsing.conclude(story.tell(judged).situation)
    assert isinstance(second, JobRequested)
    assert second.job == "two"


def test_equals_go_side_by_side() -> None:
    """Two datastores of one rank are asked for at once."""
    story = Story(rules(edit=two_functions)).adopt()
    story.tell(
        DrillOrdered("one", DATASTORE, 2, None, "chi", story.now),
        DrillOrdered("two", SUPPORT, 2, None, "chi", story.now),
        RehearsalOrdered("both", "restore", ("one", "two"), (1, 1), "chi", story.now),
    )
    assert len(rehearsing.conclude(story.situation)) == 2


def test_a_rehearsal_in_order_is_met_for_half_a_year() -> None:
    """Met with the order as proof; later stale, to the second."""
    story = order(Story(rules(edit=two_functions)).adopt())
    ordered_at = story.now
    run(story)
    verdict = story.judge("functions")
    assert verdict.standing == "met", verdict
    [proof] = verdict.proofs
    assert proof.text == f"both: came back {DATASTORE}, then {SUPPORT}"
    assert verdict.next_due_at == ordered_at + 184 * DAY
    assert story.at(ordered_at + 184 * DAY).judge("functions").standing == "met"
    assert story.after(SECOND).judge("functions").standing == "stale"


def test_a_failed_rehearsal_is_breached_until_the_next_one() -> None:
    """The one that failed is named; the second datastore was tried all the same."""
    story = order(Story(rules(edit=two_functions)).adopt())
    run(story, passed=False)
    assert len([e for e in story.told if isinstance(e, DrillFinished)]) == 2
    verdict = story.judge("functions")
    assert verdict.standing == "breached"
    assert DATASTORE in verdict.reason


def test_another_order_than_declared_is_breached() -> None:
    """Where the log shows the second before the first, the promise is not kept."""
    story = order(Story(rules(edit=two_functions)).adopt())
    run(story)
    jobs = story.state.jobs
    early = jobs.all["two"]
    assert early.started is not None
    moved = replace(early, started=replace(early.started, at=story.now - 9 * MINUTE))
    moved_jobs = replace(jobs, all=jobs.all.set("two", moved))
    story.state = replace(story.state, jobs=moved_jobs)
    assert story.judge("functions").standing == "breached"


def test_what_was_broken_on_purpose_shows_no_order() -> None:
    """A sabotage is no recovery."""
    story = order(Story(rules(edit=two_functions)).adopt(), "wrong-key")
    run(story)
    assert story.judge("functions").standing == "unproven"


def test_functions_without_data_need_a_workaround() -> None:
    """What stands on no datastore keeps the promise from being met, and is named."""
    story = Story().adopt()
    story.tell(
        DrillOrdered("one", DATASTORE, 2, None, "chi", story.now),
        RehearsalOrdered("all", "restore", ("one",), (1,), "chi", story.now),
    )
    run(story)
    verdict = story.judge("functions")
    assert (verdict.standing, len(verdict.proofs)) == ("unproven", 1)
    assert "no workaround is rehearsed for" in verdict.reason


@pytest.mark.parametrize("part", ["one", "two"])
def test_a_part_is_not_the_whole(part: str) -> None:
    """A rehearsal of one datastore shows no order of two."""
    story = Story(rules(edit=two_functions)).adopt()
    datastore = {"one": DATASTORE, "two": SUPPORT}[part]
    story.tell(
        DrillOrdered(part, datastore, 2, None, "chi", story.now),
        RehearsalOrdered("half", "restore", (part,), (1,), "chi", story.now),
    )
    run(story)
    assert story.judge("functions").standing == "unproven"
