"""An incident's life, as conclusions from what probes saw: opened, declared, restored,
resolved.

*Detected* means confirmed: enough vantage points, long enough. The outage itself is
dated back to the first failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from holdfast.domain.controls.judging import Situation, quorum_down
from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentOpened,
    IncidentResolved,
    ServiceFailed,
    ServiceRestored,
)
from holdfast.domain.events.kinds import Event
from holdfast.domain.memory import services as memory
from holdfast.domain.memory.incidents import Incident, Recovery
from holdfast.domain.memory.services import Service


def conclude(situation: Situation) -> tuple[Event, ...]:
    """Return what follows now for incidents, in the order it is to be recorded."""
    return (
        *_opened(situation),
        *_declared(situation),
        *_restored(situation),
        *_resolved(situation),
    )


def confirmed_red(situation: Situation) -> dict[str, datetime]:
    """Return the customer-facing services confirmed down, with their first failure."""
    names = vantage_names(situation)
    wait = situation.rules.duration("disruption_confirmed_after")
    found: dict[str, datetime] = {}
    for service in situation.rules.catalogue.services:
        known = situation.state.services.get(service.id)
        if not service.customer_facing or known is None:
            continue
        since = memory.red_since(known, names, quorum_down(situation))
        began_at = memory.first_failure(known, names, quorum_down(situation))
        if since is None or began_at is None or situation.now - since < wait:
            continue
        found[service.id] = began_at
    return found


def vantage_names(situation: Situation) -> tuple[str, ...]:
    """Return the declared vantage points; others do not count."""
    return tuple(v.id for v in situation.rules.catalogue.vantage_points)


def recovery_due(
    situation: Situation, services: tuple[str, ...], declared_at: datetime
) -> datetime | None:
    """Return when the first of the services must be restored (clause 2, RTO)."""
    if situation.rules.rto is None:
        return None
    catalogue = situation.rules.catalogue
    known = {service.id for service in catalogue.services}
    ranks = [catalogue.rank(s) for s in services if s in known] or [1]
    dues = [situation.rules.recovery_due(declared_at, rank) for rank in ranks]
    return min(due for due in dues if due is not None)


def _opened(situation: Situation) -> Iterator[Event]:
    red = confirmed_red(situation)
    running = situation.state.running_incidents()
    taken = {s for incident in running for s in incident.failing}
    fresh = {service: at for service, at in red.items() if service not in taken}
    if not fresh:
        return
    if running:
        for service, began_at in sorted(fresh.items()):
            yield ServiceFailed(running[-1].id, service, began_at, situation.now)
        return
    began_at = min(fresh.values())
    first = min(fresh, key=lambda service: (fresh[service], service))
    yield IncidentOpened(
        incident=f"inc-{began_at:%Y%m%dT%H%M%S}-{first}",
        services=tuple(sorted(fresh)),
        began_at=began_at,
        detected_at=situation.now,
        vantages=_red_vantages(situation, first),
        reason=_reason(situation, first),
    )


def _red_vantages(situation: Situation, service: str) -> tuple[str, ...]:
    known = situation.state.services.get(service, Service())
    return tuple(
        name
        for name in vantage_names(situation)
        if name in known.vantages and known.vantages[name].ok is False
    )


def _reason(situation: Situation, service: str) -> str:
    red = len(_red_vantages(situation, service))
    return f"red from {red} of {len(vantage_names(situation))} vantage points"


def _declared(situation: Situation) -> Iterator[Event]:
    """Start the clock by itself where nobody declared (default of clause 2, RTO)."""
    wait = situation.rules.duration("undeclared_outage_starts_clock")
    for incident in situation.state.running_incidents():
        at = incident.opened.began_at + wait
        if incident.declared is not None or not incident.failing or situation.now < at:
            continue
        due_at = recovery_due(situation, incident.failing, at)
        yield DisasterDeclared(
            incident.id, "policy", automatic=True, at=at, due_at=due_at
        )


def _restored(situation: Situation) -> Iterator[Event]:
    names = vantage_names(situation)
    wanted = min(situation.rules.count("restored_vantage_points"), len(names))
    wait = situation.rules.duration("restored_after_green")
    for incident in situation.state.running_incidents():
        for service in incident.failing:
            known = situation.state.services.get(service)
            since = memory.green_since(known, names, wanted) if known else None
            if since is None or since < incident.services[service].began_at:
                continue
            verified_at = _verified_at(situation, incident, service)
            if verified_at is None:
                continue
            green = max(since, verified_at)
            if situation.now - green >= wait:
                yield ServiceRestored(incident.id, service, green, situation.now)


def _verified_at(
    situation: Situation, incident: Incident, service: str
) -> datetime | None:
    """Return from when the service's data may be trusted; ``None``: not yet.

    A green journey on an unverified restore is no restoration.
    """
    known = {s.id: s for s in situation.rules.catalogue.services}
    datastores = known[service].datastores if service in known else ()
    moments = [incident.opened.began_at]
    for datastore, recovery in _newest_recoveries(situation, incident).items():
        if datastore not in datastores:
            continue
        if recovery.verified is None or not recovery.verified.ok:
            return None
        moments.append(recovery.verified.at)
    return max(moments)


def _newest_recoveries(situation: Situation, incident: Incident) -> dict[str, Recovery]:
    """Return the newest recovery of each datastore: it supersedes failed ones."""
    ordered = sorted(
        (
            recovery
            for recovery in situation.state.recoveries.values()
            if recovery.ordered.incident == incident.id
        ),
        key=lambda recovery: recovery.ordered_index,
    )
    return {recovery.ordered.datastore: recovery for recovery in ordered}


def _resolved(situation: Situation) -> Iterator[Event]:
    for incident in situation.state.running_incidents():
        open_recoveries = [
            recovery
            for recovery in _newest_recoveries(situation, incident).values()
            if recovery.verified is None or not recovery.verified.ok
        ]
        if not incident.failing and not open_recoveries:
            yield IncidentResolved(incident.id, "holdfast", situation.now)
