"""What is remembered of the log's parts that disagree, and of the incidents of it.

A part is suspect from a check that found it wrong until a later one finds it good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.copies import PublishChecked
from holdfast.domain.events.governance import LedgerChecked
from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.events.rehearsal import LedgerRebuilt
from holdfast.domain.events.tampering import TamperingFound, TamperingResolved
from holdfast.domain.events.witness import WitnessCosigned, WitnessDisagreed

PREFIX = "tampering-"
Check: TypeAlias = (
    LedgerChecked | PublishChecked | LedgerRebuilt | WitnessCosigned | WitnessDisagreed
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A part as the newest check found it: wrong, and how."""

    part: str
    detail: str
    index: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Tampering:
    """One incident: its findings, and the ``indices`` of the entries that made it."""

    id: str
    found: tuple[TamperingFound, ...]
    indices: tuple[int, ...]
    acknowledged: IncidentAcknowledged | None = None
    acknowledged_index: int | None = None
    resolved: TamperingResolved | None = None

    @property
    def opened(self) -> TamperingFound:
        """Return what opened it."""
        return self.found[0]


@dataclass(frozen=True, slots=True)
class Tamperings:
    """Which parts are suspect now, by name, and every incident so far."""

    suspects: Map[str, Suspect] = Map()
    all: Map[str, Tampering] = Map()
    running: str | None = None


def remember_check(known: Tamperings, event: Check, index: int) -> Tamperings:
    """Return what is known with the check folded in."""
    part, good, detail = _said(event)
    if good is None:
        return known
    if good:
        suspects = known.suspects
        if part in suspects:
            suspects = suspects.delete(part)
    else:
        suspects = known.suspects.set(part, Suspect(part, detail, index, event.at))
    return replace(known, suspects=suspects)


def remember(
    known: Tamperings,
    event: TamperingFound | TamperingResolved | IncidentAcknowledged,
    index: int,
) -> Tamperings:
    """Return what is known with the incident's event folded in."""
    one = known.all.get(event.incident)
    match event:
        case TamperingFound():
            one = one or Tampering(event.incident, (), ())
            one = replace(one, found=(*one.found, event))
            known = replace(known, running=event.incident)
        case IncidentAcknowledged() if one is not None and one.acknowledged is None:
            one = replace(one, acknowledged=event, acknowledged_index=index)
        case TamperingResolved() if one is not None:
            one = replace(one, resolved=event)
            known = replace(known, running=None)
        case _:
            return known
    one = replace(one, indices=(*one.indices, index))
    return replace(known, all=known.all.set(one.id, one))


def _said(event: Check) -> tuple[str, bool | None, str]:
    """Return the part, whether it was good if that can be said, and how."""
    match event:
        case LedgerRebuilt():
            outcomes = {"whole": True, "differs": False}
            good = outcomes.get(event.outcome)
            return f"rebuild from copy {event.target}", good, event.detail
        case LedgerChecked():
            return event.scope, event.ok, event.detail
        case PublishChecked():
            return f"copy {event.target}", event.ok, event.detail
        case WitnessDisagreed():
            return f"witness {event.witness}", False, event.detail
        case WitnessCosigned():
            return f"witness {event.witness}", True, ""
