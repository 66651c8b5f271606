"""A silent witness and a missed quorum are an incident: opened by what was recorded of
witnesses, told to the response team, and over once witnesses vouch again.

A witness that disagrees is another matter: it is tampering, which only a person ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from holdfast.domain.controls.communication import clock
from holdfast.domain.controls.internal import End, Internal, Word, owed, unused
from holdfast.domain.controls.judging import Duty, Proof, Situation, Verdict
from holdfast.domain.events.unwitnessed import WitnessingLapsed, WitnessingResumed
from holdfast.domain.events.witness import WitnessSilent
from holdfast.domain.memory.lapses import PREFIX, Lapse

QUORUM = "quorum"
_RUNBOOK = (
    "Recording and acting go on; until witnesses answer, nobody outside vouches for "
    "what is recorded. Take it on (holdfast incident ack), and go by the runbook: no "
    "witness vouches for the log."
)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong now, and the index of the entry that says so."""

    part: str
    detail: str
    index: int
    since: datetime


def conclude(
    situation: Situation,
) -> Iterator[WitnessingLapsed | WitnessingResumed]:
    """Yield what opens the incident or joins the running one; or what ends that."""
    known = situation.state.lapses
    running = known.all.get(known.running or "")
    faults = tuple(_faults(situation))
    told = {found.evidence for found in running.found} if running else set()
    fresh = [fault for fault in faults if fault.index not in told]
    if fresh:
        first_at = min(fault.since for fault in fresh)
        name = running.id if running else unused(PREFIX, first_at, tuple(known.all))
        for fault in sorted(fresh, key=lambda each: each.index):
            yield WitnessingLapsed(
                incident=name,
                part=fault.part,
                detail=fault.detail,
                evidence=fault.index,
                since=fault.since,
                at=situation.now,
            )
    elif running is not None and not faults:
        yield _resumed(situation, running)


def judge_lapses(situation: Situation) -> Verdict | None:
    """Return the risk that an open incident is; ``None`` where there is none."""
    known = situation.state.lapses
    running = known.all.get(known.running or "")
    if running is None:
        return None
    proofs = tuple(Proof(_words(f), f.evidence, f.since) for f in running.found)
    return Verdict("at_risk", f"incident {running.id} is open", proofs)


def owed_for_lapses(situation: Situation) -> tuple[Duty, ...]:
    """Owe an alert for every lapse, the acknowledgement, and word of the end."""
    incidents = sorted(situation.state.lapses.all.items())
    return tuple(
        duty for _, one in incidents for duty in owed(situation, _internal(one))
    )


def _faults(situation: Situation) -> Iterator[_Fault]:
    for name, witness in sorted(situation.state.witnesses.items()):
        trouble, index = witness.trouble, witness.trouble_index
        if isinstance(trouble, WitnessSilent) and index is not None:
            words = f"it has cosigned nothing since {clock(trouble.since)}"
            detail = f"{words}: {trouble.detail}"
            yield _Fault(f"witness {name}", detail, index, trouble.since)
    missed, index = situation.state.quorum_missed, situation.state.quorum_index
    if missed is not None and index is not None:
        names = ", ".join(missed.witnesses) or "none"
        detail = (
            f"no checkpoint has its quorum of {missed.wanted} since "
            f"{clock(missed.since)}: the newest, of size {missed.size:,}, is cosigned "
            f"by {names}"
        )
        yield _Fault(QUORUM, detail, index, missed.since)


def _resumed(situation: Situation, running: Lapse) -> WitnessingResumed:
    """Return the end of the incident, with what became of each of its parts."""
    words: list[str] = []
    evidence: list[int] = []
    for part in dict.fromkeys(found.part for found in running.found):
        said, index = _now(situation, part)
        words.append(said)
        evidence += [] if index is None else [index]
    return WitnessingResumed(
        running.id, "; ".join(words), tuple(evidence), situation.now
    )


def _now(situation: Situation, part: str) -> tuple[str, int | None]:
    state = situation.state
    if part == QUORUM:
        if state.witnesses:
            return "checkpoints have their quorum again", state.quorum_index
        return "no witness is asked any more", None
    witness = state.witnesses.get(part.removeprefix("witness "))
    if witness is None:
        return f"{part} is asked no more", None
    if witness.trouble is not None:
        return f"{part} answers, and disagrees", witness.trouble_index
    return f"{part} cosigns again", witness.cosigned_index


def _internal(incident: Lapse) -> Internal:
    resolved = incident.resolved
    return Internal(
        id=incident.id,
        what="the audit log's missing witnesses",
        opened_at=incident.opened.at,
        words=[_word(incident, found) for found in incident.found],
        acknowledged=incident.acknowledged,
        acknowledged_index=incident.acknowledged_index,
        end=End("holdfast", resolved.detail, resolved.at) if resolved else None,
    )


def _word(incident: Lapse, found: WitnessingLapsed) -> Word:
    first = found is incident.opened
    return Word(
        suffix="alert" if first else f"alert/{found.evidence}",
        stage="opened" if first else "update",
        subject=_subject(found),
        text=f"Audit log: {_words(found)}. {_RUNBOOK}",
        at=found.at,
        of_what=found.part,
    )


def _subject(found: WitnessingLapsed) -> str:
    if found.part == QUORUM:
        return "The audit log has no quorum of witnesses"
    return f"The audit log's {found.part} is silent"


def _words(found: WitnessingLapsed) -> str:
    return f"{found.part}: {found.detail}"
