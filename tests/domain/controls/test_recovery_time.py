"""Critical services come back within the recovery time, as measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.domain.controls.test_drills import drill, two_datastores
from tests.domain.story import (
    DATASTORE,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    SERVICE,
    T0,
    Story,
    confirmed,
    rules,
)
from tests.domain.test_lifecycle import two_services

from holdfast.domain.controls.recovery_time import figure, recovery_time
from holdfast.domain.events.incident import DisasterDeclared
from holdfast.domain.lifecycle import recovery_due

DECLARED = T0 + 5 * MINUTE


def declare(story: Story) -> Story:
    """Declare a disaster now."""
    due = recovery_due(story.situation, story.incident.failing, story.now)
    return story.tell(
        DisasterDeclared(
            story.incident.id, "chi", automatic=False, at=story.now, due_at=due
        )
    )


def restore(story: Story, at: datetime, *services: str) -> Story:
    """Let the services be green from a moment on, for long enough."""
    story.at(at)
    for service in services or (SERVICE,):
        story.turn(True, service=service)
    story.after(15 * MINUTE).conclude()
    return story


def test_nothing_measured_proves_nothing() -> None:
    """Without a recovery or a drill it is unproven."""
    assert Story().judge("recovery_time").standing == "unproven"
    assert Story().owes("recovery_time") == {}


def test_without_an_objective_it_is_unproven() -> None:
    """A policy without a recovery time has nothing to meet."""
    story = drill(Story(rules(cut="Recovery time (RTO)")))
    assert story.judge("recovery_time").standing == "unproven"


def test_without_a_critical_service_it_is_unproven() -> None:
    """Where nothing critical faces customers there is nothing to prove it by."""

    def inward(catalogue: dict[str, Any]) -> None:
        catalogue["services"][0]["customer_facing"] = False

    assert drill(Story(rules(edit=inward))).judge("recovery_time").standing == (
        "unproven"
    )


def test_a_drill_measures_it_for_half_a_year() -> None:
    """A passed drill meets the objective until it is too old; a failed one breaches."""
    story = drill(Story())
    verdict = story.judge("recovery_time")
    assert (verdict.standing, verdict.next_due_at) == ("met", T0 + 184 * DAY)
    assert story.after(184 * DAY).judge("recovery_time").standing == "met"
    assert story.after(SECOND).judge("recovery_time").standing == "stale"
    assert drill(story, passed=False).judge("recovery_time").standing == "breached"


@pytest.mark.parametrize(
    ("taken", "standing"), [(4 * HOUR, "met"), (4 * HOUR + SECOND, "breached")]
)
def test_a_recovery_is_measured_to_the_second(taken: timedelta, standing: str) -> None:
    """From the declaration to green, by the clock of the policy."""
    story = restore(declare(confirmed()), DECLARED + taken)
    verdict = story.judge("recovery_time")
    assert verdict.standing == standing
    assert verdict.proofs[0].index == story.incident.services[SERVICE].index
    assert recovery_time(story.incident) == taken
    assert f"{taken.total_seconds():,.1f} s after" in verdict.reason


def test_a_weekend_costs_no_business_time() -> None:
    """Declared on Friday at 16:00 and restored on Monday at 11:00 is in time."""
    friday = datetime(2026, 7, 3, 5, 55, tzinfo=UTC)
    story = restore(declare(confirmed(friday)), datetime(2026, 7, 6, 1, tzinfo=UTC))
    verdict = story.judge("recovery_time")
    assert verdict.standing == "met"
    assert "241,200.0 s after the declaration, 10,800.0 s of it" in verdict.reason


@pytest.mark.parametrize(
    ("after", "standing"),
    [
        (timedelta(0), "unproven"),
        (3 * HOUR - SECOND, "unproven"),
        (3 * HOUR, "at_risk"),
        (4 * HOUR, "at_risk"),
        (4 * HOUR + SECOND, "breached"),
    ],
)
def test_a_running_clock_is_never_met(after: timedelta, standing: str) -> None:
    """While it runs it proves nothing, is at risk from three quarters, then red."""
    story = declare(drill(confirmed())).after(after)
    assert story.judge("recovery_time").standing == standing


def test_nights_do_not_use_up_a_business_clock() -> None:
    """Declared at 16:00, at midnight only an hour of four is used."""
    evening = datetime(2026, 7, 1, 5, 55, tzinfo=UTC)
    story = declare(confirmed(evening)).after(8 * HOUR)
    assert story.judge("recovery_time").standing == "unproven"


def test_a_clock_on_the_wall_runs_through_the_night() -> None:
    """By a policy of plain hours the share used is that of the wall."""
    evening = datetime(2026, 7, 1, 8, tzinfo=UTC)
    made = rules({"critical_functions": "1"})
    story = declare(confirmed(evening, made))
    wall = story.rules.rto
    assert wall is not None
    assert wall.business
    plain = on_the_wall(confirmed(evening, made))
    declare(plain).after(2 * HOUR)
    assert plain.judge("recovery_time").standing == "unproven"
    assert plain.after(HOUR).judge("recovery_time").standing == "at_risk"
    assert plain.after(HOUR + SECOND).judge("recovery_time").standing == "breached"


def on_the_wall(story: Story) -> Story:
    """Let the policy say four hours instead of four business hours."""
    assert story.rules.rto is not None
    rto = replace(story.rules.rto, business=False)
    story.rules = replace(story.rules, rto=rto)
    return story


def test_green_before_the_declaration_measured_nothing() -> None:
    """A disaster declared after the end does not count as recovered in no time."""
    story = confirmed().turn(True).after(10 * MINUTE)
    declare(story).after(5 * MINUTE).conclude()
    assert not story.state.running
    assert recovery_time(story.incident) is None
    assert story.judge("recovery_time").standing == "unproven"
    (duty,) = story.owes("recovery_time").values()
    assert duty.done_at == DECLARED
    assert not duty.late


def test_every_critical_service_and_datastore_is_measured() -> None:
    """A drill of one datastore does not stand for the service's other one."""
    story = drill(Story(rules(edit=two_datastores)))
    assert story.judge("recovery_time").standing == "unproven"
    drill(story, datastore="files")
    assert story.judge("recovery_time").standing == "met"
    drill(story.after(DAY), passed=False)
    drill(story.after(DAY), datastore="files")
    assert story.judge("recovery_time").standing == "breached"
    assert DATASTORE in story.judge("recovery_time").reason


def test_a_slow_function_does_not_stand_for_a_critical_one() -> None:
    """A service of function 4, restored in its 40 hours, proves nothing of clause 2."""
    story = Story(rules(edit=two_services)).adopt().turn(True, service="invoices")
    story.after(DAY).turn(False, service="invoices").after(5 * MINUTE).conclude()
    declare(story)
    restore(story, story.now + 3 * DAY, "invoices")
    (duty,) = story.owes("recovery_time").values()
    assert not duty.late
    assert story.judge("recovery_time").standing == "unproven"


def test_a_critical_service_that_joins_has_its_own_four_hours() -> None:
    """Joining a disaster of a slow function, it is not given forty."""
    story = Story(rules(edit=two_services)).adopt().turn(True)
    story.at(T0 + DAY).turn(False, service="invoices").after(5 * MINUTE).conclude()
    declare(story).after(10 * MINUTE).turn(False)
    joined = story.now
    story.after(5 * MINUTE).conclude()
    (duty,) = story.owes("recovery_time").values()
    assert duty.due_at == joined + 4 * HOUR
    assert duty.what == f"restore {SERVICE}"
    late = story.at(joined + 4 * HOUR + SECOND)
    assert late.judge("recovery_time").standing == "breached"


def test_one_that_joins_a_critical_disaster_later_does_not_delay_it() -> None:
    """The recorded deadline stands, whatever joins."""
    story = declare(confirmed(made=rules(edit=two_services)))
    story.turn(False, service="invoices").after(5 * MINUTE).conclude()
    (duty,) = story.owes("recovery_time").values()
    assert duty.due_at == DECLARED + 4 * HOUR
    restore(story, DECLARED + HOUR)
    (duty,) = story.owes("recovery_time").values()
    assert duty.done_at == DECLARED + HOUR
    assert story.judge("recovery_time").standing == "met"


def test_without_a_due_time_a_running_disaster_is_at_risk() -> None:
    """Where no deadline was recorded nothing can be in time."""
    story = confirmed()
    story.tell(
        DisasterDeclared(
            story.incident.id, "chi", automatic=False, at=story.now, due_at=None
        )
    )
    assert story.judge("recovery_time").standing == "at_risk"


def test_the_worst_of_several_clocks_decides() -> None:
    """Of two running disasters the overdue one is shown."""
    story = declare(confirmed()).after(5 * HOUR)
    name = "inc-second"
    opened = story.incident.opened
    story.tell(replace(opened, incident=name, began_at=story.now))
    declare(story)
    assert story.judge("recovery_time").standing == "breached"


def test_unapproved_defaults_are_unbound() -> None:
    """Neither calendar nor period of drills may be a bare default."""
    for question in ("business_calendar", "drill_every"):
        story = drill(Story(rules(unapproved=(question,))))
        assert story.judge("recovery_time").standing == "unbound"


def test_the_figure_that_binds_is_the_shortest() -> None:
    """Services together are bound by the most critical of them."""
    story = Story(rules(edit=two_services))
    both = figure(story.situation, ["invoices", SERVICE])
    alone = figure(story.situation, ["invoices"])
    assert both is not None
    assert alone is not None
    assert (both.length, alone.length) == (4 * HOUR, 40 * HOUR)
