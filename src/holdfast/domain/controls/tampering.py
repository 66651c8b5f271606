"""Tampering with the log is an incident: opened by what a check found, told to the
response team, taken on by a person, and ended by one.

No mended check ends it by itself: who altered a log may also have put it right again.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.domain.controls.communication import clock
from holdfast.domain.controls.internal import End, Internal, Word, owed, unused
from holdfast.domain.controls.judging import Duty, Proof, Situation, Verdict
from holdfast.domain.events.tampering import TamperingFound
from holdfast.domain.memory.tampering import PREFIX, Tampering

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
    first_at = min(suspect.at for suspect in fresh)
    name = running.id if running else unused(PREFIX, first_at, tuple(known.all))
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
    incidents = sorted(situation.state.tampering.all.items())
    return tuple(
        duty for _, one in incidents for duty in owed(situation, _internal(one))
    )


def _internal(incident: Tampering) -> Internal:
    resolved = incident.resolved
    return Internal(
        id=incident.id,
        what="tampering with the audit log",
        opened_at=incident.opened.at,
        words=[_word(incident, found) for found in incident.found],
        acknowledged=incident.acknowledged,
        acknowledged_index=incident.acknowledged_index,
        end=End(resolved.by, resolved.reason, resolved.at) if resolved else None,
    )


def _word(incident: Tampering, found: TamperingFound) -> Word:
    first = found is incident.opened
    later = f"alert/{found.part}/{found.found_at:%Y%m%dT%H%M%S}"
    return Word(
        suffix="alert" if first else later,
        stage="opened" if first else "update",
        subject=(
            "The audit log was tampered with" if first else "Tampering: one part more"
        ),
        text=f"{_words(found)} (checked {clock(found.found_at)}). {_RUNBOOK}",
        at=found.at,
        of_what=f"of the {found.part}",
    )


def _words(found: TamperingFound) -> str:
    return f"{found.part}: {found.detail}"
