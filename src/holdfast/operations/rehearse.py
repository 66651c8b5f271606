"""What people do to rehearse: order a drill, beside production and without harm to it.

The order is recorded first; the node carries it out. Production gains nothing but the
recorder's rows. Where the operator gave a window, the schedule orders in it what is due
soon: nobody has to be asked for what harms nobody.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from holdfast.domain import recovering, rehearsing
from holdfast.domain.controls import drills
from holdfast.domain.controls.judging import Situation
from holdfast.domain.drill_window import DrillWindow
from holdfast.domain.events.drill import (
    DrillOrdered,
    RehearsalOrdered,
    Sabotage,
    Scenario,
)
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require
from holdfast.operations.log import Log
from holdfast.operations.ports.store import MovedOnError
from holdfast.operations.respond import Desk, at_its_size

SCHEDULE = "holdfast"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be rehearsed, and how.

    Without ``datastores``: all of the critical functions, in the order of their ranks.
    Without ``repository``: from off-site.
    """

    datastores: tuple[str, ...] = ()
    repository: int | None = None
    sabotage: Sabotage | None = None
    scenario: Scenario = "restore"


def order_drill(
    desk: Desk,
    datastore: str,
    *,
    repository: int | None = None,
    sabotage: Sabotage | None = None,
    scenario: Scenario = "restore",
) -> DrillOrdered:
    """Order a drill of the datastore, from off-site unless a repository is named.

    Raises `HoldfastError` while another drill or a recovery of it is under way: one
    fence per target, and the real thing comes first.
    """
    wanted = Wanted((datastore,), repository, sabotage, scenario)
    return order_rehearsal(desk, wanted)[0]


def order_rehearsal(desk: Desk, wanted: Wanted) -> tuple[DrillOrdered, ...]:
    """Order the drills of one disaster, all at one moment; they begin in their order.

    Raises `HoldfastError` as `order_drill` does, and then orders none.
    """
    return at_its_size(lambda: _order(desk, wanted))


def order_due(log: Log, situation: Situation, window: DrillWindow) -> bool:
    """Order, inside the window, the drills that are due soon; say whether any was.

    What cannot be rehearsed now (another drill, a recovery, no backup seen) waits for
    the next beat; when it is overdue, the control is red.
    """
    if not window.is_open(situation.now):
        return False
    ready = [d.id for d in drills.due_soon(situation) if _may_begin(situation, d.id)]
    if not ready:
        return False
    facts = _facts(situation, Wanted(tuple(ready)), SCHEDULE)
    with suppress(MovedOnError):
        log.record(facts, expected_size=situation.state.size)
        return True
    return False


def _order(desk: Desk, wanted: Wanted) -> tuple[DrillOrdered, ...]:
    situation = desk.situation()
    require(situation.rules, desk.person, "order_drill")
    single = len(wanted.datastores) == 1
    if not wanted.datastores:
        wanted = replace(wanted, datastores=_critical(situation, wanted))
    for datastore in wanted.datastores:
        _require_declared(situation, datastore)
        _require_free(situation, datastore)
    facts = _facts(situation, wanted, desk.person)
    if single and wanted.scenario == "restore":
        facts = [fact for fact in facts if isinstance(fact.event, DrillOrdered)]
    desk.log.record(facts, expected_size=situation.state.size)
    return tuple(f.event for f in facts if isinstance(f.event, DrillOrdered))


def _facts(situation: Situation, wanted: Wanted, by: str) -> list[Fact]:
    now = situation.now
    ranked = sorted((rehearsing.rank(situation, d), d) for d in wanted.datastores)
    ordered = [
        DrillOrdered(
            drill=f"drill-{datastore}-{now:%Y%m%dT%H%M%S}",
            datastore=datastore,
            repository=wanted.repository or _off_site(situation, datastore),
            sabotage=wanted.sabotage,
            by=by,
            at=now,
        )
        for _, datastore in ranked
    ]
    rehearsal = RehearsalOrdered(
        rehearsal=f"rehearsal-{now:%Y%m%dT%H%M%S}-{ordered[0].datastore}",
        scenario=wanted.scenario,
        drills=tuple(each.drill for each in ordered),
        ranks=tuple(rank for rank, _ in ranked),
        by=by,
        at=now,
    )
    actor = by if by == SCHEDULE else f"person:{by}"
    events: tuple[DrillOrdered | RehearsalOrdered, ...] = (*ordered, rehearsal)
    return [Fact(event, now, actor=actor) for event in events]


def _critical(situation: Situation, wanted: Wanted) -> tuple[str, ...]:
    if wanted.sabotage is not None or wanted.repository is not None:
        raise HoldfastError(
            "a sabotage or a repository belongs to one datastore",
            "Name the datastore to rehearse.",
        )
    found = tuple(datastore.id for datastore in drills.covered(situation))
    if not found:
        raise HoldfastError(
            "the catalogue names no datastore of a critical function",
            "Name the datastore to rehearse, or declare what the services stand on.",
        )
    return found


def _may_begin(situation: Situation, datastore: str) -> bool:
    try:
        _require_free(situation, datastore)
        _off_site(situation, datastore)
    except HoldfastError:
        return False
    return True


def _require_declared(situation: Situation, datastore: str) -> None:
    known = {d.id for d in situation.rules.catalogue.datastores}
    if datastore not in known:
        raise HoldfastError(
            f"no datastore {datastore} is declared",
            f"Declared are: {', '.join(sorted(known)) or 'none'}.",
        )


def _require_free(situation: Situation, datastore: str) -> None:
    for drill in rehearsing.under_way(situation):
        if drill.ordered.datastore == datastore:
            raise HoldfastError(
                f"{drill.ordered.drill} is still under way",
                f"Wait for its end: holdfast drill show {drill.ordered.drill}.",
            )
    for recovery in situation.state.recoveries.values():
        if recovery.ordered.datastore != datastore:
            continue
        if recovering.step(situation, recovery) not in recovering.OVER:
            raise HoldfastError(
                f"{recovery.ordered.recovery} is under way, and comes first",
                "Run the drill when the recovery is over.",
            )


def _off_site(situation: Situation, datastore: str) -> int:
    """Return the repository with the newest off-site backup that was seen."""
    known = situation.state.datastores.get(datastore)
    away = [s.backup for s in (known.backups if known else ()) if s.backup.off_site]
    if not away:
        raise HoldfastError(
            f"no off-site backup of {datastore} has been seen",
            "Name a repository with --repository, or take a backup first.",
        )
    return away[-1].repository
