"""Recovery is rehearsed twice a year, and a failed drill stays red."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.domain.story import DATASTORE, DAY, SECOND, T0, Story, rules

from holdfast.domain.events.drill import DrillFinished, Sabotage

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
