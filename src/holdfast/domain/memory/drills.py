"""What is remembered of drills: the order, what was measured, and the judgement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.drill import DrillFinished, DrillMeasured, DrillOrdered

DrillEvent: TypeAlias = DrillOrdered | DrillMeasured | DrillFinished


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill; each part with the ledger index that carries it."""

    ordered: DrillOrdered
    ordered_index: int
    measured: DrillMeasured | None = None
    measured_index: int | None = None
    finished: DrillFinished | None = None
    finished_index: int | None = None


Drills = Map[str, Drill]


def remember(drills: Drills, event: DrillEvent, index: int) -> Drills:
    """Return the drills with the event folded in; unknown ones are left alone."""
    if isinstance(event, DrillOrdered):
        return drills.set(event.drill, Drill(event, index))
    drill = drills.get(event.drill)
    if drill is None:
        return drills
    match event:
        case DrillMeasured():
            changed = replace(drill, measured=event, measured_index=index)
        case DrillFinished():
            changed = replace(drill, finished=event, finished_index=index)
    return drills.set(event.drill, changed)
