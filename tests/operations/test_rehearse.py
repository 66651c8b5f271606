"""Drills from the order to the judgement, as a node carries them out."""

from __future__ import annotations

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
)

from holdfast.domain.events.drill import DrillFinished, DrillMeasured, DrillOrdered
from holdfast.engines.scripted import Script
from holdfast.errors import HoldfastError
from holdfast.evidence.drills import drill_views
from holdfast.operations.authority import ForbiddenError
from holdfast.operations.ports.engine import Job
from holdfast.operations.ports.store import MovedOnError
from holdfast.operations.rehearse import order_drill
from holdfast.operations.respond import Desk, order_recovery


def protected(script: Script | None = None) -> Company:
    """Return a company with a backup that was seen."""
    made = company(script=script)
    made.engine.start(Job("first", DATASTORE, "backup"))
    made.clock.advance(timedelta(minutes=5))
    made.beat(times=2)
    return made


def desk(made: Company, person: str = RESPONDER) -> Desk:
    """Return a person's desk."""
    return Desk(made.world.log, made.clock, person)


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
    assert len(view.indices) == 6


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
