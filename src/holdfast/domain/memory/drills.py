"""What is remembered of drills: the order, what was measured, and the judgement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.authority import OrderCancelled
from holdfast.domain.events.drill import (
    DrillFinished,
    DrillMeasured,
    DrillOrdered,
    DrillTraced,
    RehearsalOrdered,
)

DrillEvent: TypeAlias = (
    DrillOrdered | DrillMeasured | DrillTraced | DrillFinished | OrderCancelled
)


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill; each part with the ledger index that carries it.

    ``rehearsal`` is the one that it is part of, ``rank`` its place in the order there.
    """

    ordered: DrillOrdered
    ordered_index: int
    measured: DrillMeasured | None = None
    measured_index: int | None = None
    finished: DrillFinished | None = None
    finished_index: int | None = None
    traced: DrillTraced | None = None
    traced_index: int | None = None
    rehearsal: str | None = None
    rank: int = 1
    cancelled: OrderCancelled | None = None

    @property
    def over(self) -> bool:
        """Say whether nothing of it is to come: judged, or cancelled."""
        return self.finished is not None or self.cancelled is not None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One rehearsal of a disaster, with the ledger index that carries its order."""

    ordered: RehearsalOrdered
    ordered_index: int


Drills = Map[str, Drill]
Rehearsals = Map[str, Rehearsal]


def remember(drills: Drills, event: DrillEvent, index: int) -> Drills:
    """Return the drills with the event folded in; unknown ones are left alone."""
    if isinstance(event, DrillOrdered):
        return drills.set(event.drill, Drill(event, index))
    name = event.order if isinstance(event, OrderCancelled) else event.drill
    drill = drills.get(name)
    if drill is None:
        return drills
    match event:
        case OrderCancelled():
            changed = replace(drill, cancelled=event)
        case DrillMeasured():
            changed = replace(drill, measured=event, measured_index=index)
        case DrillTraced():
            changed = replace(drill, traced=event, traced_index=index)
        case DrillFinished():
            changed = replace(drill, finished=event, finished_index=index)
    return drills.set(name, changed)


def join(drills: Drills, ordered: RehearsalOrdered) -> Drills:
    """Return the drills with those of the rehearsal placed in it.

    Ranks and drills go together as far as they do: what is recorded is folded, and an
    entry that nobody of ours wrote must not stop every node for ever.
    """
    for name, rank in zip(ordered.drills, ordered.ranks, strict=False):
        drill = drills.get(name)
        if drill is not None:
            placed = replace(drill, rehearsal=ordered.rehearsal, rank=rank)
            drills = drills.set(name, placed)
    return drills
