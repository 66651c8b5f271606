"""What is remembered of incidents and of the recoveries ordered in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentAcknowledged,
    IncidentOpened,
    IncidentResolved,
    PreflightChecked,
    RecoveryOrdered,
    RecoveryVerified,
    ServiceFailed,
    ServiceRestored,
    WritesCompared,
)

IncidentEvent: TypeAlias = (
    IncidentOpened
    | ServiceFailed
    | IncidentAcknowledged
    | DisasterDeclared
    | ServiceRestored
    | IncidentResolved
    | WritesCompared
)
RecoveryEvent: TypeAlias = RecoveryOrdered | PreflightChecked | RecoveryVerified


@dataclass(frozen=True, slots=True)
class Failing:
    """A service's part in an incident; restored if ``green_since`` is set.

    ``index`` is the entry that says that it is restored, ``detected_at`` is when its
    failure was confirmed.
    """

    began_at: datetime
    detected_at: datetime
    green_since: datetime | None = None
    restored_at: datetime | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident; ``indices`` are the ledger entries that made it, in order."""

    id: str
    opened: IncidentOpened
    opened_index: int
    services: Map[str, Failing]
    acknowledged: IncidentAcknowledged | None = None
    acknowledged_index: int | None = None
    declared: DisasterDeclared | None = None
    declared_index: int | None = None
    writes: tuple[WritesCompared, ...] = ()
    writes_indices: tuple[int, ...] = ()
    resolved: IncidentResolved | None = None
    indices: tuple[int, ...] = ()

    @property
    def running(self) -> bool:
        """Say whether it is not resolved yet."""
        return self.resolved is None

    @property
    def failing(self) -> tuple[str, ...]:
        """Return the services that are not restored yet."""
        return tuple(
            sorted(s for s, part in self.services.items() if part.green_since is None)
        )

    @property
    def restored_since(self) -> datetime | None:
        """Return when the last of its services became green for good."""
        moments = [part.green_since for part in self.services.values()]
        known = [moment for moment in moments if moment is not None]
        return max(known) if len(known) == len(moments) and known else None


@dataclass(frozen=True, slots=True)
class Recovery:
    """A restore over production: ordered, checked, carried out by jobs, verified."""

    ordered: RecoveryOrdered
    ordered_index: int
    preflight: PreflightChecked | None = None
    preflight_index: int | None = None
    verified: RecoveryVerified | None = None
    verified_index: int | None = None


Incidents = Map[str, Incident]
Recoveries = Map[str, Recovery]


def remember(incidents: Incidents, event: IncidentEvent, index: int) -> Incidents:
    """Return the incidents with the event folded in; unknown ones are left alone."""
    if isinstance(event, IncidentOpened):
        services = Map(
            {s: Failing(event.began_at, event.detected_at) for s in event.services}
        )
        return incidents.set(
            event.incident,
            Incident(event.incident, event, index, services, indices=(index,)),
        )
    incident = incidents.get(event.incident)
    if incident is None:
        return incidents
    changed = _changed(incident, event, index)
    changed = replace(changed, indices=(*incident.indices, index))
    return incidents.set(event.incident, changed)


def _changed(
    incident: Incident,
    event: ServiceFailed
    | IncidentAcknowledged
    | DisasterDeclared
    | ServiceRestored
    | IncidentResolved
    | WritesCompared,
    index: int,
) -> Incident:
    match event:
        case ServiceFailed():
            part = Failing(event.began_at, event.at)
            services = incident.services.set(event.service, part)
            return replace(incident, services=services)
        case IncidentAcknowledged():
            return replace(incident, acknowledged=event, acknowledged_index=index)
        case DisasterDeclared():
            return replace(incident, declared=event, declared_index=index)
        case ServiceRestored():
            opened = incident.opened
            part = incident.services.get(
                event.service, Failing(opened.began_at, opened.detected_at)
            )
            part = replace(
                part,
                green_since=event.green_since,
                restored_at=event.at,
                index=index,
            )
            services = incident.services.set(event.service, part)
            return replace(incident, services=services)
        case WritesCompared():
            return replace(
                incident,
                writes=(*incident.writes, event),
                writes_indices=(*incident.writes_indices, index),
            )
        case IncidentResolved():
            return replace(incident, resolved=event)


def remember_recovery(
    recoveries: Recoveries, event: RecoveryEvent, index: int
) -> Recoveries:
    """Return the recoveries with the event folded in.

    Each step is taken once, and its first answer counts: a second look, begun before
    the first was recorded, sees a datastore that is being restored.
    """
    if isinstance(event, RecoveryOrdered):
        return recoveries.set(event.recovery, Recovery(event, index))
    recovery = recoveries.get(event.recovery)
    if recovery is None:
        return recoveries
    match event:
        case PreflightChecked():
            if recovery.preflight is not None:
                return recoveries
            checked = replace(recovery, preflight=event, preflight_index=index)
            return recoveries.set(event.recovery, checked)
        case RecoveryVerified():
            if recovery.verified is not None:
                return recoveries
            changed = replace(recovery, verified=event, verified_index=index)
            return recoveries.set(event.recovery, changed)
