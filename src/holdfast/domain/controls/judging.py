"""The shape that all twenty controls share: what they are asked and what they answer.

A control remembers nothing of its own: what is known stands in `domain.state`, once,
because one incident serves five promises. Each control judges it (`judge`) and says
what is owed (`owes`). The one rule: unproven is not met.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from holdfast.domain.events.kinds import Event
from holdfast.domain.promises import ControlName
from holdfast.domain.questions import Role
from holdfast.domain.rules import Rules
from holdfast.domain.state import State

Standing = Literal["met", "at_risk", "breached", "stale", "unproven", "unbound"]

# How long a passed exercise of a communication duty counts as fresh evidence.
EXERCISE_COUNTS_FOR = timedelta(days=365)
# So far apart may the clocks of two hosts be.
CLOCKS_DIFFER_MAX = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence in words, with the ledger index that carries it."""

    text: str
    index: int | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a control stands, why in one sentence, and on what evidence."""

    standing: Standing
    reason: str
    proofs: tuple[Proof, ...] = ()
    next_due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """An obligation come due for somebody.

    ``conclusions`` are what a machine must record now to settle it; empty when it is
    settled, not to be acted on yet, or for a person to do. ``done_at`` is the
    evidence's moment, not Holdfast's. ``unreached`` counts those who refused for good
    what was owed to them: where nobody took it, it will never be done.
    """

    key: str
    control: ControlName
    what: str
    owner: Role
    due_at: datetime | None
    done_at: datetime | None = None
    incident: str | None = None
    conclusions: tuple[Event, ...] = ()
    index: int | None = None
    unreached: int = 0

    def overdue(self, now: datetime) -> bool:
        """Say whether the deadline passed undone."""
        return self.done_at is None and self.due_at is not None and now > self.due_at

    @property
    def late(self) -> bool:
        """Say whether it was done after its deadline."""
        return (
            self.done_at is not None
            and self.due_at is not None
            and self.done_at > self.due_at
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """What a control is asked about: the rules in force, what is known, the moment."""

    rules: Rules
    state: State
    now: datetime


class Control(Protocol):
    """A module of this folder."""

    def judge(self, situation: Situation) -> Verdict:
        """Say how the promise stands."""
        ...

    def owes(self, situation: Situation) -> tuple[Duty, ...]:
        """Say what is owed under the promise, settled duties of late included."""
        ...


def unproven(reason: str, *proofs: Proof) -> Verdict:
    """Return the verdict of a control without fresh evidence."""
    return Verdict("unproven", reason, proofs)


# Questions of other controls on whose answers a control's verdict rests too.
RESTS_ON: dict[ControlName, tuple[str, ...]] = {
    "recovery_time": ("drill_every", "vantage_quorum"),
    "recovery_point": ("drill_every",),
    "availability": ("business_calendar",),
    "off_site": ("backup_gap",),
    "drills": ("critical_functions",),
    "alerting": ("vantage_quorum",),
    "status_page": ("disruption_confirmed_after", "vantage_quorum"),
    "customer_email": ("restored_vantage_points", "vantage_quorum"),
}


def guarded(situation: Situation, control: ControlName, verdict: Verdict) -> Verdict:
    """Return the verdict, but never `met` on a default that nobody approved.

    DESIGN, policy and overlay: defaults run provisionally.
    """
    terms = situation.rules.terms
    others = [
        name
        for name in RESTS_ON.get(control, ())
        if terms[name].anchor is not None and not terms[name].approved
    ]
    awaiting = (*situation.rules.awaiting(control), *others)
    if verdict.standing != "met" or not awaiting:
        return verdict
    names = ", ".join(awaiting)
    reason = f"{verdict.reason}; but nobody approved the default for: {names}"
    return replace(verdict, standing="unbound", reason=reason)


def judge_exercised(duties: tuple[Duty, ...], now: datetime) -> Verdict:
    """Judge a communication duty by what is owed now, else by how it went last time.

    What nobody will ever take is a failure of its own incident: like a failed drill it
    stays until the next time goes well.
    """
    waiting = [duty for duty in duties if duty.done_at is None and not duty.unreached]
    overdue = [duty for duty in waiting if duty.overdue(now)]
    if overdue:
        first = min(overdue, key=lambda duty: duty.due_at or now)
        return Verdict("breached", f"overdue: {first.what}", (), first.due_at)
    if waiting:
        due = min((d.due_at for d in waiting if d.due_at), default=None)
        return Verdict("at_risk", f"owed now: {waiting[0].what}", (), due)
    if not duties:
        return unproven("no disruption and no exercise has called for it yet")
    newest = max(duties, key=lambda duty: duty.due_at or now).incident
    return _judge_last([duty for duty in duties if duty.incident == newest], now)


def _judge_last(last: list[Duty], now: datetime) -> Verdict:
    proofs = tuple(_proof(duty) for duty in last if duty.done_at is not None)
    failed = [duty for duty in last if duty.done_at is None]
    if failed:
        return Verdict("breached", f"nobody took it: {failed[0].what}", proofs)
    late = [duty for duty in last if duty.late]
    if late:
        return Verdict("breached", f"done late: {late[0].what}", proofs)
    missed = [duty for duty in last if duty.unreached]
    if missed:
        count, what = missed[0].unreached, missed[0].what
        return Verdict("at_risk", f"{count} could not be reached: {what}", proofs)
    moments = [duty.done_at for duty in last if duty.done_at is not None]
    if not within(max(moments), now, EXERCISE_COUNTS_FOR):
        return Verdict("stale", "last exercised more than a year ago", proofs)
    return Verdict("met", "done in time when it was last owed", proofs)


def _proof(duty: Duty) -> Proof:
    return Proof(f"{duty.what}: done", duty.index, duty.done_at)


def quorum_down(situation: Situation) -> int:
    """Return how many vantage points must see a service red for it to be down.

    Where fewer are declared than the decision wants, all of them: a company with one
    vantage point is alerted rather than left in the dark.
    """
    declared = len(situation.rules.catalogue.vantage_points)
    return max(1, min(situation.rules.quorum().needed, declared))


def within(moment: datetime, now: datetime, age: timedelta) -> bool:
    """Say whether the moment is at most ``age`` ago, and not still to come.

    What a clock that ran ahead has dated is nobody's fresh evidence.
    """
    return -CLOCKS_DIFFER_MAX <= now - moment <= age
