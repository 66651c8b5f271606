"""A disruption affecting customers alerts the Incident Response Team by Slack.

If Slack does not take the alert, a fallback by e-mail goes to each of the team.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from holdfast.domain.controls.communication import clock, duty_of, joined, names
from holdfast.domain.controls.judging import (
    Duty,
    Situation,
    Verdict,
    judge_exercised,
)
from holdfast.domain.events.incident import IncidentResolved
from holdfast.domain.events.notice import NoticeDue, Stage
from holdfast.domain.memory.incidents import Failing, Incident
from holdfast.domain.memory.notices import Notice


def judge(situation: Situation) -> Verdict:
    """Judge the alerts of the newest incident."""
    return judge_exercised(owes(situation), situation.now)


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe an alert at detection, one per service that joins, and word of the end."""
    duties: list[Duty] = []
    for incident in situation.state.all_incidents():
        duties.append(_alert(situation, incident))
        duties.extend(
            _further(situation, incident, service, part)
            for service, part in joined(incident)
        )
        if incident.resolved is not None:
            duties.append(_all_clear(situation, incident, incident.resolved))
    return tuple(duties)


def _alert(situation: Situation, incident: Incident) -> Duty:
    opened = incident.opened
    services = names(opened.services, situation.rules.catalogue)
    text = (
        f"{services} fails for customers since {clock(opened.began_at)}, "
        f"confirmed {clock(opened.detected_at)} ({opened.reason}). "
        "Acknowledge it, and declare a disaster if data or site are lost."
    )
    notice = _notice(
        situation,
        incident,
        "alert",
        "opened",
        (f"Disruption: {services}", text),
        opened.detected_at,
    )
    return _duty(situation, notice, "alert the Incident Response Team")


def _further(
    situation: Situation, incident: Incident, service: str, part: Failing
) -> Duty:
    name = names([service], situation.rules.catalogue)
    notice = _notice(
        situation,
        incident,
        f"alert/{service}/{part.detected_at:%Y%m%dT%H%M%S}",
        "update",
        (
            f"Disruption: {name} too",
            f"{name} fails for customers too, since {clock(part.began_at)}.",
        ),
        part.detected_at,
    )
    return _duty(situation, notice, f"alert the Incident Response Team of {service}")


def _all_clear(
    situation: Situation, incident: Incident, resolved: IncidentResolved
) -> Duty:
    services = names(incident.services, situation.rules.catalogue)
    notice = _notice(
        situation,
        incident,
        "alert/resolved",
        "resolved",
        (
            f"Resolved: {services}",
            f"{services} works again; resolved {clock(resolved.at)}.",
        ),
        resolved.at,
    )
    return _duty(situation, notice, "tell the Incident Response Team of the end")


def _notice(
    situation: Situation,
    incident: Incident,
    suffix: str,
    stage: Stage,
    words: tuple[str, str],
    known_at: datetime,
) -> NoticeDue:
    subject, text = words
    return NoticeDue(
        notice=f"{incident.id}/{suffix}",
        incident=incident.id,
        duty="alert",
        stage=stage,
        channel="slack",
        recipients=("channel:irt",),
        count=1,
        subject=subject,
        text=text,
        at=situation.now,
        due_at=known_at + situation.rules.duration("alert_within"),
    )


def _duty(situation: Situation, notice: NoticeDue, what: str) -> Duty:
    duty = duty_of(situation, notice, control="alerting", owner="IRT", what=what)
    known = situation.state.notices.get(notice.notice)
    return duty if known is None else with_fallback(situation, known, duty)


def with_fallback(situation: Situation, known: Notice, duty: Duty) -> Duty:
    """Ask for e-mail where Slack refused for good, or still fails at half the time."""
    key = f"{known.due.notice}/fallback"
    fallback = situation.state.notices.get(key)
    if fallback is not None:
        return _either(duty, fallback)
    half = situation.rules.duration("alert_within") / 2
    waited = situation.now >= known.due.due_at - half
    people = situation.rules.catalogue.holders("IRT")
    failing = known.refused or (waited and known.failures > 0)
    if known.done_at is not None or not failing or not people:
        return duty
    return replace(
        duty, conclusions=(_by_email(situation, known.due, key),), unreached=0
    )


def _either(duty: Duty, fallback: Notice) -> Duty:
    """Return the duty as done by whichever way was taken first."""
    if fallback.done_at is None:
        gone = fallback.delivered is not None
        return replace(duty, unreached=duty.unreached if gone else 0)
    if duty.done_at is not None and duty.done_at <= fallback.done_at:
        return duty
    return replace(
        duty, done_at=fallback.done_at, index=fallback.delivered_index, unreached=0
    )


def _by_email(situation: Situation, notice: NoticeDue, key: str) -> NoticeDue:
    people = situation.rules.catalogue.holders("IRT")
    return replace(
        notice,
        notice=key,
        duty="alert_fallback",
        channel="email",
        recipients=tuple(f"person:{person.id}" for person in people),
        count=len(people),
        text=f"{notice.text} (Slack did not take this alert.)",
        at=situation.now,
    )
