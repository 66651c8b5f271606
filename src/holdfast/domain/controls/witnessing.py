"""What the log's witnesses mean for the promise of a tamper-proof audit log.

A silent witness leaves the log unwatched: at risk. One that disagrees has cosigned
another log than ours, which no accident of the network explains: breached.
"""

from __future__ import annotations

from datetime import timedelta

from holdfast.domain.controls.alerting import with_fallback
from holdfast.domain.controls.communication import clock, duty_of
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Standing,
    Verdict,
    within,
)
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.events.witness import WitnessDisagreed, WitnessSilent
from holdfast.domain.memory.witnesses import Trouble, Witness

# A cosignature is recorded daily; older than two of them, nobody asks any more.
COSIGNED_COUNTS_FOR = timedelta(days=2)
# Where an incident's id would stand: a customer sees nothing of this one.
SUBJECT = "audit-log"


def judge_witnesses(situation: Situation) -> Verdict | None:
    """Return what is wrong with the worst witness; ``None`` where nothing is."""
    known = sorted(situation.state.witnesses.items())
    disagreed = [w for _, w in known if isinstance(w.trouble, WitnessDisagreed)]
    silent = [w for _, w in known if isinstance(w.trouble, WitnessSilent)]
    if disagreed:
        return _ailing("breached", disagreed[0])
    missed = situation.state.quorum_missed
    if missed is not None:
        names = ", ".join(missed.witnesses) or "none"
        words = (
            f"no checkpoint has its quorum of {missed.wanted} since "
            f"{clock(missed.since)}: the newest is cosigned by {names}"
        )
        why = [_words(witness.trouble) for witness in silent if witness.trouble]
        proof = Proof(words, None, missed.at)
        return Verdict("at_risk", "; ".join([words, *why]), (proof,))
    if silent:
        return _ailing("at_risk", silent[0])
    for name, witness in known:
        if not _is_fresh(situation, witness):
            reason = f"witness {name} was not asked for too long"
            return Verdict("stale", reason, witness_proofs(situation))
    return None


def witness_proofs(situation: Situation) -> tuple[Proof, ...]:
    """Return the newest recorded cosignature of every witness."""
    return tuple(
        Proof(
            f"witness {name}: cosigned at size {witness.cosigned.size:,}",
            witness.cosigned_index,
            witness.cosigned.at,
        )
        for name, witness in sorted(situation.state.witnesses.items())
        if witness.cosigned is not None
    )


def owed_for_witnesses(situation: Situation) -> tuple[Duty, ...]:
    """Owe the Incident Response Team word of every silent witness.

    One that disagrees is an incident, and told with it.
    """
    return tuple(
        _told(situation, name, witness.trouble)
        for name, witness in sorted(situation.state.witnesses.items())
        if isinstance(witness.trouble, WitnessSilent)
    )


def _told(situation: Situation, name: str, trouble: WitnessSilent) -> Duty:
    notice = _notice(situation, trouble)
    duty = duty_of(
        situation,
        notice,
        control="audit_log",
        owner="IRT",
        what=f"alert the Incident Response Team of witness {name}",
    )
    known = situation.state.notices.get(notice.notice)
    return duty if known is None else with_fallback(situation, known, duty)


def _ailing(standing: Standing, witness: Witness) -> Verdict:
    assert witness.trouble is not None
    words = _words(witness.trouble)
    proof = Proof(words, witness.trouble_index, witness.trouble.at)
    return Verdict(standing, words, (proof,))


def _is_fresh(situation: Situation, witness: Witness) -> bool:
    newest = witness.cosigned
    return newest is not None and within(newest.at, situation.now, COSIGNED_COUNTS_FOR)


def _notice(situation: Situation, trouble: WitnessSilent) -> NoticeDue:
    subject = f"The audit log's witness {trouble.witness} is silent"
    advice = (
        "Recording and acting go on. Ask whoever runs the witness; until it "
        "answers, nobody outside vouches for the log."
    )
    return NoticeDue(
        notice=f"{trouble.key}/alert",
        incident=SUBJECT,
        duty="escalation",
        stage="opened",
        channel="slack",
        recipients=("channel:irt",),
        count=1,
        subject=subject,
        text=f"Audit log: {_words(trouble)}. {advice}",
        at=situation.now,
        due_at=trouble.at + situation.rules.duration("alert_within"),
    )


def _words(trouble: Trouble) -> str:
    match trouble:
        case WitnessDisagreed():
            return f"witness {trouble.witness} disagrees: {trouble.detail}"
        case WitnessSilent():
            since = clock(trouble.since)
            return (
                f"witness {trouble.witness} has cosigned nothing since {since}: "
                f"{trouble.detail}"
            )
