"""The audit log is tamper-proof, detects tampering and outlives its own machine.

Judged as far as the evidence goes: full verifications of the log.
"""

from __future__ import annotations

from datetime import timedelta

from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)

VERIFIED_EVERY = timedelta(days=1)


def judge(situation: Situation) -> Verdict:
    """Judge the newest verification of each scope; copy and witness are missing."""
    checks = situation.state.ledger_checks
    if not checks:
        return unproven("the log has not been verified in full yet")
    newest = {check.scope: (check, index) for check, index in checks}
    check, index = min(newest.values(), key=lambda each: (each[0].ok, each[0].at))
    proof = Proof(f"{check.scope}: {check.detail}", index, check.at)
    if not check.ok:
        return Verdict("breached", f"the log does not verify: {check.detail}", (proof,))
    if not within(check.at, situation.now, VERIFIED_EVERY * 2):
        return Verdict("stale", "the last full verification is too old", (proof,))
    return unproven(
        "the log verifies, but no copy out of its operator's reach and no witness "
        "is configured",
        proof,
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: the node verifies daily by itself."""
    del situation
    return ()
