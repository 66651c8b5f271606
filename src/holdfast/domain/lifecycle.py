"""An incident's life, as conclusions from what probes saw: opened, declared, restored,
resolved.

*Detected* means confirmed: enough vantage points, long enough. The outage itself is
dated back to the first failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from holdfast.domain.controls import recovery_time
from holdfast.domain.controls.judging import Situation
from holdfast.domain.controls.watching import (
    confirmed_red,
    green_from,
    newest_recoveries,
    vantage_names,
)
from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentOpened,
    IncidentResolved,
    ServiceFailed,
    ServiceRestored,
)
from holdfast.domain.events.kinds import Event
from holdfast.domain.memory.incidents import Incident
from holdfast.domain.memory.services import Service


def conclude(situation: Situation) -> tuple[Event, ...]:
    """Return what follows now for incidents, in the order it is to be recorded."""
    return (
        *_opened(situation),
        *_declared(situation),
        *_restored(situation),
        *_resolved(situation),
    )


def recovery_due(
    situation: Situation, services: tuple[str, ...], declared_at: datetime
) -> datetime | None:
    """Return when the first of the services must be restored (clause 2, RTO)."""
    return recovery_time.due(situation, services, declared_at)


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
        incident=_unused(situation, f"inc-{began_at:%Y%m%dT%H%M%S}-{first}"),
        services=tuple(sorted(fresh)),
        began_at=began_at,
        detected_at=situation.now,
        vantages=_red_vantages(situation, first),
        reason=_reason(situation, first),
    )


def _unused(situation: Situation, name: str) -> str:
    """Return a name that no incident bears: under a known one it would be lost."""
    number, found = 1, name
    while found in situation.state.incidents:
        number += 1
        found = f"{name}-{number}"
    return found


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
        if incident.declared is not None or situation.now < at:
            continue
        if not _down_at(situation, incident, at):
            continue
        due_at = recovery_due(situation, incident.failing, at)
        yield DisasterDeclared(
            incident.id, "policy", automatic=True, at=at, due_at=due_at
        )


def _down_at(situation: Situation, incident: Incident, at: datetime) -> bool:
    """Say whether a service was still down then, as far as is seen now."""
    greens = [green_from(situation, incident, s) for s in incident.failing]
    return any(green is None or green > at for green in greens)


def _restored(situation: Situation) -> Iterator[Event]:
    wait = situation.rules.duration("restored_after_green")
    for incident in situation.state.running_incidents():
        for service in incident.failing:
            green = green_from(situation, incident, service)
            if green is not None and situation.now - green >= wait:
                yield ServiceRestored(incident.id, service, green, situation.now)


def _resolved(situation: Situation) -> Iterator[Event]:
    for incident in situation.state.running_incidents():
        open_recoveries = [
            recovery
            for recovery in newest_recoveries(situation, incident).values()
            if recovery.verified is None or not recovery.verified.ok
        ]
        if not incident.failing and not open_recoveries:
            yield IncidentResolved(incident.id, "holdfast", situation.now)
