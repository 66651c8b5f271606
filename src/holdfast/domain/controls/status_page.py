"""A disruption is on the public status page within the policy's minutes, then updated
until it is resolved. Done means that a fetch from outside saw it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.domain.controls.communication import clock, duty_of, joined, names
from holdfast.domain.controls.judging import (
    Duty,
    Situation,
    Verdict,
    judge_exercised,
    unproven,
)
from holdfast.domain.events.notice import NoticeDue, Stage
from holdfast.domain.memory.incidents import Incident

# An update is published this long before it is due, so that it is seen in time.
LEAD_MAX = timedelta(minutes=5)


def judge(situation: Situation) -> Verdict:
    """Judge the updates of the newest incident."""
    if situation.rules.status_page_within is None:
        return unproven("the policy does not speak of a status page")
    return judge_exercised(owes(situation), situation.now)


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe the first word, regular updates, and the end, in every incident."""
    within = situation.rules.status_page_within
    if within is None:
        return ()
    duties: list[Duty] = []
    for incident in situation.state.all_incidents():
        duties.append(_first(situation, incident, within))
        duties.extend(_updates(situation, incident, within))
        if incident.resolved is not None:
            duties.append(_end(situation, incident, incident.resolved.at, within))
    return tuple(duties)


def _first(situation: Situation, incident: Incident, within: timedelta) -> Duty:
    services = names(incident.opened.services, situation.rules.catalogue)
    text = (
        f"{services} is not working as it should since "
        f"{clock(incident.opened.began_at)}. We are working on it."
    )
    due = incident.opened.detected_at + within
    notice = _notice(situation, incident, "status", "opened", text, due)
    return _duty(situation, notice, "update the public status page")


def _updates(situation: Situation, incident: Incident, within: timedelta) -> list[Duty]:
    """Return the updates already owed, and the next one if its time has come.

    A service that joins calls for one at once.
    """
    every = situation.rules.duration("status_update_every")
    first = situation.state.notices.get(f"{incident.id}/status")
    if first is None:
        return []
    duties, last_at, number = [], first.due.at, 1
    while (known := situation.state.notices.get(_key(incident, number))) is not None:
        duties.append(_duty(situation, known.due, f"update the status page ({number})"))
        last_at, number = known.due.at, number + 1
    news = [part for _, part in joined(incident) if part.detected_at > last_at]
    due = min([last_at + every, *(part.detected_at + within for part in news)])
    lead = min(LEAD_MAX, every / 10)
    if incident.running and (news or situation.now >= due - lead):
        text = _progress(situation, incident)
        suffix = f"status/update-{number}"
        notice = _notice(situation, incident, suffix, "update", text, due)
        duties.append(_duty(situation, notice, f"update the status page ({number})"))
    return duties


def update_by_hand(situation: Situation, incident: Incident, text: str) -> NoticeDue:
    """Return the next update with a person's own words; the hour runs anew from it."""
    within = situation.rules.status_page_within or LEAD_MAX
    number = 1
    while situation.state.notices.get(_key(incident, number)) is not None:
        number += 1
    suffix = f"status/update-{number}"
    due = situation.now + within
    return _notice(situation, incident, suffix, "update", text, due)


def _key(incident: Incident, number: int) -> str:
    return f"{incident.id}/status/update-{number}"


def _progress(situation: Situation, incident: Incident) -> str:
    failing = names(incident.failing, situation.rules.catalogue)
    if not failing:
        return "We are checking that everything works again and will write again."
    recoveries = situation.state.recoveries.values()
    if any(each.ordered.incident == incident.id for each in recoveries):
        return f"We are restoring {failing} from its backup and will write again."
    return f"{failing}: we are still working on it and will write again."


def _end(
    situation: Situation, incident: Incident, resolved_at: datetime, within: timedelta
) -> Duty:
    services = names(incident.services, situation.rules.catalogue)
    since = incident.restored_since or resolved_at
    text = f"{services} works again since {clock(since)}."
    due = resolved_at + within
    notice = _notice(situation, incident, "status/resolved", "resolved", text, due)
    return _duty(situation, notice, "put the end on the status page")


def _notice(
    situation: Situation,
    incident: Incident,
    suffix: str,
    stage: Stage,
    text: str,
    due_at: datetime,
) -> NoticeDue:
    return NoticeDue(
        notice=f"{incident.id}/{suffix}",
        incident=incident.id,
        duty="status_page",
        stage=stage,
        channel="status_page",
        recipients=("page:status",),
        count=1,
        subject=names(incident.services, situation.rules.catalogue),
        text=text,
        at=situation.now,
        due_at=due_at,
    )


def _duty(situation: Situation, notice: NoticeDue, what: str) -> Duty:
    return duty_of(situation, notice, control="status_page", owner="CS", what=what)
