"""What is remembered of incidents in which nobody vouched for the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.events.unwitnessed import WitnessingLapsed, WitnessingResumed

PREFIX = "unwitnessed-"
LapseEvent: TypeAlias = WitnessingLapsed | WitnessingResumed | IncidentAcknowledged


@dataclass(frozen=True, slots=True)
class Lapse:
    """One incident: what lapsed, and the ``indices`` of the entries that made it."""

    id: str
    found: tuple[WitnessingLapsed, ...] = ()
    indices: tuple[int, ...] = ()
    acknowledged: IncidentAcknowledged | None = None
    acknowledged_index: int | None = None
    resolved: WitnessingResumed | None = None

    @property
    def opened(self) -> WitnessingLapsed:
        """Return what opened it."""
        return self.found[0]


@dataclass(frozen=True, slots=True)
class Lapses:
    """Every incident so far, and the one that is running."""

    all: Map[str, Lapse] = Map()
    running: str | None = None


def remember(known: Lapses, event: LapseEvent, index: int) -> Lapses:
    """Return what is known with the event folded in."""
    one = known.all.get(event.incident)
    match event:
        case WitnessingLapsed():
            one = one or Lapse(event.incident)
            one = replace(one, found=(*one.found, event))
            known = replace(known, running=event.incident)
        case IncidentAcknowledged() if one is not None and one.acknowledged is None:
            one = replace(one, acknowledged=event, acknowledged_index=index)
        case WitnessingResumed() if one is not None and one.resolved is None:
            one = replace(one, resolved=event)
            if known.running == one.id:
                known = replace(known, running=None)
        case _:
            return known
    one = replace(one, indices=(*one.indices, index))
    return replace(known, all=known.all.set(one.id, one))
