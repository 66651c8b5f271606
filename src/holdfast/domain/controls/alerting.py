"""A disruption affecting customers alerts the Incident Response Team by Slack.

If Slack does not take the alert, a fallback by e-mail goes to each of the team.
"""

from __future__ import annotations

from dataclasses import replace

from holdfast.domain.controls.communication import clock, duty_of, names
from holdfast.domain.controls.judging import (
    Duty,
    Situation,
    Verdict,
    judge_exercised,
)
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.memory.incidents import Incident


def judge(situation: Situation) -> Verdict:
    """Judge the alerts of the newest incident."""
    return judge_exercised(owes(situation), situation.now)


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe an alert at detection and word of the end, in every incident."""
    duties: list[Duty] = []
    for incident in situation.state.incidents.values():
        duties.append(_alert(situation, incident))
        if incident.resolved is not None:
            duties.append(_all_clear(situation, incident))
    return tuple(duties)


def _alert(situation: Situation, incident: Incident) -> Duty:
    services = names(incident, situation.rules.catalogue)
    detected_at = incident.opened.detected_at
    notice = NoticeDue(
        notice=f"{incident.id}/alert",
        incident=incident.id,
        duty="alert",
        stage="opened",
        channel="slack",
        recipients=("channel:irt",),
        count=1,
        subject=f"Disruption: {services}",
        text=(
            f"{services} fails for customers since {clock(incident.opened.began_at)}, "
            f"confirmed {clock(detected_at)} ({incident.opened.reason}). "
            "Acknowledge it, and declare a disaster if data or site are lost."
        ),
        at=situation.now,
        due_at=detected_at + situation.rules.duration("alert_within"),
    )
    duty = duty_of(
        situation,
        notice,
        control="alerting",
        owner="IRT",
        what="alert the Incident Response Team",
    )
    return _with_fallback(situation, incident, notice, duty)


def _with_fallback(
    situation: Situation, incident: Incident, notice: NoticeDue, duty: Duty
) -> Duty:
    known = situation.state.notices.get(notice.notice)
    key = f"{notice.notice}/fallback"
    fallback = situation.state.notices.get(key)
    if fallback is not None:
        moments = [m for m in (duty.done_at, fallback.done_at) if m is not None]
        return replace(duty, done_at=min(moments, default=None))
    if known is None or known.done_at is not None:
        return duty
    half = situation.rules.duration("alert_within") / 2
    waited = situation.now >= incident.opened.detected_at + half
    people = situation.rules.catalogue.holders("IRT")
    if not (known.refused or (waited and known.failures)) or not people:
        return duty
    return replace(duty, conclusions=(_by_email(situation, notice, key),))


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


def _all_clear(situation: Situation, incident: Incident) -> Duty:
    assert incident.resolved is not None
    services = names(incident, situation.rules.catalogue)
    notice = NoticeDue(
        notice=f"{incident.id}/alert/resolved",
        incident=incident.id,
        duty="alert",
        stage="resolved",
        channel="slack",
        recipients=("channel:irt",),
        count=1,
        subject=f"Resolved: {services}",
        text=f"{services} works again; resolved {clock(incident.resolved.at)}.",
        at=situation.now,
        due_at=incident.resolved.at + situation.rules.duration("alert_within"),
    )
    return duty_of(
        situation,
        notice,
        control="alerting",
        owner="IRT",
        what="tell the Incident Response Team of the end",
    )
