"""Affected customers are written to once an outage exceeds the policy's hour.

The hour runs from the first failure. "Exceeds 1 hour" is a trigger and no deadline:
the deadline is a decision of its own.
"""

from __future__ import annotations

from datetime import datetime

from holdfast.domain.controls.communication import clock, duty_of, names
from holdfast.domain.controls.judging import (
    Duty,
    Situation,
    Verdict,
    judge_exercised,
    unproven,
)
from holdfast.domain.events.notice import CUSTOMERS_OF, NoticeDue, Stage
from holdfast.domain.memory.incidents import Incident


def judge(situation: Situation) -> Verdict:
    """Judge the letters of the newest outage that was long enough."""
    if situation.rules.customer_email_after is None:
        return unproven("the policy does not speak of e-mail to customers")
    return judge_exercised(owes(situation), situation.now)


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe every affected customer one letter, and one when it is over."""
    duties: list[Duty] = []
    for incident in situation.state.incidents.values():
        triggered_at = _triggered_at(situation, incident)
        if triggered_at is None:
            continue
        duties.append(_letter(situation, incident, triggered_at))
        if incident.resolved is not None:
            duties.append(_end(situation, incident, incident.resolved.at))
    return tuple(duties)


def _triggered_at(situation: Situation, incident: Incident) -> datetime | None:
    """Return when the outage exceeded the threshold, if it did."""
    after = situation.rules.customer_email_after
    if after is None:
        return None
    moment = incident.opened.began_at + after
    ended = incident.restored_since or situation.now
    return moment if ended > moment else None


def _letter(situation: Situation, incident: Incident, triggered_at: datetime) -> Duty:
    services = names(incident, situation.rules.catalogue)
    text = (
        f"{services} has not been working as it should since "
        f"{clock(incident.opened.began_at)}. We are working on it and will write "
        "again when it is over. The status page has the newest word."
    )
    due = triggered_at + situation.rules.duration("customer_email_within")
    subject = f"{services} is disrupted"
    notice = _notice(situation, incident, "opened", subject, text, due)
    return _duty(situation, notice, "e-mail the affected customers")


def _end(situation: Situation, incident: Incident, resolved_at: datetime) -> Duty:
    services = names(incident, situation.rules.catalogue)
    text = (
        f"{services} works again since {clock(incident.restored_since or resolved_at)}."
        " We are sorry for the disruption."
    )
    due = resolved_at + situation.rules.duration("customer_email_within")
    subject = f"{services} works again"
    notice = _notice(situation, incident, "resolved", subject, text, due)
    return _duty(situation, notice, "e-mail the customers that it is over")


def _notice(
    situation: Situation,
    incident: Incident,
    stage: Stage,
    subject: str,
    text: str,
    due_at: datetime,
) -> NoticeDue:
    catalogue = situation.rules.catalogue
    services = frozenset(incident.services)
    suffix = "" if stage == "opened" else f"/{stage}"
    return NoticeDue(
        notice=f"{incident.id}/customers{suffix}",
        incident=incident.id,
        duty="customer_email",
        stage=stage,
        channel="email",
        recipients=tuple(f"{CUSTOMERS_OF}{service}" for service in sorted(services)),
        count=len(catalogue.affected_customers(services)),
        subject=subject,
        text=text,
        at=situation.now,
        due_at=due_at,
    )


def _duty(situation: Situation, notice: NoticeDue, what: str) -> Duty:
    return duty_of(situation, notice, control="customer_email", owner="CS", what=what)
