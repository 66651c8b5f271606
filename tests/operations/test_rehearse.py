"""Drills from the order to the judgement, as a node carries them out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.operations.company import (
    DATASTORE,
    LEAD,
    RESPONDER,
    SUCCESS,
    Company,
    company,
    signed,
)

from holdfast.domain.controls.all import judge_all
from holdfast.domain.drill_window import parse_window
from holdfast.domain.events.drill import (
    DrillFinished,
    DrillMeasured,
    DrillOrdered,
    DrillTraced,
    RehearsalOrdered,
)
from holdfast.engines.scripted import Script
from holdfast.errors import HoldfastError
from holdfast.evidence.drills import drill_views
from holdfast.operations.authority import ForbiddenError
from holdfast.operations.ports.engine import Job
from holdfast.operations.ports.store import MovedOnError
from holdfast.operations.rehearse import Wanted, order_drill, order_rehearsal
from holdfast.operations.respond import Desk, order_recovery


def protected(script: Script | None = None) -> Company:
    """Return a company with a backup that was seen."""
    made = company(script=script)
    made.engine.start(Job("first", DATASTORE, "backup"))
    made.clock.advance(timedelta(minutes=5))
    made.beat(times=2)
    return made


def desk(made: Company, person: str = RESPONDER) -> Desk:
    """Return the desk of a person who has just signed in."""
    now = made.clock.now()
    return Desk(made.world.log, made.clock, person, signed(person, now))


def finished(made: Company) -> DrillFinished:
    """Beat until the drill is judged, and return the judgement."""
    made.beat(times=45)
    [found] = made.events(DrillFinished)
    assert isinstance(found, DrillFinished)
    return found


def test_an_ordered_drill_is_carried_out_and_judged() -> None:
    """The order, the measure and the judgement stand in the log, in that order."""
    made = protected()
    ordered = order_drill(desk(made), DATASTORE)
    assert (ordered.repository, ordered.by) == (2, RESPONDER)

    judged = finished(made)

    assert judged.passed, judged.detail
    kinds = [type(entry.event) for entry in made.entries()]
    places = [kinds.index(k) for k in (DrillOrdered, DrillMeasured, DrillFinished)]
    assert places == sorted(places)
    [measured] = made.events(DrillMeasured)
    assert isinstance(measured, DrillMeasured)
    assert len(measured.invariants) > 0
    assert made.world.store.blob(measured.evidence) is not None
    [entry] = [e for e in made.entries() if isinstance(e.event, DrillOrdered)]
    assert entry.actor == f"person:{RESPONDER}"


def test_a_drill_is_shown_with_its_entries() -> None:
    """The view has the phases of a drill, its figures and where they stand."""
    made = protected()
    order_drill(desk(made, LEAD), DATASTORE)
    phases = set()
    for _ in range(45):
        [view] = drill_views(desk(made).situation())
        phases.add(view.phase)
        made.beat()
    [view] = drill_views(desk(made).situation())
    assert phases == {"ordered", "running", "passed"}
    assert (view.commits_lost, view.data_loss) == (0, timedelta(0))
    assert view.recovery_time is not None
    assert view.recovery_time >= timedelta(minutes=15)
    assert len(view.indices) == 7
    assert [m.name for m in view.moments][:2] == ["declared", "fault"]
    assert (view.fence, view.key_from) == ("namespaces", "escrow")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(faults={"drill": "fail"}), "restore: drill failed as scripted"),
        (Script(faults={"drill": "lost"}), "its place is cleared"),
    ],
)
def test_what_goes_wrong_is_told(script: Script, reason: str) -> None:
    """A failure or a lost process ends in a failed drill with the reason."""
    made = protected(script)
    order_drill(desk(made), DATASTORE)
    judged = finished(made)
    assert not judged.passed
    assert reason in judged.detail


def test_an_invariant_that_does_not_hold_fails_it() -> None:
    """The invariants asked are those of the catalogue in force."""
    situation = desk(protected()).situation()
    [first, *_] = situation.rules.catalogue.datastore(DATASTORE).invariants
    made = protected(Script(false_invariants=frozenset({first.name})))
    order_drill(desk(made), DATASTORE)
    assert finished(made).findings == (f"verify: {first.name}: false",)


def test_a_sabotage_reaches_the_engine() -> None:
    """What the order breaks on purpose is what the engine finds."""
    made = protected()
    order_drill(desk(made), DATASTORE, sabotage="missing-wal")
    assert finished(made).findings == ("preflight: missing-wal",)


def test_one_drill_at_a_time() -> None:
    """A second order is refused until the first drill is over."""
    made = protected()
    order_drill(desk(made), DATASTORE)
    made.beat()
    with pytest.raises(HoldfastError, match="still under way"):
        order_drill(desk(made), DATASTORE)
    finished(made)
    order_drill(desk(made), DATASTORE)


def test_an_order_is_decided_anew_when_the_log_moves_on(monkeypatch) -> None:
    """What another node writes at the same moment does not turn the order away."""
    made = protected()
    record, refusals = made.world.log.record, [1, 2]

    def busy(*arguments: Any, **options: Any) -> Any:
        if refusals:
            raise MovedOnError(refusals.pop(), 9)
        return record(*arguments, **options)

    monkeypatch.setattr(made.world.log, "record", busy)
    ordered = order_drill(desk(made), DATASTORE)
    assert made.events(DrillOrdered) == [ordered]


def test_a_real_recovery_comes_first() -> None:
    """While a datastore is recovered for real, no drill of it is ordered."""
    made = protected()
    made.engine.strike(DATASTORE)
    made.turn(ok=False)
    made.beat(times=20)
    order_recovery(desk(made), DATASTORE, repository=2)
    with pytest.raises(HoldfastError, match="comes first"):
        order_drill(desk(made), DATASTORE)


def test_who_may_not_order_one_is_refused() -> None:
    """Customer success may not order a drill."""
    with pytest.raises(ForbiddenError, match="may not order drill"):
        order_drill(desk(protected(), SUCCESS), DATASTORE)


def test_an_undeclared_datastore_is_refused() -> None:
    """The refusal names those that are declared."""
    with pytest.raises(HoldfastError, match="no datastore cellar") as refused:
        order_drill(desk(protected()), "cellar")
    assert DATASTORE in refused.value.hint


def test_without_an_off_site_backup_a_repository_must_be_named() -> None:
    """Nothing is rehearsed from a place where nothing was seen, unless it is named."""
    made = company()
    with pytest.raises(HoldfastError, match="no off-site backup"):
        order_drill(desk(made), DATASTORE)
    assert order_drill(desk(made), DATASTORE, repository=1).repository == 1


def both() -> Company:
    """Return a company whose desk stands on a datastore of its own, both backed up."""
    made = company(engine_datastores=(DATASTORE, "desk-db"), edit=_with_a_desk)
    for number, datastore in enumerate((DATASTORE, "desk-db")):
        made.engine.start(Job(f"first-{number}", datastore, "backup"))
    made.clock.advance(timedelta(minutes=5))
    made.beat(times=2)
    return made


def _with_a_desk(catalogue: dict[str, Any]) -> None:
    store, service = catalogue["datastores"][0], catalogue["services"][0]
    second = next(f["id"] for f in catalogue["functions"] if f["rank"] == 2)
    catalogue["datastores"].append(dict(store, id="desk-db", name="Desk"))
    catalogue["services"].append(
        dict(service, id="desk", function=second, datastores=["desk-db"])
    )


def test_all_that_is_critical_is_rehearsed_in_its_order() -> None:
    """One order, one moment of declaration; rank 2 begins when rank 1 is over."""
    made = both()
    ordered = order_rehearsal(desk(made), Wanted(scenario="region-loss"))
    assert [each.datastore for each in ordered] == [DATASTORE, "desk-db"]
    assert len({each.at for each in ordered}) == 1
    made.beat(times=80)
    first, second = made.events(DrillFinished)
    assert isinstance(first, DrillFinished)
    assert isinstance(second, DrillFinished)
    assert (first.datastore, second.datastore) == (DATASTORE, "desk-db")
    assert (first.passed, second.passed) == (True, True)
    # The disaster was one: the second one's clock ran from the same declaration.
    assert first.started_at == second.started_at
    assert (second.recovery_time_us or 0) > 2 * (first.recovery_time_us or 0) - 60e6
    [rehearsal] = made.events(RehearsalOrdered)
    assert isinstance(rehearsal, RehearsalOrdered)
    assert rehearsal.ranks == (1, 2)
    traced = made.events(DrillTraced)
    assert {t.scenario for t in traced if isinstance(t, DrillTraced)} == {"region-loss"}


def test_one_that_is_not_free_turns_the_whole_order_away() -> None:
    """Nothing is ordered where one of them cannot be."""
    made = both()
    order_drill(desk(made), "desk-db")
    with pytest.raises(HoldfastError, match="still under way"):
        order_rehearsal(desk(made), Wanted())
    assert len(made.events(DrillOrdered)) == 1


def test_a_sabotage_of_everything_is_refused() -> None:
    """What is broken on purpose is one thing."""
    for wanted in (Wanted(sabotage="no-space"), Wanted(repository=2)):
        with pytest.raises(HoldfastError, match="belongs to one datastore"):
            order_rehearsal(desk(both()), wanted)


def test_the_schedule_orders_in_its_window() -> None:
    """What is due soon is ordered inside the window, once, and by nobody's name."""
    made = both()
    made.world = replace(made.world, drill_window=parse_window("Sat 02:00-05:00 UTC"))
    made.clock.advance(timedelta(days=184 - 20))
    while not (made.clock.now().weekday() == 5 and made.clock.now().hour == 1):
        made.clock.advance(timedelta(hours=1))
    made.beat()
    assert made.events(DrillOrdered) == []
    made.clock.advance(timedelta(hours=1))
    made.beat(times=90)
    ordered = made.events(DrillOrdered)
    assert len(ordered) == 2
    assert {o.by for o in ordered if isinstance(o, DrillOrdered)} == {"holdfast"}
    [entry, *_] = [e for e in made.entries() if isinstance(e.event, DrillOrdered)]
    assert entry.actor == "holdfast"
    assert len(made.events(DrillFinished)) == 2


def test_without_a_window_a_person_orders() -> None:
    """Overdue is red, and nothing begins by itself."""
    made = both()
    made.clock.advance(timedelta(days=185))
    made.beat()
    assert made.events(DrillOrdered) == []
    situation = desk(made).situation()
    assert judge_all(situation)["drills"].standing == "breached"
