"""Whether there is a runner to carry a recovery out: nobody learns it on the worst day.

Nothing reaches a runner; so it is its silence that speaks, and an order that nobody
takes up.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.domain.controls.communication import clock, duty_of
from holdfast.domain.controls.judging import Duty, Proof, Situation, Verdict
from holdfast.domain.events.notice import NoticeDue

# A runner says that it is there every five minutes; twice missed is silence.
SILENT_AFTER = timedelta(minutes=11)
# It looks for orders every second or so.
TAKEN_WITHIN = timedelta(minutes=2)
ORDERED = frozenset({"restore", "failover", "drill"})
# Where an incident's id would stand: a customer sees nothing of this one.
SUBJECT = "runner"


def judge_running(situation: Situation) -> Verdict | None:
    """Return what is wrong with the runners; ``None`` where nothing is known to be."""
    found = _trouble(situation)
    if not found:
        return None
    _, at, words = found[0]
    proof = Proof(words, None, at)
    return Verdict("at_risk", f"{words}: a recovery would not begin", (proof,))


def owed_for_running(situation: Situation) -> tuple[Duty, ...]:
    """Owe the Incident Response Team word of it."""
    return tuple(
        duty_of(
            situation,
            _notice(situation, key, at, words),
            control="recovery_time",
            owner="IRT",
            what=f"alert the Incident Response Team: {words}",
        )
        for key, at, words in _trouble(situation)
    )


def _trouble(situation: Situation) -> list[tuple[str, datetime, str]]:
    """Return each trouble: a key for its notice, since when it is one, in words."""
    return [*_silent(situation), *_untaken(situation)]


def _silent(situation: Situation) -> list[tuple[str, datetime, str]]:
    runners = sorted(situation.state.runners.values(), key=lambda seen: seen.at)
    if not runners or situation.now - runners[-1].at < SILENT_AFTER:
        return []
    last = runners[-1]
    words = f"no runner was seen since {clock(last.at)} ({last.runner})"
    return [(last.key, last.at + SILENT_AFTER, words)]


def _untaken(situation: Situation) -> list[tuple[str, datetime, str]]:
    state, found = situation.state, []
    for name in sorted(state.jobs.open):
        job = state.jobs.all[name]
        due = job.requested.at + TAKEN_WITHIN
        # Where no runner was ever seen, what a schedule asks for is not yet connected.
        if not state.runners and job.requested.verb not in ORDERED:
            continue
        if job.taken is None and job.started is None and situation.now >= due:
            words = f"no runner has taken up {name}"
            found.append((f"job/{name}/untaken", due, words))
    for name, recovery in sorted(state.recoveries.items()):
        order = state.orders.get(name)
        due = recovery.ordered.at + TAKEN_WITHIN
        void = order is None or order.cancelled or order.lapsed(situation.now)
        if recovery.preflight is None and not void and situation.now >= due:
            words = f"no runner has looked at {name}"
            found.append((f"{name}/untaken", due, words))
    return found


def _notice(situation: Situation, key: str, at: datetime, words: str) -> NoticeDue:
    return NoticeDue(
        notice=f"{key}/alert",
        incident=SUBJECT,
        duty="escalation",
        stage="opened",
        channel="slack",
        recipients=("channel:irt",),
        count=1,
        subject="No runner is at work",
        text=(
            f"Runner: {words}. Start it, or see why it rests: holdfast runner. What "
            "nobody has taken up can be cancelled: holdfast cancel."
        ),
        at=situation.now,
        due_at=at + situation.rules.duration("alert_within"),
    )
