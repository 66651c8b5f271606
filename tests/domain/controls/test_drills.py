"""Recovery is rehearsed twice a year, and a failed drill stays red."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.domain.story import DATASTORE, DAY, MINUTE, SECOND, T0, Story, rules

from holdfast.domain.controls import drills
from holdfast.domain.controls.judging import Duty
from holdfast.domain.events.drill import DrillFinished, DrillOrdered, Sabotage
from holdfast.domain.events.job import JobFinished, JobRequested

HALF_YEAR = 184 * DAY


def drill(
    story: Story,
    *,
    passed: bool = True,
    loss: timedelta | None = 30 * SECOND,
    datastore: str = DATASTORE,
    sabotage: Sabotage | None = None,
) -> Story:
    """Finish a drill now."""
    return story.tell(
        DrillFinished(
            drill=f"drill-{len(story.told)}",
            datastore=datastore,
            sabotage=sabotage,
            started_at=story.now,
            recovery_time_us=600_000_000,
            business_time_us=600_000_000,
            from_fault_us=590_000_000,
            data_loss_us=None if loss is None else loss // timedelta(microseconds=1),
            commits_lost=3,
            passed=passed,
            detail="10 minutes",
            findings=() if passed else ("it went wrong",),
            evidence="sha256:00",
            at=story.now,
        )
    )


def test_no_drill_is_unproven_then_overdue() -> None:
    """The first drill is due half a year after the adoption; then it is breached."""
    story = Story().adopt().after(HALF_YEAR)
    assert story.judge("drills").standing == "unproven"
    verdict = story.after(SECOND).judge("drills")
    assert (verdict.standing, verdict.next_due_at) == ("breached", T0 + HALF_YEAR)
    (duty,) = story.owes("drills").values()
    assert duty.overdue(story.now)


def test_a_new_version_of_the_policy_postpones_nothing() -> None:
    """Re-adopting the policy does not move the first drill."""
    story = Story().adopt().after(100 * DAY).adopt()
    (duty,) = story.owes("drills").values()
    assert duty.due_at == T0 + HALF_YEAR


def test_a_datastore_that_came_later_has_its_own_half_year() -> None:
    """The first drill is due from when the datastore was first seen."""
    story = Story().adopt().after(100 * DAY).look()
    (duty,) = story.owes("drills").values()
    assert duty.due_at == story.now + HALF_YEAR


def test_a_passed_drill_is_met_for_half_a_year() -> None:
    """Met until 184 days later, then breached, to the second."""
    story = drill(Story().adopt())
    verdict = story.judge("drills")
    assert (verdict.standing, verdict.next_due_at) == ("met", T0 + HALF_YEAR)
    assert story.after(HALF_YEAR).judge("drills").standing == "met"
    verdict = story.after(SECOND).judge("drills")
    assert (verdict.standing, len(verdict.proofs)) == ("breached", 1)


def test_a_failed_drill_stays_red_until_a_retest_passes() -> None:
    """Time does not heal a failed drill, and it moves no due date."""
    story = drill(drill(Story().adopt()).after(DAY), passed=False)
    assert story.judge("drills").standing == "breached"
    (duty,) = story.owes("drills").values()
    assert duty.due_at == T0 + HALF_YEAR
    assert story.after(30 * DAY).judge("drills").standing == "breached"
    assert drill(story).judge("drills").standing == "met"


def two_datastores(catalogue: dict[str, Any]) -> None:
    """Let the platform stand on two datastores, and finance on a third."""
    first = catalogue["datastores"][0]
    for name in ("files", "ledger"):
        catalogue["datastores"].append(dict(first, id=name, name=name))
    catalogue["services"][0]["datastores"] = [DATASTORE, "files"]
    catalogue["services"].append(
        dict(
            catalogue["services"][0],
            id="pay",
            function="finance",
            datastores=["ledger"],
        )
    )


def test_every_datastore_of_the_critical_functions_counts() -> None:
    """One rehearsed datastore does not stand for another; others are not asked of."""
    story = drill(Story(rules(edit=two_datastores)).adopt())
    assert story.judge("drills").standing == "unproven"
    assert {d.what for d in story.owes("drills").values()} == {
        "rehearse the recovery of orders",
        "rehearse the recovery of files",
    }
    assert drill(story, datastore="files").judge("drills").standing == "met"


def test_no_critical_datastore() -> None:
    """Where no critical function stands on a datastore nothing is proved."""

    def none(catalogue: dict[str, Any]) -> None:
        catalogue["services"][0]["datastores"] = []

    assert Story(rules(edit=none)).judge("drills").standing == "unproven"


def test_defaults_that_nobody_approved() -> None:
    """Neither the period nor the choice of functions may rest on a bare default."""
    for question in ("drill_every", "critical_functions"):
        story = drill(Story(rules(unapproved=(question,))).adopt())
        assert story.judge("drills").standing == "unbound"


def ordered(story: Story, name: str = "drill-1", by: str = "chi") -> Story:
    """Order a drill now, and finish it well a minute later."""
    story.tell(DrillOrdered(name, DATASTORE, 2, None, by, story.now)).after(MINUTE)
    finished = drill(Story(story.rules, story.now)).told[-1]
    assert isinstance(finished, DrillFinished)
    return story.tell(replace(finished, drill=name, at=story.now))


def backup_after(story: Story) -> Duty | None:
    """Return what is owed as a backup after the drill."""
    found = [d for key, d in story.owes("drills").items() if "backup-after" in key]
    return found[0] if found else None


def test_after_a_drill_a_fresh_backup_is_asked_for_once() -> None:
    """To the repository that was rehearsed from; one that is seen later settles it."""
    story = ordered(Story().adopt().look().backup(2).backup(1).after(MINUTE)).look()
    duty = backup_after(story)
    assert duty is not None
    [request] = duty.conclusions
    assert isinstance(request, JobRequested)
    assert (request.verb, request.repository) == ("backup", 2)
    story.tell(request)
    waiting = backup_after(story)
    assert waiting is not None
    assert waiting.conclusions == ()
    # An older backup that is only seen now is no fresh one.
    story.backup(2, finished_at=story.now)
    assert backup_after(story) is not None
    story.after(5 * MINUTE).backup(1)
    assert backup_after(story) is not None
    story.backup(2)
    assert backup_after(story) is None


def test_a_backup_just_before_the_drill_does_not_put_it_off() -> None:
    """However lately the daily one ended, what was rehearsed from is older now."""
    story = Story().adopt().look().backup(2).backup(1)
    story.tell(
        JobRequested("daily", DATASTORE, "backup", 2, None, None, story.now),
        JobFinished("daily", True, "", "sha256:00", story.now),
    )
    duty = backup_after(ordered(story).look())
    assert duty is not None
    assert len(duty.conclusions) == 1


def test_a_backup_under_way_is_not_crossed() -> None:
    """While the daily backup is asked for or runs, the one after the drill waits."""
    story = ordered(Story().adopt().look().backup(2).backup(1).after(2 * DAY)).look()
    duty = backup_after(story)
    assert duty is not None
    assert duty.conclusions == ()


def test_what_was_broken_on_purpose_owes_no_backup() -> None:
    """A sabotage used a copy."""
    story = Story().adopt().look().backup(2).after(MINUTE)
    assert backup_after(drill(story, sabotage="no-space").look()) is None


def test_a_drill_is_due_soon_in_the_last_four_weeks() -> None:
    """Shown and offered to the schedule from 28 days before it is due."""
    story = ordered(Story().adopt())
    passed_at = story.now
    assert drills.due_soon(story.situation) == ()
    story.at(passed_at + HALF_YEAR - 28 * DAY - SECOND)
    assert drills.due_soon(story.situation) == ()
    story.after(SECOND)
    [soon] = drills.due_soon(story.situation)
    assert soon.id == DATASTORE
    assert "due in 28 days" in story.judge("drills").reason


def test_what_was_tried_is_not_tried_again_by_itself() -> None:
    """A drill that failed waits for somebody who looks; a sabotage is no try."""
    story = ordered(Story().adopt()).after(HALF_YEAR - DAY)
    story.tell(DrillOrdered("x", DATASTORE, 2, "wrong-key", "chi", story.now))
    assert len(drills.due_soon(story.situation)) == 1
    story.tell(DrillOrdered("y", DATASTORE, 2, None, "holdfast", story.now))
    assert drills.due_soon(story.situation) == ()
