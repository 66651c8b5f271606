"""At most an hour of transactions can be lost, and a restore has shown it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.domain.controls.test_drills import drill
from tests.domain.story import DATASTORE, DAY, HOUR, MINUTE, SECOND, T0, Story, rules

from holdfast.domain.events.incident import (
    IncidentOpened,
    RecoveryVerified,
    WritesCompared,
)


def test_nobody_looked() -> None:
    """Without a look nothing is known, and nothing is owed by itself."""
    assert Story().judge("recovery_point").standing == "unproven"
    assert Story().owes("recovery_point") == {}


def test_without_an_objective() -> None:
    """A policy without a recovery point has nothing to meet."""
    story = Story(rules(cut="Recovery point (RPO)"))
    assert story.rules.rpo is None
    assert story.judge("recovery_point").standing == "unproven"


def test_without_customer_data() -> None:
    """Datastores without customer data are not under the objective."""

    def other(catalogue: dict[str, Any]) -> None:
        catalogue["datastores"][0]["customer_data"] = False

    story = Story(rules(edit=other)).look(lag=None)
    assert story.judge("recovery_point").standing == "unproven"


def test_a_good_gauge_alone_proves_nothing() -> None:
    """The age of the newest recoverable moment is a gauge; only a restore proves."""
    verdict = Story().look().judge("recovery_point")
    assert (verdict.standing, len(verdict.proofs)) == ("unproven", 1)


def test_gauge_and_drill_meet_it() -> None:
    """A good gauge and a drill that lost little meet the objective."""
    verdict = drill(Story()).look().judge("recovery_point")
    assert verdict.standing == "met"
    assert [p.index for p in verdict.proofs] == [0, 1]
    assert verdict.next_due_at == T0 + 184 * DAY


def test_nothing_to_restore_is_breached() -> None:
    """Where no moment can be restored everything is at stake."""
    assert Story().look(lag=None).judge("recovery_point").standing == "breached"


@pytest.mark.parametrize(
    ("lag", "standing"),
    [
        (15 * MINUTE, "met"),
        (15 * MINUTE + SECOND, "at_risk"),
        (HOUR, "at_risk"),
        (HOUR + SECOND, "breached"),
    ],
)
def test_the_gauge_to_the_second(lag: timedelta, standing: str) -> None:
    """At risk from a quarter of an hour, breached from an hour."""
    assert drill(Story()).look(lag=lag).judge("recovery_point").standing == standing


def test_the_gauge_runs_on_between_looks() -> None:
    """Ten minutes after a look the newest moment is ten minutes older."""
    story = drill(Story()).look(lag=10 * MINUTE).after(6 * MINUTE)
    assert story.judge("recovery_point").standing == "at_risk"


def test_an_old_look_says_nothing_of_now() -> None:
    """A good look of an hour ago is stale; one that was bad already stays red."""
    assert drill(Story()).look().after(2 * HOUR).judge("recovery_point").standing == (
        "stale"
    )
    bad = Story().look(lag=2 * HOUR).after(2 * HOUR)
    assert bad.judge("recovery_point").standing == "breached"


def test_the_off_site_repository_alone_is_enough_for_the_gauge() -> None:
    """When only the off-site repository answers, what it can restore counts."""
    story = drill(Story()).look(repositories=(2,))
    assert story.judge("recovery_point").standing == "met"
    story.after(MINUTE).look(repositories=(), lag=None)
    assert story.judge("recovery_point").standing == "breached"


def test_a_drill_that_lost_too_much_is_breached() -> None:
    """The newest measurement decides, whatever the gauge says."""
    story = drill(drill(Story()).after(DAY), loss=HOUR + SECOND).look()
    assert story.judge("recovery_point").standing == "breached"
    assert drill(story.after(MINUTE)).judge("recovery_point").standing == "met"


def test_an_old_drill_is_stale() -> None:
    """After half a year the last measurement is too old."""
    story = drill(Story()).after(184 * DAY).look()
    assert story.judge("recovery_point").standing == "met"
    story.after(SECOND).look()
    assert story.judge("recovery_point").standing == "stale"


def test_unapproved_defaults_are_unbound() -> None:
    """Neither the gauge's limit nor the period of drills may be a bare default."""
    for question in ("recovery_point_at_risk", "drill_every"):
        story = drill(Story(rules(unapproved=(question,)))).look()
        assert story.judge("recovery_point").standing == "unbound"


def survived(newest: datetime | None, *, fault: datetime, lost: int = 1) -> Story:
    """Tell of a disaster after a good drill, and of the writes that survived it."""
    story = drill(Story()).at(fault)
    story.tell(IncidentOpened("inc", ("x",), fault, fault, (), "")).after(HOUR)
    count = WritesCompared(
        "inc", DATASTORE, 100, lost, 0, fault, newest, "sha256:00", story.now
    )
    return story.tell(count).look()


def test_counted_writes_decide() -> None:
    """What customers saw acknowledged and lost is the measure of a real restore."""
    fault = T0 + DAY
    story = survived(fault - HOUR, fault=fault)
    verdict = story.judge("recovery_point")
    assert verdict.standing == "met"
    assert verdict.proofs[0].index == 2
    story = survived(fault - HOUR - SECOND, fault=fault)
    assert story.judge("recovery_point").standing == "breached"


def test_when_no_write_survived_it_is_breached() -> None:
    """The worst loss is no missing figure: an older good drill does not hide it."""
    verdict = survived(None, fault=T0 + DAY, lost=100).judge("recovery_point")
    assert verdict.standing == "breached"
    assert "none of 100" in verdict.reason


def recovered(to: datetime | None) -> Story:
    """Tell of a verified recovery whose lost writes nobody counted."""
    fault = T0 + DAY
    story = drill(Story()).at(fault)
    story.tell(IncidentOpened("inc", ("x",), fault, fault, (), ""))
    name = story.order()
    story.after(HOUR).tell(
        RecoveryVerified(name, True, True, 2, to, (), (), "sha256:00", story.now)
    )
    return story.look()


def test_an_uncounted_recovery_close_to_the_fault_is_met() -> None:
    """Recovered to within the hour before the outage, no more can be lost."""
    assert recovered(T0 + DAY - HOUR).judge("recovery_point").standing == "met"


@pytest.mark.parametrize("to", [None, T0 + DAY - HOUR - SECOND])
def test_an_uncounted_recovery_far_back_proves_nothing(to: datetime | None) -> None:
    """Where more may be lost and nobody counted, an older drill is no proof."""
    assert recovered(to).judge("recovery_point").standing == "unproven"


def test_every_datastore_with_customer_data_counts() -> None:
    """The worst of them decides."""

    def more(catalogue: dict[str, Any]) -> None:
        first = catalogue["datastores"][0]
        catalogue["datastores"].append(dict(first, id="files", name="Files"))

    story = drill(Story(rules(edit=more))).look()
    assert story.judge("recovery_point").reason.startswith("files: nobody has looked")
