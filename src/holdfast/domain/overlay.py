"""The overlay: what people decided where the policy's prose leaves something open.

A decision is bound to the sentence that it completes by that sentence's anchor. If the
sentence changes the decision is void for the new text: it is kept, with the reason,
so that its approver sees what to approve anew, but it has no force.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from holdfast.domain.answers import Value
from holdfast.domain.questions import Role


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer, bound to a sentence. Without ``approved_by`` it is provisional.

    ``text`` is the answer as written, ``value`` what it means.
    """

    question: str
    anchor: str
    value: Value
    text: str
    role: Role
    approved_by: str | None = None
    approved_on: date | None = None
    note: str = ""

    @property
    def approved(self) -> bool:
        """Tell whether its role has approved it."""
        return self.approved_by is not None


@dataclass(frozen=True, slots=True)
class VoidDecision:
    """A decision whose sentence is no longer in the policy, and why."""

    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """All decisions of one overlay; at most one in force for each question."""

    digest: str
    decisions: tuple[Decision, ...]
    void: tuple[VoidDecision, ...] = ()

    def decision(self, question: str) -> Decision | None:
        """Return the decision in force for a question."""
        return next((d for d in self.decisions if d.question == question), None)
