"""Tampering with the log is an incident: opened by what a check found, told to the
response team, taken on by a person, and ended by one.

No mended check ends it by itself: who altered a log may also have put it right again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from holdfast.domain.controls.alerting import with_fallback
from holdfast.domain.controls.communication import clock, duty_of
from holdfast.domain.controls.judging import Duty, Proof, Situation, Verdict
from holdfast.domain.events.notice import NoticeDue, Stage
from holdfast.domain.events.tampering import TamperingFound
from holdfast.domain.memory.tampering import PREFIX, Tampering

RESTS_AFTER = timedelta(days=1)
_RUNBOOK = (
    "Keep the database and every copy as they are. Take it on (holdfast incident ack), "
    "and go by the runbook: the log was tampered with."
)


def conclude(situation: Situation) -> Iterator[TamperingFound]:
    """Yield what opens the incident, or joins the one that is running."""
    known = situation.state.tampering
    running = known.all.get(known.running or "")
    told = {(f.part, f.detail) for f in running.found} if running else set()
    fresh = [
        suspect
        for _, suspect in sorted(known.suspects.items())
        if (suspect.part, suspect.detail) not in told
    ]
    if not fresh:
        return
    name = running.id if running else _unused(situation, min(s.at for s in fresh))
    for suspect in sorted(fresh, key=lambda each: each.index):
        yield TamperingFound(
            incident=name,
            part=suspect.part,
            detail=suspect.detail,
            evidence=suspect.index,
            found_at=suspect.at,
            at=situation.now,
        )


def judge_tampering(situation: Situation) -> Verdict | None:
    """Return the breach that an open incident is; ``None`` where there is none."""
    known = situation.state.tampering
    running = known.all.get(known.running or "")
    if running is None:
        return None
    proofs = tuple(Proof(_words(f), f.evidence, f.found_at) for f in running.found)
    return Verdict("breached", f"incident {running.id} is open", proofs)


def owed_for_tampering(situation: Situation) -> tuple[Duty, ...]:
    """Owe an alert for every finding, the acknowledgement, and word of the end."""
    duties: list[Duty] = []
    for _, incident in sorted(situation.state.tampering.all.items()):
        resolved = incident.resolved
        if resolved is not None and situation.now - resolved.at >= RESTS_AFTER:
            continue
        duties.extend(_alert(situation, incident, f) for f in incident.found)
        duties.append(_acknowledge(situation, incident))
        if resolved is not None:
            words = f"{resolved.by} ended it: {resolved.reason}"
            subject = "Resolved: tampering with the audit log"
            end = _notice(
                situation, incident, "alert/resolved", "resolved", (subject, words)
            )
            due_at = resolved.at + situation.rules.duration("alert_within")
            duties.append(_told(situation, replace(end, due_at=due_at), "of the end"))
    return tuple(duties)


def _unused(situation: Situation, at: datetime) -> str:
    number, found = 1, f"{PREFIX}{at:%Y%m%dT%H%M%S}"
    while found in situation.state.tampering.all:
        number += 1
        found = f"{PREFIX}{at:%Y%m%dT%H%M%S}-{number}"
    return found


def _alert(situation: Situation, incident: Tampering, found: TamperingFound) -> Duty:
    first = found is incident.opened
    subject = "The audit log was tampered with" if first else "Tampering: one part more"
    text = f"{_words(found)} (checked {clock(found.found_at)}). {_RUNBOOK}"
    suffix = "alert" if first else f"alert/{found.part}/{found.found_at:%Y%m%dT%H%M%S}"
    stage: Stage = "opened" if first else "update"
    notice = _notice(situation, incident, suffix, stage, (subject, text))
    due_at = found.at + situation.rules.duration("alert_within")
    return _told(situation, replace(notice, due_at=due_at), f"of the {found.part}")


def _told(situation: Situation, notice: NoticeDue, of_what: str) -> Duty:
    what = f"alert the Incident Response Team of tampering: {of_what}"
    duty = duty_of(situation, notice, control="audit_log", owner="IRT", what=what)
    known = situation.state.notices.get(notice.notice)
    return duty if known is None else with_fallback(situation, known, duty)


def _acknowledge(situation: Situation, incident: Tampering) -> Duty:
    taken, ended = incident.acknowledged, incident.resolved
    done = taken.at if taken else ended.at if ended else None
    return Duty(
        key=f"{incident.id}/acknowledge",
        control="audit_log",
        what="acknowledge the tampering with the audit log",
        owner="IRT",
        due_at=incident.opened.at + situation.rules.duration("acknowledge_within"),
        done_at=done,
        incident=incident.id,
        index=incident.acknowledged_index,
    )


def _notice(
    situation: Situation,
    incident: Tampering,
    suffix: str,
    stage: Stage,
    words: tuple[str, str],
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
        due_at=situation.now,
    )


def _words(found: TamperingFound) -> str:
    return f"{found.part}: {found.detail}"
