"""Acts that destroy: who ordered one, how they were known, and who else agreed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

Destructive = Literal[
    "restore", "release", "rotate_key", "close_ledger", "retire_witness"
]
# How an actor is known who did not sign in.
NAME_ALONE = "name alone"


@dataclass(frozen=True, slots=True)
class ActOrdered:
    """Somebody who signed in ordered what cannot be taken back.

    Nothing of it is done until another person approves, or the glass is broken; after
    ``lapses_at`` it is void. ``holds`` names the steps that wait for a person besides,
    as ``runbook`` (its digest) has it.
    """

    TYPE: ClassVar[str] = "act.ordered"
    V: ClassVar[int] = 1
    order: str
    operation: Destructive
    subject: str
    by: str
    signed_in: str
    holds: tuple[str, ...]
    runbook: str | None
    lapses_at: datetime
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"act/{self.order}/ordered"


@dataclass(frozen=True, slots=True)
class ActApproved:
    """A second person, who signed in, agreed."""

    TYPE: ClassVar[str] = "act.approved"
    V: ClassVar[int] = 1
    order: str
    by: str
    signed_in: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"act/{self.order}/approved"


@dataclass(frozen=True, slots=True)
class GlassBroken:
    """The act goes ahead without a second person, for this reason; it is reviewed."""

    TYPE: ClassVar[str] = "act.glass_broken"
    V: ClassVar[int] = 1
    order: str
    by: str
    signed_in: str
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"act/{self.order}/glass-broken"


@dataclass(frozen=True, slots=True)
class GlassReviewed:
    """Somebody else looked at why the glass was broken, and says what follows."""

    TYPE: ClassVar[str] = "act.glass_reviewed"
    V: ClassVar[int] = 1
    order: str
    by: str
    signed_in: str
    words: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"act/{self.order}/glass-reviewed"


@dataclass(frozen=True, slots=True)
class StepConfirmed:
    """A person did a step of the runbook, or let the machine go ahead with one."""

    TYPE: ClassVar[str] = "act.step_confirmed"
    V: ClassVar[int] = 1
    order: str
    step: str
    by: str
    words: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"act/{self.order}/step/{self.step}"


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """An order of which nothing has begun is void."""

    TYPE: ClassVar[str] = "order.cancelled"
    V: ClassVar[int] = 1
    order: str
    by: str
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"act/{self.order}/cancelled"


@dataclass(frozen=True, slots=True)
class CheckOrdered:
    """Somebody asks whether a restore could work now; nothing is touched."""

    TYPE: ClassVar[str] = "check.ordered"
    V: ClassVar[int] = 1
    check: str
    datastore: str
    repository: int
    target: datetime | None
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"check/{self.check}/ordered"


@dataclass(frozen=True, slots=True)
class CheckAnswered:
    """What the engine says to that."""

    TYPE: ClassVar[str] = "check.answered"
    V: ClassVar[int] = 1
    check: str
    ok: bool
    checks: tuple[str, ...]
    evidence: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"check/{self.check}/answered"
