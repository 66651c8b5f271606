"""Critical customer-facing services are restored within the RTO of a declared disaster.

Met only by measured recoveries or drills, of every such service and of each datastore
that it stands on; a running disaster is judged by its clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from holdfast.domain.catalogue import BusinessService
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)
from holdfast.domain.controls.running import judge_running, owed_for_running
from holdfast.domain.figures import Figure
from holdfast.domain.memory.incidents import Failing, Incident

# From this share of the time allowed a running recovery is at risk.
AT_RISK_FROM = 0.75

WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")
Measured = tuple[datetime, bool, str, int | None]


def judge(situation: Situation) -> Verdict:
    """Judge the running clocks first, then the newest measurement of each service."""
    if situation.rules.rto is None:
        return unproven("the policy names no recovery time objective")
    services = critical_services(situation)
    if not services:
        return unproven("the catalogue names no critical customer-facing service")
    known = {service.id for service in services}
    running = [
        _running(situation, incident)
        for incident in situation.state.running_incidents()
        if incident.declared is not None and known.intersection(incident.failing)
    ]
    absent = judge_running(situation)
    found = running or [_measured(situation, each) for each in services]
    return _worst([*found, *([absent] if absent else [])])


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe the restoration in every incident with a declared disaster, and word of a
    runner that is not there.
    """
    restorations = tuple(
        _duty(situation, incident)
        for incident in situation.state.all_incidents()
        if incident.declared is not None
    )
    return (*restorations, *owed_for_running(situation))


def critical_services(situation: Situation) -> tuple[BusinessService, ...]:
    """Return the customer-facing services of critical functions (clause 2, RTO)."""
    return tuple(
        service
        for service in situation.rules.catalogue.services
        if service.customer_facing and _rank(situation, service.id) == 1
    )


def figure(situation: Situation, services: Iterable[str]) -> Figure | None:
    """Return the recovery time that binds the first of the services."""
    ranks = {_rank(situation, service) for service in services} or {1}
    return situation.rules.recovery_time(min(ranks))


def due(
    situation: Situation, services: Iterable[str], declared_at: datetime
) -> datetime | None:
    """Return when the first of the services must be restored."""
    if situation.rules.rto is None:
        return None
    ranks = {_rank(situation, service) for service in services} or {1}
    found = [situation.rules.recovery_due(declared_at, rank) for rank in ranks]
    return min(moment for moment in found if moment is not None)


def recovery_time(incident: Incident) -> timedelta | None:
    """Return the wall time from declaration to green, once that is certain.

    ``None`` too where the services were green before anybody declared.
    """
    restored = incident.restored_since
    if incident.declared is None or restored is None:
        return None
    if restored <= incident.declared.at:
        return None
    return restored - incident.declared.at


def _rank(situation: Situation, service_id: str) -> int:
    """Return whose time binds the service: clause 2 itself binds every critical one.

    What the catalogue does not know is taken as critical.
    """
    catalogue = situation.rules.catalogue
    service = next((s for s in catalogue.services if s.id == service_id), None)
    if service is None:
        return 1
    rank = catalogue.rank(service_id)
    critical = rank in situation.rules.critical_ranks()
    return 1 if critical and service.customer_facing else rank


def _duty(situation: Situation, incident: Incident) -> Duty:
    """Owe the services whose time is the shortest; the others have longer."""
    assert incident.declared is not None
    ranks = {name: _rank(situation, name) for name in incident.services}
    bound = sorted(n for n, rank in ranks.items() if rank == min(ranks.values()))
    greens = [incident.services[name].green_since for name in bound]
    done = [green for green in greens if green is not None]
    return Duty(
        key=f"{incident.id}/restore",
        control="recovery_time",
        what=f"restore {', '.join(bound)}",
        owner="PL",
        due_at=_due(situation, incident, bound),
        done_at=max(done) if len(done) == len(greens) else None,
        incident=incident.id,
        index=incident.declared_index,
    )


def _due(
    situation: Situation, incident: Incident, services: Iterable[str]
) -> datetime | None:
    """Return the recorded due time, or an earlier one of a service that joined."""
    declared = incident.declared
    assert declared is not None
    if declared.due_at is None:
        return None
    joined = [
        due(situation, [name], incident.services[name].began_at)
        for name in services
        if incident.services[name].began_at > declared.at
    ]
    return min([declared.due_at, *(moment for moment in joined if moment)])


def _running(situation: Situation, incident: Incident) -> Verdict:
    duty, declared = _duty(situation, incident), incident.declared
    assert declared is not None
    proof = Proof("disaster declared", duty.index, declared.at)
    if duty.overdue(situation.now):
        return Verdict("breached", "not restored in time", (proof,), duty.due_at)
    if duty.due_at is None:
        return Verdict("at_risk", "the business calendar is missing", (proof,))
    bound = figure(situation, incident.services)
    business = bound is not None and bound.business
    used = length(situation, declared.at, situation.now, business=business)
    allowed = length(situation, declared.at, duty.due_at, business=business)
    if not allowed or used / allowed >= AT_RISK_FROM:
        return Verdict("at_risk", "most of the time is used", (proof,), duty.due_at)
    # A clock that still runs has proved nothing.
    reason = "a recovery is running, within its time so far"
    return Verdict("unproven", reason, (proof,), duty.due_at)


def length(
    situation: Situation, start: datetime, end: datetime, *, business: bool
) -> timedelta:
    """Return the time between two moments, in business time or on the wall."""
    if business:
        return situation.rules.calendar.between(start, end)
    return end - start


def _measured(situation: Situation, service: BusinessService) -> Verdict:
    """Judge the service by the newest measurement on each of its datastores."""
    recoveries = _recoveries(situation, service.id)
    datastores = service.datastores or ("",)
    return _worst(
        [
            _by_newest(situation, service.id, [*recoveries, *_drills(situation, name)])
            for name in datastores
        ]
    )


def _by_newest(situation: Situation, service: str, measured: list[Measured]) -> Verdict:
    if not measured:
        return unproven(f"{service}: no recovery and no drill has been measured yet")
    at, met, text, index = max(measured)
    proof = Proof(text, index, at)
    if not met:
        return Verdict("breached", f"not met the last time: {text}", (proof,))
    fresh_for = situation.rules.duration("drill_every")
    if not within(at, situation.now, fresh_for):
        return Verdict("stale", "the last measurement is too old", (proof,))
    return Verdict("met", text, (proof,), at + fresh_for)


def _recoveries(situation: Situation, service: str) -> list[Measured]:
    found: list[Measured] = []
    for incident in situation.state.all_incidents():
        part, declared = incident.services.get(service), incident.declared
        if part is None or part.green_since is None or declared is None:
            continue
        if part.green_since <= declared.at:
            continue  # It was green before anybody declared: nothing was measured.
        due_at = _due(situation, incident, [service])
        met = due_at is not None and part.green_since <= due_at
        text = _words(situation, service, declared.at, part)
        found.append((part.green_since, met, text, part.index))
    return found


def _words(
    situation: Situation, service: str, declared_at: datetime, part: Failing
) -> str:
    assert part.green_since is not None
    wall = part.green_since - declared_at
    business = situation.rules.calendar.between(declared_at, part.green_since)
    return (
        f"{service} recovered in {_seconds(wall)} after the declaration, "
        f"{_seconds(business)} of it business time"
    )


def _drills(situation: Situation, datastore: str) -> list[Measured]:
    """Return the drills; those broken on purpose say nothing about the real thing."""
    known = situation.state.datastores.get(datastore)
    return [
        (drill.at, drill.passed, f"drill of {drill.datastore}: {drill.detail}", index)
        for drill, index in (known.drills if known else ())
        if drill.sabotage is None
    ]


def _worst(verdicts: list[Verdict]) -> Verdict:
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():,.1f} s"
