"""Affected customers are written to once an outage exceeds the policy's hour.

The hour runs from the first failure. "Exceeds 1 hour" is a trigger and no deadline:
the deadline is a decision of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from holdfast.domain.controls.communication import clock, duty_of, names
from holdfast.domain.controls.judging import (
    Duty,
    Situation,
    Verdict,
    judge_exercised,
    unproven,
)
from holdfast.domain.controls.watching import green_from
from holdfast.domain.events.notice import CUSTOMERS_OF, NoticeDue
from holdfast.domain.memory.incidents import Incident


def judge(situation: Situation) -> Verdict:
    """Judge the letters of the newest outage that was long enough."""
    if situation.rules.customer_email_after is None:
        return unproven("the policy does not speak of e-mail to customers")
    return judge_exercised(owes(situation), situation.now)


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe every affected customer one letter, and one when it is over."""
    return tuple(
        duty
        for incident in situation.state.all_incidents()
        for duty in _of_incident(situation, incident)
    )


def _of_incident(situation: Situation, incident: Incident) -> Iterator[Duty]:
    """Yield the first letter, those for services whose hour came later, and the ends.

    An end is owed for each letter that was, to those to whom that was written.
    """
    exceeded = _exceeded(situation, incident)
    first = f"{incident.id}/customers"
    known = situation.state.notices.get(first)
    if known is None and not exceeded:
        return
    yield from _letters(situation, incident, first, exceeded)
    written = services_of(known.due) if known else tuple(exceeded)
    for service in sorted(incident.services):
        key = f"{first}/{service}"
        late = service in exceeded and service not in written
        if late or situation.state.notices.get(key) is not None:
            own = {service: exceeded[service]} if service in exceeded else {}
            yield from _letters(situation, incident, key, own)


def services_of(notice: NoticeDue) -> tuple[str, ...]:
    """Return the services whose customers a letter is for."""
    return tuple(each.removeprefix(CUSTOMERS_OF) for each in notice.recipients)


def _exceeded(situation: Situation, incident: Incident) -> dict[str, datetime]:
    """Return the services out for longer than the threshold, with when they were.

    What is green again is not out any more, though that is not certain yet: if it
    fails again before it is, the outage never ended.
    """
    after = situation.rules.customer_email_after
    if after is None:
        return {}
    found: dict[str, datetime] = {}
    for service, part in sorted(incident.services.items()):
        moment = part.began_at + after
        ended = part.green_since or situation.now
        if incident.running and part.green_since is None:
            ended = green_from(situation, incident, service) or situation.now
        if ended > moment:
            found[service] = moment
    return found


def _letters(
    situation: Situation, incident: Incident, key: str, exceeded: dict[str, datetime]
) -> Iterator[Duty]:
    known = situation.state.notices.get(key)
    letter = known.due if known else _letter(situation, incident, key, exceeded)
    yield _duty(situation, letter, "e-mail the affected customers")
    if known is not None and incident.resolved is not None:
        end = situation.state.notices.get(f"{key}/resolved")
        yield _duty(
            situation,
            end.due if end else _end(situation, incident, known.due),
            "e-mail the customers that it is over",
        )


def _letter(
    situation: Situation, incident: Incident, key: str, exceeded: dict[str, datetime]
) -> NoticeDue:
    catalogue = situation.rules.catalogue
    services = names(exceeded, catalogue)
    began_at = min(incident.services[service].began_at for service in exceeded)
    within = situation.rules.duration("customer_email_within")
    return NoticeDue(
        notice=key,
        incident=incident.id,
        duty="customer_email",
        stage="opened",
        channel="email",
        recipients=tuple(f"{CUSTOMERS_OF}{service}" for service in sorted(exceeded)),
        count=len(catalogue.affected_customers(frozenset(exceeded))),
        subject=f"{services} is disrupted",
        text=(
            f"{services} has not been working as it should since "
            f"{clock(began_at)}. We are working on it and will write "
            "again when it is over. The status page has the newest word."
        ),
        at=situation.now,
        due_at=min(exceeded.values()) + within,
    )


def _end(situation: Situation, incident: Incident, letter: NoticeDue) -> NoticeDue:
    assert incident.resolved is not None
    services = names(services_of(letter), situation.rules.catalogue)
    since = incident.restored_since or incident.resolved.at
    within = situation.rules.duration("customer_email_within")
    return replace(
        letter,
        notice=f"{letter.notice}/resolved",
        stage="resolved",
        subject=f"{services} works again",
        text=(
            f"{services} works again since {clock(since)}. "
            "We are sorry for the disruption."
        ),
        at=situation.now,
        due_at=incident.resolved.at + within,
    )


def _duty(situation: Situation, notice: NoticeDue, what: str) -> Duty:
    duty = duty_of(situation, notice, control="customer_email", owner="CS", what=what)
    if notice.count:
        return duty
    # Nobody to write to: a person must find out whom, and nothing is sent.
    nobody = f"{what} (the catalogue names none)"
    return replace(duty, what=nobody, conclusions=())
