"""What the log's own signing means for the promise of a tamper-proof audit log.

A log that grows unsigned proves nothing of what is new: at risk. And once a week a
checkpoint is posted where people see it, so that no later history, however well it is
signed, can differ from what they hold.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.domain.controls.alerting import with_fallback
from holdfast.domain.controls.communication import clock, duty_of
from holdfast.domain.controls.judging import Duty, Proof, Situation, Verdict
from holdfast.domain.events.custody import LedgerCheckpointTaken, LedgerSigningFailing
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.memory.custody import Custody

# Where an incident's id would stand: a customer sees nothing of this one.
SUBJECT = "audit-log"
POST_EVERY = timedelta(days=7)
# From when it is due until it is late: a day, for a channel that is down.
POST_WITHIN = timedelta(days=1)
# A signer that is back by then is an entry, and wakes nobody.
UNSIGNED_ALERTS_AFTER = timedelta(minutes=5)


def judge_custody(situation: Situation) -> Verdict | None:
    """Return what is wrong with signing or posting; ``None`` where nothing is."""
    custody = situation.state.custody
    failing = custody.failing
    if failing is not None:
        words = f"the log is not signed since {clock(failing.at)}: {failing.reason}"
        proof = Proof(words, custody.failing_index, failing.at)
        return Verdict("at_risk", words, (proof,))
    late = [duty for duty in _posting(situation) if _is_late(duty, situation.now)]
    if late:
        due = late[0].due_at
        assert due is not None
        proof = Proof(late[0].what, late[0].index, late[0].done_at)
        done = "was posted late" if late[0].done_at else "is not posted"
        words = f"the weekly checkpoint {done}: it was due by {clock(due)}"
        return Verdict("at_risk", words, (proof,))
    return None


def custody_proofs(situation: Situation) -> tuple[Proof, ...]:
    """Return the checkpoint that was posted last, if its receipt is here."""
    taken = situation.state.custody.taken
    return tuple(
        Proof(f"checkpoint of size {taken.size:,} posted", duty.index, duty.done_at)
        for duty in _posting(situation)
        if taken is not None and duty.done_at is not None
    )


def owed_for_custody(situation: Situation) -> tuple[Duty, ...]:
    """Owe the weekly posting, and word of a log that stays unsigned."""
    failing = situation.state.custody.failing
    unsigned = (
        [_unsigned(situation, failing)]
        if failing and situation.now - failing.at >= UNSIGNED_ALERTS_AFTER
        else []
    )
    return (*_posting(situation), *unsigned)


def checkpoint_due(situation: Situation) -> datetime | None:
    """Return by when this week's checkpoint is to be posted, if it is to be taken now.

    Counted from the one before, or from the policy's adoption.
    """
    base = _base(situation.state.custody, situation.state.adopted.first_at)
    if base is None or situation.now - base < POST_EVERY:
        return None
    return base + POST_EVERY + POST_WITHIN


def _base(custody: Custody, adopted_at: datetime | None) -> datetime | None:
    return custody.taken.at if custody.taken else adopted_at


def _posting(situation: Situation) -> tuple[Duty, ...]:
    """Return the duty of the last checkpoint that was taken, and of one to take now."""
    taken, due_at = situation.state.custody.taken, checkpoint_due(situation)
    duties = [_posted(situation, taken)] if taken is not None else []
    if due_at is not None:
        duties.append(
            Duty(
                key=f"ledger/checkpoint/{due_at.isoformat()}",
                control="audit_log",
                what="take the weekly checkpoint of the audit log and post it",
                owner="PL",
                due_at=due_at,
            )
        )
    return tuple(duties)


def _posted(situation: Situation, taken: LedgerCheckpointTaken) -> Duty:
    ids = ", ".join(taken.key_ids)
    notice = NoticeDue(
        notice=f"{taken.key}/posted",
        incident=SUBJECT,
        duty="checkpoint",
        stage="update",
        channel="slack",
        recipients=("channel:irt",),
        count=1,
        subject=f"Weekly checkpoint of the audit log: {taken.size:,} entries",
        text=(
            f"Log {taken.origin}, size {taken.size}, root {taken.root}, signed by key "
            f"{ids}. Keep this message: no history that differs from it can be this "
            f"log's.\n```\n{taken.note}```"
        ),
        at=situation.now,
        due_at=taken.due_at,
    )
    duty = duty_of(
        situation,
        notice,
        control="audit_log",
        owner="PL",
        what="post the weekly checkpoint of the audit log",
    )
    known = situation.state.notices.get(notice.notice)
    return duty if known is None else with_fallback(situation, known, duty)


def _unsigned(situation: Situation, failing: LedgerSigningFailing) -> Duty:
    notice = NoticeDue(
        notice=f"{failing.key}/alert",
        incident=SUBJECT,
        duty="alert",
        stage="opened",
        channel="slack",
        recipients=("channel:irt",),
        count=1,
        subject="The audit log is not signed any more",
        text=(
            f"Since {clock(failing.at)} whoever holds the key does not sign: "
            f"{failing.reason}. Recording and acting go on, and it is signed again "
            "once that is mended. See: holdfast ledger key show --try."
        ),
        at=situation.now,
        due_at=failing.at
        + UNSIGNED_ALERTS_AFTER
        + situation.rules.duration("alert_within"),
    )
    duty = duty_of(
        situation,
        notice,
        control="audit_log",
        owner="IRT",
        what="alert the Incident Response Team that the log is not signed",
    )
    known = situation.state.notices.get(notice.notice)
    return duty if known is None else with_fallback(situation, known, duty)


def _is_late(duty: Duty, now: datetime) -> bool:
    return duty.late or duty.overdue(now)
