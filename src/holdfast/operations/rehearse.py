"""What people do to rehearse: order a drill, beside production and without harm to it.

The order is recorded first; the node carries it out. Nothing is written to production.
"""

from __future__ import annotations

from contextlib import suppress

from holdfast.domain import recovering, rehearsing
from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.drill import DrillOrdered, Sabotage
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require
from holdfast.operations.ports.store import MovedOnError
from holdfast.operations.respond import Desk

TRIES = 20
UNDER_WAY = frozenset(
    {"preflight", "restore", "restoring", "verify", "failover", "failing_over"}
)


def order_drill(
    desk: Desk,
    datastore: str,
    *,
    repository: int | None = None,
    sabotage: Sabotage | None = None,
) -> DrillOrdered:
    """Order a drill of the datastore, from off-site unless a repository is named.

    Raises `HoldfastError` while another drill or a recovery of it is under way: one
    fence per target, and the real thing comes first.
    """
    for _ in range(TRIES):
        with suppress(MovedOnError):
            return _order(desk, datastore, repository, sabotage)
    raise HoldfastError(
        "the log is written to so fast that the order found no place",
        "Order the drill again.",
    )


def _order(
    desk: Desk, datastore: str, repository: int | None, sabotage: Sabotage | None
) -> DrillOrdered:
    situation = desk.situation()
    require(situation.rules, desk.person, "order_drill")
    _require_declared(situation, datastore)
    _require_free(situation, datastore)
    if repository is None:
        repository = _off_site(situation, datastore)
    now = situation.now
    ordered = DrillOrdered(
        drill=f"drill-{datastore}-{now:%Y%m%dT%H%M%S}",
        datastore=datastore,
        repository=repository,
        sabotage=sabotage,
        by=desk.person,
        at=now,
    )
    fact = Fact(ordered, now, actor=f"person:{desk.person}")
    # At the size that was looked at: of two who order at once, one is refused.
    desk.log.record([fact], expected_size=situation.state.size)
    return ordered


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
        if recovering.step(situation, recovery) in UNDER_WAY:
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
