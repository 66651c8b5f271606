"""Incidents for the response team alone: who is told of them, and who takes them on.

Customers and the status page hear nothing of them by themselves. Each is told when it
opens, at each further finding, and at its end, which only a person brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.domain.controls.alerting import with_fallback
from holdfast.domain.controls.communication import duty_of
from holdfast.domain.controls.judging import Duty, Situation
from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.events.notice import NoticeDue, Stage

RESTS_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Word:
    """One thing to tell: ``suffix`` makes its key, ``of_what`` names it in a duty."""

    suffix: str
    stage: Stage
    subject: str
    text: str
    at: datetime
    of_what: str


@dataclass(frozen=True, slots=True)
class End:
    """Who ended an incident, why, and when."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Internal:
    """An incident as its duties need it; ``what`` names it ("tampering with …")."""

    id: str
    what: str
    opened_at: datetime
    words: Sequence[Word]
    acknowledged: IncidentAcknowledged | None
    acknowledged_index: int | None
    end: End | None


def owed(situation: Situation, incident: Internal) -> Iterator[Duty]:
    """Owe an alert for every finding, the acknowledgement, and word of the end.

    Nothing any more, once its end is long enough ago for every deadline.
    """
    end = incident.end
    if end is not None and situation.now - end.at >= RESTS_AFTER:
        return
    for word in incident.words:
        yield _told(situation, incident, word)
    yield _acknowledge(situation, incident)
    if end is not None:
        subject, text = f"Resolved: {incident.what}", f"{end.by} ended it: {end.reason}"
        last = Word("alert/resolved", "resolved", subject, text, end.at, "of the end")
        yield _told(situation, incident, last)


def _told(situation: Situation, incident: Internal, word: Word) -> Duty:
    notice = NoticeDue(
        notice=f"{incident.id}/{word.suffix}",
        incident=incident.id,
        duty="alert",
        stage=word.stage,
        channel="slack",
        recipients=("channel:irt",),
        count=1,
        subject=word.subject,
        text=word.text,
        at=situation.now,
        due_at=word.at + situation.rules.duration("alert_within"),
    )
    what = f"alert the Incident Response Team of {incident.what}: {word.of_what}"
    duty = duty_of(situation, notice, control="audit_log", owner="IRT", what=what)
    known = situation.state.notices.get(notice.notice)
    return duty if known is None else with_fallback(situation, known, duty)


def _acknowledge(situation: Situation, incident: Internal) -> Duty:
    taken, end = incident.acknowledged, incident.end
    done = taken.at if taken else end.at if end else None
    return Duty(
        key=f"{incident.id}/acknowledge",
        control="audit_log",
        what=f"acknowledge {incident.what}",
        owner="IRT",
        due_at=incident.opened_at + situation.rules.duration("acknowledge_within"),
        done_at=done,
        incident=incident.id,
        index=incident.acknowledged_index,
    )


def unused(prefix: str, at: datetime, taken: Sequence[str]) -> str:
    """Return a name for an incident that begins then, and that no other bears."""
    number, found = 1, f"{prefix}{at:%Y%m%dT%H%M%S}"
    while found in taken:
        number += 1
        found = f"{prefix}{at:%Y%m%dT%H%M%S}-{number}"
    return found
