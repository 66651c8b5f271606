"""Ransomware in the data is suspected as an incident, with the last good moment named.

Clause 5.3: the log shall detect ransomware and help to recover from it. A sign opens
the incident; the response team is told once of each; a person ends it, with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from holdfast.domain import ransomware
from holdfast.domain.controls.communication import clock
from holdfast.domain.controls.internal import End, Internal, Word, owed, unused
from holdfast.domain.controls.judging import Duty, Proof, Situation, Verdict
from holdfast.domain.events.ransomware import RansomwareSuspected
from holdfast.domain.memory.suspicions import PREFIX, Suspicion

_RUNBOOK = (
    "Take it on (holdfast incident ack). Stop what writes before you stop the server; "
    "keep backups from expiring; go by the runbook for ransomware."
)


def conclude(situation: Situation) -> Iterator[RansomwareSuspected]:
    """Yield each sign that is new, of every datastore.

    What a person ended stays ended: only what is seen after that counts anew.
    """
    known = situation.state.suspicions
    taken = list(known.all)
    for name, datastore in sorted(situation.state.datastores.items()):
        found = ransomware.signs(datastore)
        ended_at = known.ended_at.get(name)
        running = known.all.get(known.running.get(name, ""))
        told = {sign.sign for sign in running.signs} if running else set()
        fresh = [
            sign
            for sign in found
            if sign.name not in told and (ended_at is None or sign.at > ended_at)
        ]
        if not fresh:
            continue
        began_at = running.opened.seen_at if running else fresh[0].at
        good = ransomware.last_good(datastore, min(began_at, fresh[0].at))
        incident = running.id if running else unused(PREFIX, began_at, taken)
        taken.append(incident)
        for sign in {sign.name: sign for sign in reversed(fresh)}.values():
            yield RansomwareSuspected(
                incident=incident,
                datastore=name,
                sign=sign.name,
                detail=sign.detail,
                evidence=sign.index,
                seen_at=sign.at,
                untouched_at=good.untouched_at,
                restored_at=good.restored_at,
                at=situation.now,
            )


def judge_suspicions(situation: Situation) -> Verdict | None:
    """Return the breach that an open incident is; ``None`` where there is none."""
    known = situation.state.suspicions
    running = [known.all[name] for _, name in sorted(known.running.items())]
    if not running:
        return None
    proofs = tuple(
        Proof(_words(sign), sign.evidence, sign.seen_at)
        for incident in running
        for sign in incident.signs
    )
    names = ", ".join(incident.id for incident in running)
    return Verdict("breached", f"ransomware is suspected: {names}", proofs)


def owed_for_suspicions(situation: Situation) -> tuple[Duty, ...]:
    """Owe an alert for every sign, the acknowledgement, and word of the end."""
    incidents = sorted(situation.state.suspicions.all.items())
    return tuple(
        duty for _, one in incidents for duty in owed(situation, _internal(one))
    )


def _internal(incident: Suspicion) -> Internal:
    resolved = incident.resolved
    return Internal(
        id=incident.id,
        what=f"suspected ransomware in {incident.opened.datastore}",
        opened_at=incident.opened.at,
        words=[_word(incident, sign) for sign in incident.signs],
        acknowledged=incident.acknowledged,
        acknowledged_index=incident.acknowledged_index,
        end=End(resolved.by, resolved.reason, resolved.at) if resolved else None,
    )


def _word(incident: Suspicion, sign: RansomwareSuspected) -> Word:
    first = sign is incident.opened
    subject = f"Ransomware is suspected in {sign.datastore}"
    return Word(
        suffix="alert" if first else f"alert/{sign.sign}",
        stage="opened" if first else "update",
        subject=subject if first else f"{subject}: one sign more",
        text=f"{_words(sign)} (seen {clock(sign.seen_at)}). {_good(sign)} {_RUNBOOK}",
        at=sign.at,
        of_what=sign.sign.replace("_", " "),
    )


def _words(sign: RansomwareSuspected) -> str:
    return f"{sign.datastore}: {sign.detail}"


def _good(sign: RansomwareSuspected) -> str:
    told = []
    if sign.untouched_at is not None:
        told.append(
            f"Canaries were last intact at {_utc(sign.untouched_at)}: "
            f"holdfast recover {sign.datastore} --to {_utc(sign.untouched_at)}."
        )
    if sign.restored_at is not None:
        told.append(
            f"A restore test last passed with data of {_utc(sign.restored_at)}."
        )
    return " ".join(told) or "Nothing vouches for an earlier moment."


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
