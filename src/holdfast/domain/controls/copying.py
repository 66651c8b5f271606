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
    unproven,
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


def judge_rebuilds(situation: Situation) -> Verdict | None:
    """Return what is wrong with the worst rebuild; ``None`` where one is good enough.

    One good copy is what comes back after a disaster; of the others each is judged too.
    """
    known = _of_the_log(situation)
    for name, copy in known:
        last = copy.rebuilt
        words = f"the log rebuilt from {name}"
        if last is None or last.outcome == "whole":
            continue
        if last.outcome == "differs":
            return _rebuild("breached", f"{words} differs: {last.detail}", copy)
        if last.outcome == "failed":
            return _rebuild("at_risk", f"{words} failed: {last.detail}", copy)
        return _rebuild("unproven", f"{words} could not be tried: {last.detail}", copy)
    allowed = situation.rules.duration("log_rebuilt_every")
    for name, copy in known:
        last = copy.rebuilt
        if last is None:
            return unproven(f"the log was never rebuilt from {name}")
        if not within(last.at, situation.now, allowed):
            words = f"the log was last rebuilt from {name} {clock(last.at)}"
            return _rebuild("stale", words, copy)
    return None


def _of_the_log(situation: Situation) -> list[tuple[str, Copy]]:
    """Return the copies of the log; a place that only ever failed may be another."""
    known = sorted(situation.state.copies.items())
    return [(name, copy) for name, copy in known if copy.has_shown_the_log]


def _rebuild(standing: Standing, words: str, copy: Copy) -> Verdict:
    assert copy.rebuilt is not None
    proof = Proof(words, copy.rebuilt_index, copy.rebuilt.at)
    return Verdict(standing, words, (proof,))


def judge_locks(situation: Situation) -> Verdict | None:
    """Return what is wrong with the locks; ``None`` where one copy cannot be deleted.

    One place that refuses deletion is enough, whatever the others are.
    """
    copies = [
        (name, copy.locked, copy.locked_index) for name, copy in _of_the_log(situation)
    ]
    if not copies:
        return None
    fresh = [
        (name, event, index)
        for name, event, index in copies
        if event is not None and within(event.at, situation.now, CHECKED_COUNTS_FOR)
    ]
    if any(event.state == "locked" for _, event, _ in fresh):
        return None
    proofs = tuple(
        Proof(f"lock of {name}: {'; '.join(event.checks)}", index, event.at)
        for name, event, index in fresh
    )
    if any(event.state in ("open", "none") for _, event, _ in fresh):
        return Verdict("at_risk", "no copy is locked against deletion", proofs)
    return unproven("whether a copy is locked against deletion is not known", *proofs)


def lock_proofs(situation: Situation) -> tuple[Proof, ...]:
    """Return the newest proof that a copy refuses deletion, and of each rebuild."""
    locks = tuple(
        Proof(
            f"copy {name}: {'; '.join(copy.locked.checks)}",
            copy.locked_index,
            copy.locked.at,
        )
        for name, copy in sorted(situation.state.copies.items())
        if copy.locked is not None and copy.locked.state == "locked"
    )
    rebuilds = tuple(
        Proof(
            f"copy {name}: {copy.rebuilt.detail}",
            copy.rebuilt_index,
            copy.rebuilt.at,
        )
        for name, copy in sorted(situation.state.copies.items())
        if copy.rebuilt is not None and copy.rebuilt.outcome == "whole"
    )
    return (*locks, *rebuilds)


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
