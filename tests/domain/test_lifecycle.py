"""An incident's life: confirmed, dated back, declared, restored, resolved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.domain.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    SERVICE,
    T0,
    VANTAGES,
    Story,
    confirmed,
    outage,
    rules,
)

from holdfast.domain.events.governance import NodeStarted
from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentOpened,
    IncidentResolved,
    PreflightChecked,
    RecoveryVerified,
    ServiceFailed,
    ServiceRestored,
)
from holdfast.domain.events.kinds import Event
from holdfast.domain.lifecycle import recovery_due


def of(kind: type[Event], events: list[Event]) -> list[Any]:
    """Return the events of a kind."""
    return [event for event in events if isinstance(event, kind)]


def two_services(catalogue: dict[str, Any]) -> None:
    """Declare a second service of the fourth function, which customers use too."""
    catalogue["services"].append(
        {
            "id": "invoices",
            "name": "Invoices",
            "function": "finance",
            "customer_facing": True,
            "datastores": [],
            "probe": dict(catalogue["services"][0]["probe"]),
        }
    )


def points(*names: str) -> Any:
    """Declare other vantage points."""

    def edit(catalogue: dict[str, Any]) -> None:
        catalogue["vantage_points"] = [{"id": n, "region": n} for n in names]

    return edit


ONE_POINT = points("melbourne")
FOUR_POINTS = points("melbourne", "singapore", "frankfurt", "dublin")


def test_a_disruption_is_confirmed_after_its_time() -> None:
    """Red from enough places is an incident after five minutes, not a second before."""
    story = outage().after(5 * MINUTE - SECOND)
    assert story.conclude() == []
    story.after(SECOND)
    (opened,) = of(IncidentOpened, story.conclude())
    assert opened.began_at == T0
    assert opened.detected_at == T0 + 5 * MINUTE
    assert opened.vantages == VANTAGES
    assert opened.reason == "red from 3 of 3 vantage points"
    assert opened.incident == f"inc-20260701T000000-{SERVICE}"


def test_one_place_alone_confirms_nothing() -> None:
    """One red vantage point of three is that place's own trouble."""
    story = Story().turn(True).turn(False, "melbourne").after(HOUR)
    assert story.conclude() == []
    story.turn(False, "frankfurt").after(5 * MINUTE)
    (opened,) = of(IncidentOpened, story.conclude())
    assert opened.began_at == T0 + HOUR


def test_the_outage_is_dated_back_to_its_first_failure() -> None:
    """Confirmation runs from the second red place, the outage from the first."""
    story = Story().turn(True).turn(False, "melbourne")
    story.after(2 * MINUTE).turn(False, "frankfurt").after(5 * MINUTE - SECOND)
    assert story.conclude() == []
    story.after(SECOND)
    (opened,) = of(IncidentOpened, story.conclude())
    assert (opened.began_at, opened.detected_at) == (T0, T0 + 7 * MINUTE)
    assert opened.vantages == ("melbourne", "frankfurt")


def test_one_declared_place_is_enough_where_there_is_no_other() -> None:
    """A company with one vantage point is alerted and told of the end all the same."""
    story = Story(rules(edit=ONE_POINT)).turn(True, "melbourne").after(HOUR)
    story.turn(False, "melbourne").after(5 * MINUTE)
    assert len(of(IncidentOpened, story.conclude())) == 1
    story.after(MINUTE).turn(True, "melbourne").after(15 * MINUTE)
    (restored,) = of(ServiceRestored, story.conclude())
    assert restored.green_since == T0 + HOUR + 6 * MINUTE


def test_nobody_looking_concludes_nothing() -> None:
    """Without a declared vantage point nothing is confirmed, and nothing breaks."""
    made = rules()
    blind = replace(made, catalogue=replace(made.catalogue, vantage_points=()))
    story = Story(blind).turn(False).after(HOUR)
    assert story.conclude() == []


def test_a_second_service_joins() -> None:
    """A service that fails meanwhile joins the incident, once."""
    story = confirmed(made=rules(edit=two_services))
    story.turn(False, service="invoices").after(5 * MINUTE)
    (failed,) = of(ServiceFailed, story.conclude())
    assert (failed.service, failed.began_at) == ("invoices", T0 + 5 * MINUTE)
    assert story.incident.failing == ("invoices", SERVICE)
    assert len(story.state.incidents) == 1
    assert of(ServiceFailed, story.after(HOUR).conclude()) == []


def test_restored_means_green_for_its_time_from_enough_places() -> None:
    """Two places green for fifteen minutes restore the service, dated from the first
    green moment that they share.
    """
    story = confirmed().after(25 * MINUTE).turn(True, "melbourne")
    story.after(HOUR)
    assert of(ServiceRestored, story.conclude()) == []
    story.turn(True, "frankfurt").after(15 * MINUTE - SECOND)
    assert of(ServiceRestored, story.conclude()) == []
    found = story.after(SECOND).conclude()
    (restored,) = of(ServiceRestored, found)
    assert restored.green_since == T0 + 90 * MINUTE
    assert len(of(IncidentResolved, found)) == 1
    assert not story.state.running


def test_a_relapse_begins_the_wait_anew() -> None:
    """Green that does not last is no restoration."""
    story = confirmed().turn(True).after(14 * MINUTE).turn(False)
    assert of(ServiceRestored, story.after(30 * MINUTE).conclude()) == []
    story.turn(True).after(15 * MINUTE)
    (restored,) = of(ServiceRestored, story.conclude())
    assert restored.green_since == T0 + 49 * MINUTE


def test_places_that_never_saw_it_do_not_hold_up_the_end() -> None:
    """With two of four places always green, the end comes when it is red for one."""
    story = Story(rules(edit=FOUR_POINTS))
    story.turn(True, "melbourne", "singapore", "frankfurt", "dublin").after(DAY)
    story.turn(False, "melbourne", "singapore").after(5 * MINUTE)
    assert len(of(IncidentOpened, story.conclude())) == 1
    assert of(ServiceRestored, story.after(HOUR).conclude()) == []
    story.turn(True, "melbourne").after(15 * MINUTE)
    (restored,) = of(ServiceRestored, story.conclude())
    assert restored.green_since == T0 + DAY + 65 * MINUTE


def test_what_is_still_down_is_not_restored_by_a_lenient_decision() -> None:
    """One green place of three does not restore what two others see down."""
    made = rules({"restored_vantage_points": "1"})
    story = confirmed(made=made).turn(True, "melbourne").after(HOUR)
    assert of(ServiceRestored, story.conclude()) == []
    story.turn(True, "frankfurt").after(15 * MINUTE)
    assert len(of(ServiceRestored, story.conclude())) == 1


def test_a_place_that_stays_red_does_not_hide_the_next_outage() -> None:
    """After a restoration that one place never saw, a new outage is a new incident."""
    story = confirmed().turn(True, "melbourne", "frankfurt").after(15 * MINUTE)
    assert len(of(IncidentResolved, story.conclude())) == 1
    again = story.after(DAY).now
    story.turn(False, "melbourne").after(5 * MINUTE)
    (opened,) = of(IncidentOpened, story.conclude())
    assert opened.began_at == again
    assert len(story.state.incidents) == 2


def test_a_relapse_within_minutes_is_a_new_incident() -> None:
    """A new outage is never dated back into one that was resolved."""
    made = rules({"restored_after_green": "1 min", "disruption_confirmed_after": "1 s"})
    story = outage(made=made).after(SECOND)
    story.conclude()
    story.at(T0 + MINUTE).turn(True, "melbourne", "frankfurt").after(MINUTE)
    assert len(of(IncidentResolved, story.conclude())) == 1
    story.after(MINUTE).turn(False, "frankfurt").after(SECOND)
    (opened,) = of(IncidentOpened, story.conclude())
    assert opened.began_at == T0 + 3 * MINUTE
    assert len(story.state.incidents) == 2


def test_failing_again_after_being_restored() -> None:
    """While another service keeps the incident open, a relapse is recorded again."""
    story = outage(made=rules(edit=two_services)).turn(False, service="invoices")
    story.after(5 * MINUTE).conclude()
    story.turn(True).after(15 * MINUTE)
    assert len(of(ServiceRestored, story.conclude())) == 1
    assert story.incident.failing == ("invoices",)
    relapse = story.after(MINUTE).now
    story.turn(False).after(5 * MINUTE)
    (failed,) = of(ServiceFailed, story.conclude())
    assert (failed.service, failed.began_at) == (SERVICE, relapse)
    story.turn(True).turn(True, service="invoices").after(15 * MINUTE)
    found = story.conclude()
    assert len(of(ServiceRestored, found)) == 2
    assert len(of(IncidentResolved, found)) == 1


def test_an_undeclared_outage_starts_the_clock() -> None:
    """After thirty minutes the recovery clock runs by itself, from that moment."""
    story = confirmed().at(T0 + 30 * MINUTE - SECOND)
    assert of(DisasterDeclared, story.conclude()) == []
    (declared,) = of(DisasterDeclared, story.after(SECOND).conclude())
    assert (declared.automatic, declared.by) == (True, "policy")
    assert declared.at == T0 + 30 * MINUTE
    assert declared.due_at == T0 + 30 * MINUTE + 4 * HOUR


def test_the_clock_starts_on_time_though_holdfast_was_down() -> None:
    """Waking hours later, the clock is dated thirty minutes after the first failure."""
    story = outage().after(9 * HOUR)
    found = story.conclude()
    (declared,) = of(DisasterDeclared, found)
    assert declared.at == T0 + 30 * MINUTE
    assert declared.due_at == T0 + 4.5 * HOUR
    (opened,) = of(IncidentOpened, found)
    assert opened.detected_at == T0 + 9 * HOUR


def test_an_outage_that_ended_before_starts_no_clock() -> None:
    """Green since minute 25, though not for certain yet, it is no disaster at 30."""
    story = confirmed().at(T0 + 25 * MINUTE).turn(True)
    assert of(DisasterDeclared, story.at(T0 + 35 * MINUTE).conclude()) == []
    found = story.at(T0 + 40 * MINUTE).conclude()
    assert len(of(ServiceRestored, found)) == 1
    assert of(DisasterDeclared, found) == []


def test_a_relapse_lets_the_clock_start_where_it_should() -> None:
    """Green that did not last never ended the outage: the clock is dated back."""
    story = confirmed().at(T0 + 25 * MINUTE).turn(True)
    story.at(T0 + 35 * MINUTE).turn(False)
    (declared,) = of(DisasterDeclared, story.conclude())
    assert declared.at == T0 + 30 * MINUTE


def test_a_declared_disaster_is_not_declared_again() -> None:
    """Where a person declared, the clock runs from their word."""
    story = confirmed()
    by_hand = DisasterDeclared(
        story.incident.id, "chi", automatic=False, at=story.now, due_at=None
    )
    story.tell(by_hand)
    assert of(DisasterDeclared, story.after(3 * HOUR).conclude()) == []
    assert story.incident.declared == by_hand


def test_after_a_restart_green_must_be_seen_anew() -> None:
    """While no node ran nobody looked: old green does not count as fifteen minutes."""
    story = confirmed().turn(True).after(MINUTE)
    story.after(3 * HOUR).tell(NodeStarted("node-1", "1", story.now))
    restart = story.now
    assert of(ServiceRestored, story.conclude()) == []
    assert of(ServiceRestored, story.after(14 * MINUTE).conclude()) == []
    (restored,) = of(ServiceRestored, story.after(MINUTE).conclude())
    assert restored.green_since == restart


def declared_by_hand() -> Story:
    """Begin a story with a disaster that no probe saw."""
    story = Story().adopt().turn(True).after(DAY)
    name = f"inc-by-hand-{SERVICE}"
    return story.tell(
        IncidentOpened(name, (SERVICE,), story.now, story.now, (), "declared by chi"),
        DisasterDeclared(name, "chi", automatic=False, at=story.now, due_at=None),
    )


def test_probes_do_not_end_a_disaster_that_they_never_saw() -> None:
    """Corrupted data behind a green page stay a disaster until they are restored."""
    story = declared_by_hand().after(2 * HOUR)
    assert of(ServiceRestored, story.conclude()) == []
    name = story.order()
    verify(story, name, ok=True)
    (restored,) = of(ServiceRestored, story.after(15 * MINUTE).conclude())
    assert restored.green_since == T0 + DAY + 2 * HOUR


def verify(story: Story, recovery: str, *, ok: bool) -> None:
    """Record the steps of a recovery up to its verification."""
    findings = () if ok else ("rows are missing",)
    story.tell(
        PreflightChecked(recovery, True, (), "sha256:00", story.now),
        RecoveryVerified(
            recovery, ok, True, 2, T0, (), findings, "sha256:00", story.now
        ),
    )


def test_a_green_journey_on_unverified_data_is_no_restoration() -> None:
    """Green counts from the verification of what was restored."""
    story = confirmed()
    name = story.order()
    story.tell(PreflightChecked(name, True, (), "sha256:00", story.now)).turn(True)
    assert of(ServiceRestored, story.after(HOUR).conclude()) == []
    verify(story, name, ok=True)
    assert of(ServiceRestored, story.after(15 * MINUTE - SECOND).conclude()) == []
    (restored,) = of(ServiceRestored, story.after(SECOND).conclude())
    assert restored.green_since == T0 + 65 * MINUTE


def test_a_failed_verification_waits_for_a_person() -> None:
    """Bad data never become a restored service; a new recovery supersedes them."""
    story = confirmed()
    verify(story, story.order(), ok=False)
    story.turn(True)
    assert of(ServiceRestored, story.after(DAY).conclude()) == []
    verify(story, story.order(2), ok=True)
    found = story.after(15 * MINUTE).conclude()
    assert len(of(ServiceRestored, found)) == 1
    assert len(of(IncidentResolved, found)) == 1


def test_a_refused_preflight_touched_nothing() -> None:
    """A recovery that could not begin holds up no end, and supersedes no other."""
    story = confirmed()
    first, second = story.order(), story.order(2)
    story.tell(PreflightChecked(second, False, (), "sha256:00", story.now)).turn(True)
    assert of(ServiceRestored, story.after(HOUR).conclude()) == []
    verify(story, first, ok=True)
    assert len(of(ServiceRestored, story.after(15 * MINUTE).conclude())) == 1


def test_an_unfinished_recovery_of_another_datastore_keeps_it_open() -> None:
    """Everything ordered must be verified before an incident is resolved."""
    story = confirmed()
    name = story.order(datastore="elsewhere")
    found = story.turn(True).after(15 * MINUTE).conclude()
    assert len(of(ServiceRestored, found)) == 1
    assert of(IncidentResolved, found) == []
    verify(story, name, ok=True)
    assert len(of(IncidentResolved, story.conclude())) == 1


@pytest.mark.parametrize(
    ("services", "hours"),
    [((SERVICE,), 4), (("invoices",), 40), (("invoices", SERVICE), 4), (("x",), 4)],
)
def test_recovery_is_due_by_the_rank_of_what_failed(
    services: tuple[str, ...], hours: int
) -> None:
    """The most critical of the services sets the time; an unknown one is critical."""
    story = Story(rules(edit=two_services))
    due = recovery_due(story.situation, services, T0)
    assert due is not None
    calendar = story.rules.calendar
    assert calendar.between(T0, due) == timedelta(hours=hours)


def support(catalogue: dict[str, Any]) -> None:
    """Let customers use a service of the second function."""
    two_services(catalogue)
    catalogue["services"][1]["function"] = "support"


def test_every_critical_customer_facing_service_has_the_time_of_clause_2() -> None:
    """Function 2 is critical too: its customer-facing service has 4 hours, not 8."""
    story = Story(rules(edit=support))
    assert recovery_due(story.situation, ("invoices",), T0) == T0 + 4 * HOUR


def test_without_an_objective_nothing_is_due() -> None:
    """A policy without a recovery time sets no deadline of its own."""
    story = Story(rules(cut="Recovery time (RTO)"))
    assert story.rules.rto is None
    assert recovery_due(story.situation, (SERVICE,), T0) is None
