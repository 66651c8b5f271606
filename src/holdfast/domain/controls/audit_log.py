"""The audit log is tamper-proof, detects tampering and outlives its own machine.

Judged as far as the evidence goes: full verifications of the log, its copies off-site,
whether they are locked and the log comes back from them, and what witnesses on other
hosts say of it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from holdfast.domain.controls.copying import (
    copy_proofs,
    judge_copies,
    judge_locks,
    judge_rebuilds,
    lock_proofs,
)
from holdfast.domain.controls.custody import (
    custody_proofs,
    judge_custody,
    owed_for_custody,
)
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)
from holdfast.domain.controls.ransomware import judge_suspicions
from holdfast.domain.controls.tampering import judge_tampering
from holdfast.domain.controls.unwitnessed import judge_lapses
from holdfast.domain.controls.witnessing import judge_witnesses, witness_proofs

WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")
VERIFIED_EVERY = timedelta(days=1)


def judge(situation: Situation) -> Verdict:
    """Judge by the worst of what verifications, copies and witnesses show."""
    parts = (
        judge_tampering,
        judge_suspicions,
        _judge_checks,
        judge_copies,
        judge_rebuilds,
        judge_locks,
        judge_lapses,
        judge_witnesses,
        judge_custody,
    )
    found = [judge_part(situation) for judge_part in parts]
    verdicts = [verdict for verdict in found if verdict is not None]
    worst = min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))
    alike = [verdict for verdict in verdicts if verdict.standing == worst.standing]
    # Who looks into tampering wants all that speaks of it, not the first of it.
    return replace(
        worst,
        reason="; ".join(dict.fromkeys(verdict.reason for verdict in alike)),
        proofs=tuple(proof for verdict in alike for proof in verdict.proofs),
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe word of who signs the log; the node verifies daily by itself."""
    return owed_for_custody(situation)


def _judge_checks(situation: Situation) -> Verdict:
    """Judge the newest verification of each scope; alone, a log proves nothing."""
    checks = situation.state.ledger_checks
    if not checks:
        return unproven("the log has not been verified in full yet")
    newest = {check.scope: (check, index) for check, index in checks}
    check, index = min(newest.values(), key=lambda each: (each[0].ok, each[0].at))
    proof = Proof(f"{check.scope}: {check.detail}", index, check.at)
    if not check.ok:
        return Verdict("breached", f"the log does not verify: {check.detail}", (proof,))
    check, index = newest.get("database", (check, index))
    proof = Proof(f"{check.scope}: {check.detail}", index, check.at)
    if not within(check.at, situation.now, VERIFIED_EVERY * 2):
        return Verdict("stale", "the last full verification is too old", (proof,))
    copied, witnessed = copy_proofs(situation), witness_proofs(situation)
    missing = [
        *([] if copied else ["no copy out of its operator's reach was read back"]),
        *([] if witnessed else ["no witness cosigned it"]),
    ]
    proofs = (
        proof,
        *copied,
        *lock_proofs(situation),
        *witnessed,
        *custody_proofs(situation),
    )
    if missing:
        return unproven(f"the log verifies, but {' and '.join(missing)}", *proofs)
    return Verdict("met", "the log, its copies and its witnesses agree", proofs)
