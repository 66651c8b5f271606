"""What the log's copies off-site mean for the promise of a tamper-proof audit log.

A copy counts once all of it was read back and verified. One that fails for long leaves
the log alone on its machine: at risk. One that reads back differently was altered, or
our own log was: breached.
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
from holdfast.domain.memory.copies import Copy

FAILING_COUNTS_AFTER = timedelta(hours=1)
# A copy is read back daily; older than two of them, nobody looks any more.
CHECKED_COUNTS_FOR = timedelta(days=2)


def judge_copies(situation: Situation) -> Verdict | None:
    """Return what is wrong with the worst copy; ``None`` where nothing is."""
    known = sorted(situation.state.copies.items())
    for name, copy in known:
        if copy.checked is not None and not copy.checked.ok:
            words = f"the copy {name} differs: {copy.checked.detail}"
            return _verdict("breached", words, copy)
    for name, copy in known:
        failing = copy.failing
        if failing and situation.now - failing.at > FAILING_COUNTS_AFTER:
            since = f"takes nothing since {clock(failing.at)}"
            return _verdict(
                "at_risk", f"the copy {name} {since}: {failing.reason}", copy
            )
    for name, copy in known:
        newest = copy.checked
        if newest and not within(newest.at, situation.now, CHECKED_COUNTS_FOR):
            words = f"the copy {name} was not read back for too long"
            return _verdict("stale", words, copy)
    return None


def copy_proofs(situation: Situation) -> tuple[Proof, ...]:
    """Return the newest reading back of every copy that was found whole."""
    return tuple(
        Proof(
            f"copy {name}: {copy.checked.detail}",
            copy.checked_index,
            copy.checked.at,
        )
        for name, copy in sorted(situation.state.copies.items())
        if copy.checked is not None and copy.checked.ok
    )


def _verdict(standing: Standing, words: str, copy: Copy) -> Verdict:
    failing = standing == "at_risk"
    event = copy.failing if failing else copy.checked
    index = copy.failing_index if failing else copy.checked_index
    return Verdict(standing, words, (Proof(words, index, event.at if event else None),))
