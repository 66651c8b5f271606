"""What the log's witnesses mean for the promise of a tamper-proof audit log.

A silent witness leaves the log unwatched: at risk. One that disagrees has cosigned
another log than ours, which no accident of the network explains: breached.
"""

from __future__ import annotations

from datetime import timedelta

from holdfast.domain.controls.communication import clock
from holdfast.domain.controls.judging import (
    Proof,
    Situation,
    Standing,
    Verdict,
    within,
)
from holdfast.domain.events.witness import WitnessDisagreed, WitnessSilent
from holdfast.domain.memory.witnesses import Trouble, Witness

# A cosignature is recorded daily; older than two of them, nobody asks any more.
COSIGNED_COUNTS_FOR = timedelta(days=2)


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


def _ailing(standing: Standing, witness: Witness) -> Verdict:
    assert witness.trouble is not None
    words = _words(witness.trouble)
    proof = Proof(words, witness.trouble_index, witness.trouble.at)
    return Verdict(standing, words, (proof,))


def _is_fresh(situation: Situation, witness: Witness) -> bool:
    newest = witness.cosigned
    return newest is not None and within(newest.at, situation.now, COSIGNED_COUNTS_FOR)


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
