"""What people do in an incident: acknowledge it, declare a disaster, order a recovery.

Each is recorded under the person's name before anything follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from holdfast.domain import lifecycle, recovering
from holdfast.domain.controls import status_page
from holdfast.domain.controls.judging import Situation
from holdfast.domain.controls.watching import confirmed_red
from holdfast.domain.events.authority import ActOrdered
from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentAcknowledged,
    IncidentOpened,
    IncidentResolved,
    RecoveryOrdered,
    ServiceFailed,
    ServiceRestored,
    WritesCompared,
)
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.memory.incidents import Incident, Recovery
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import SignIn, require, require_signed_in
from holdfast.operations.deliver import parcels_of
from holdfast.operations.log import Log
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.store import MovedOnError

TRIES = 20
UPDATE_LENGTH_MAX = 2_000
# An order that nobody approved by then is void: the situation is another one.
LAPSES_AFTER = timedelta(hours=1)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Led:
    """The runbook that leads a recovery, by its digest, and what it holds back;
    ``None`` is Holdfast's own steps.
    """

    runbook: str | None
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person acts: a view of the log under their name.

    ``glass`` is why they break it, where an act allows that to whoever cannot sign in.
    """

    log: Log
    clock: Clock
    person: str
    signed: SignIn | None = None
    glass: str | None = None

    def situation(self) -> Situation:
        """Return the situation; raises `HoldfastError` before a policy is adopted."""
        state = self.log.state()
        rules = self.log.rules(state)
        if rules is None:
            raise HoldfastError(
                "no policy has been adopted yet",
                "Adopt the resilience folder first: holdfast policy adopt FOLDER.",
            )
        return Situation(rules, state, self.clock.now())

    def record(self, facts: Sequence[Fact]) -> bool:
        """Record facts; false where one of them was recorded before, by another."""
        return all(self.log.record(facts).fresh)


def running_incident(situation: Situation, wanted: str | None = None) -> Incident:
    """Return the incident of that id, or the only running one."""
    running = situation.state.running_incidents()
    if wanted is not None:
        running = tuple(i for i in running if i.id == wanted)
    if len(running) == 1:
        return running[0]
    if running:
        names = ", ".join(incident.id for incident in running)
        raise HoldfastError("several incidents are running", f"Name one of: {names}.")
    raise HoldfastError(
        f"no running incident {wanted}" if wanted else "no incident is running",
        "See them all with: holdfast incident list.",
    )


def acknowledge(desk: Desk, incident: str | None = None) -> Incident:
    """Take the incident on."""
    situation = desk.situation()
    require(situation.rules, desk.person, "acknowledge")
    found = running_incident(situation, incident)
    event = IncidentAcknowledged(found.id, desk.person, situation.now)
    desk.record([_fact(desk, event, situation.now)])
    return found


def declare(
    desk: Desk, incident: str | None = None, services: Sequence[str] = ()
) -> DisasterDeclared:
    """Declare a disaster: the recovery clock starts now.

    With ``services`` and no running incident one is opened: a disaster may be declared
    that no probe saw (clause 7: red for long enough, or declared). Where one runs, they
    join it, so that what they stand on is recovered with it.
    """
    situation = desk.situation()
    require(situation.rules, desk.person, "declare")
    facts: list[Fact] = []
    if services and not situation.state.running_incidents():
        opened = _opened_by_hand(situation, desk.person, services)
        facts.append(_fact(desk, opened, situation.now))
        name, failing = opened.incident, opened.services
    else:
        found = running_incident(situation, incident)
        joining = _joining(situation, found, services)
        facts += [_fact(desk, event, situation.now) for event in joining]
        if found.declared is not None:
            desk.record(facts)
            return found.declared
        name = found.id
        failing = (*found.failing, *(event.service for event in joining))
    declared = DisasterDeclared(
        incident=name,
        by=desk.person,
        automatic=False,
        at=situation.now,
        due_at=lifecycle.recovery_due(situation, failing, situation.now),
    )
    desk.record([*facts, _fact(desk, declared, situation.now)])
    return declared


def order_recovery(
    desk: Desk,
    datastore: str,
    *,
    repository: int,
    target: datetime | None = None,
    incident: str | None = None,
    led: Led | None = None,
) -> RecoveryOrdered:
    """Order a restore over production, from one repository.

    It is carried out once a second person approved. Raises `HoldfastError` while
    another recovery of the datastore is under way: one fence per target.
    """
    return at_its_size(
        lambda: _order_recovery(desk, datastore, repository, target, incident, led)
    )


def at_its_size(order: Callable[[], _T]) -> _T:
    """Record an order, or a word on one, at the very size it was drawn from.

    Of two who speak at once, one looks again at what the other did.
    """
    for _ in range(TRIES):
        with suppress(MovedOnError):
            return order()
    raise HoldfastError(
        "the log is written to so fast that this found no place",
        "Nothing was recorded. Say it again.",
    )


def _order_recovery(
    desk: Desk,
    datastore: str,
    repository: int,
    target: datetime | None,
    incident: str | None,
    led: Led | None,
) -> RecoveryOrdered:
    situation = desk.situation()
    require(situation.rules, desk.person, "order_recovery")
    signed = require_signed_in(
        desk.person, desk.signed, "order_recovery", situation.now
    )
    found = running_incident(situation, incident)
    _require_declared(situation, datastore)
    earlier = [
        recovery
        for recovery in situation.state.recoveries.values()
        if recovery.ordered.datastore == datastore
    ]
    _require_over(situation, earlier)
    number = 1 + sum(each.ordered.incident == found.id for each in earlier)
    ordered = RecoveryOrdered(
        recovery=f"{found.id}-{datastore}-{number}",
        incident=found.id,
        datastore=datastore,
        repository=repository,
        target=target,
        by=desk.person,
        at=situation.now,
    )
    act = ActOrdered(
        order=ordered.recovery,
        operation="restore",
        subject=datastore,
        by=desk.person,
        signed_in=signed,
        holds=led.holds if led else (),
        runbook=led.runbook if led else None,
        lapses_at=situation.now + LAPSES_AFTER,
        at=situation.now,
    )
    facts = [_fact(desk, each, situation.now) for each in (ordered, act)]
    desk.log.record(facts, expected_size=situation.state.size)
    return ordered


def update(desk: Desk, text: str, incident: str | None = None) -> NoticeDue:
    """Put a person's words on the public status page; the next update counts from it.

    Raises `MovedOnError` if somebody else wrote at the same moment: then ask again.
    """
    situation = desk.situation()
    require(situation.rules, desk.person, "update")
    words = " ".join(text.split())
    if not 0 < len(words) <= UPDATE_LENGTH_MAX:
        raise HoldfastError(
            f"an update has 1 to {UPDATE_LENGTH_MAX:,} characters, not {len(words):,}",
            "Say in a few sentences what customers should know.",
        )
    found = running_incident(situation, incident)
    notice = status_page.update_by_hand(situation, found, words)
    fact = _fact(desk, notice, situation.now)
    desk.log.record(
        [fact],
        parcels=parcels_of([fact], situation.rules),
        expected_size=situation.state.size,
    )
    return notice


def resolve(desk: Desk, incident: str | None = None) -> Incident:
    """End an incident under a person's name, where no probe can tell that it is over.

    Raises `HoldfastError` while probes still see a service of it red, or while an
    ordered recovery is under way: no word of a person outweighs those.
    """
    situation = desk.situation()
    require(situation.rules, desk.person, "resolve")
    found = running_incident(situation, incident)
    red = sorted(set(found.failing) & set(confirmed_red(situation)))
    if red:
        raise HoldfastError(
            f"probes still see {', '.join(red)} red",
            "It ends by itself once the customers' journey stays green.",
        )
    for recovery in situation.state.recoveries.values():
        ordered = recovery.ordered
        if ordered.incident == found.id:
            _require_over(situation, [recovery])
    now = situation.now
    ends: list[Event] = [
        *(ServiceRestored(found.id, service, now, now) for service in found.failing),
        IncidentResolved(found.id, desk.person, now),
    ]
    desk.record([_fact(desk, event, now) for event in ends])
    return found


def compare_writes(desk: Desk, compared: WritesCompared) -> None:
    """Record what a count outside the database says was lost."""
    situation = desk.situation()
    require(situation.rules, desk.person, "compare_writes")
    if compared.incident not in situation.state.incidents:
        raise HoldfastError(
            f"no incident {compared.incident}",
            "See them all with: holdfast incident list.",
        )
    _require_declared(situation, compared.datastore)
    desk.record([_fact(desk, compared, compared.at)])


def _require_declared(situation: Situation, datastore: str) -> None:
    known = {d.id for d in situation.rules.catalogue.datastores}
    if datastore not in known:
        raise HoldfastError(
            f"no datastore {datastore} is declared",
            f"Declared are: {', '.join(sorted(known)) or 'none'}.",
        )


def _require_over(situation: Situation, earlier: Sequence[Recovery]) -> None:
    for recovery in earlier:
        if recovering.step(situation, recovery) not in recovering.OVER:
            raise HoldfastError(
                f"{recovery.ordered.recovery} is still under way",
                "Wait for its end: holdfast incident timeline.",
            )


def _joining(
    situation: Situation, found: Incident, services: Sequence[str]
) -> tuple[ServiceFailed, ...]:
    _require_services(situation, services)
    now = situation.now
    fresh = sorted(set(services) - set(found.services))
    return tuple(ServiceFailed(found.id, service, now, now) for service in fresh)


def _require_services(situation: Situation, services: Sequence[str]) -> None:
    known = {service.id for service in situation.rules.catalogue.services}
    unknown = sorted(set(services) - known)
    if unknown:
        raise HoldfastError(
            f"no business service {', '.join(unknown)} is declared",
            f"Declared are: {', '.join(sorted(known))}.",
        )


def _opened_by_hand(
    situation: Situation, person: str, services: Sequence[str]
) -> IncidentOpened:
    _require_services(situation, services)
    now = situation.now
    return IncidentOpened(
        incident=f"inc-{now:%Y%m%dT%H%M%S}-{min(services)}",
        services=tuple(sorted(services)),
        began_at=now,
        detected_at=now,
        vantages=(),
        reason=f"declared by {person}",
    )


def _fact(desk: Desk, event: Event, at: datetime) -> Fact:
    return Fact(event, at, actor=f"person:{desk.person}")
