"""What is remembered of incidents in which ransomware is suspected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.events.ransomware import RansomwareSuspected, SuspicionResolved

PREFIX = "ransomware-"
SuspicionEvent: TypeAlias = (
    RansomwareSuspected | SuspicionResolved | IncidentAcknowledged
)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One incident: its signs, and the ``indices`` of the entries that made it."""

    id: str
    signs: tuple[RansomwareSuspected, ...] = ()
    indices: tuple[int, ...] = ()
    acknowledged: IncidentAcknowledged | None = None
    acknowledged_index: int | None = None
    resolved: SuspicionResolved | None = None

    @property
    def opened(self) -> RansomwareSuspected:
        """Return what opened it."""
        return self.signs[0]


@dataclass(frozen=True, slots=True)
class Suspicions:
    """Every incident, and of each datastore the running one and the newest end."""

    all: Map[str, Suspicion] = Map()
    running: Map[str, str] = Map()
    ended_at: Map[str, datetime] = Map()


def remember(known: Suspicions, event: SuspicionEvent, index: int) -> Suspicions:
    """Return what is known with the event folded in."""
    one = known.all.get(event.incident)
    match event:
        case RansomwareSuspected():
            one = one or Suspicion(event.incident)
            one = replace(one, signs=(*one.signs, event))
            running = known.running.set(event.datastore, event.incident)
            known = replace(known, running=running)
        case IncidentAcknowledged() if one is not None and one.acknowledged is None:
            one = replace(one, acknowledged=event, acknowledged_index=index)
        case SuspicionResolved() if one is not None and one.resolved is None:
            one = replace(one, resolved=event)
            store = one.opened.datastore
            known = replace(
                known,
                running=known.running.delete(store),
                ended_at=known.ended_at.set(store, event.at),
            )
        case _:
            return known
    one = replace(one, indices=(*one.indices, index))
    return replace(known, all=known.all.set(one.id, one))
