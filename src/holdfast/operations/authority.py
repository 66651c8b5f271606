"""Who may do what: one table of operation × role, checked here and nowhere else.

Whoever acts, by page, terminal or chat, comes through these use cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from holdfast.domain.events.authority import CheckAnswered
from holdfast.domain.events.copies import (
    CopySeen,
    PublishChecked,
    PublishFailing,
    PublishRecovered,
)
from holdfast.domain.events.drill import DrillMeasured, DrillTraced
from holdfast.domain.events.incident import PreflightChecked, RecoveryVerified
from holdfast.domain.events.job import JobFinished, JobLost, JobStarted
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.measure import BackupWeighed, DatastoreMeasured
from holdfast.domain.events.observation import BackupGone, BackupSeen, ProtectionSeen
from holdfast.domain.events.people import PackWritten, PersonalSaved
from holdfast.domain.events.rehearsal import CopyLockChecked, LedgerRebuilt
from holdfast.domain.events.repository import (
    BackupsExpired,
    RepositoryExamined,
    WalSeen,
    WindowSeen,
)
from holdfast.domain.events.runner import JobProgressed, JobTaken, RunnerSeen
from holdfast.domain.questions import ROLE_NAMES, Role
from holdfast.domain.rules import Rules
from holdfast.errors import HoldfastError

Operation = Literal[
    "acknowledge",
    "declare",
    "order_recovery",
    "order_drill",
    "order_backup",
    "compare_writes",
    "update",
    "resolve",
    "adopt",
    "announce",
    "rotate_key",
    "close_ledger",
    "retire_witness",
    "see_person",
    "erase_person",
    "approve",
    "break_glass",
    "review_glass",
    "release",
    "cancel",
]

MAY: dict[Operation, frozenset[Role]] = {
    "acknowledge": frozenset({"IRT", "PL"}),
    "declare": frozenset({"IRT", "PL", "RC"}),
    "order_recovery": frozenset({"IRT", "PL"}),
    "order_drill": frozenset({"IRT", "PL"}),
    "order_backup": frozenset({"IRT", "PL"}),
    "compare_writes": frozenset({"IRT", "PL"}),
    "update": frozenset({"CS", "IRT", "PL"}),
    "resolve": frozenset({"IRT", "PL"}),
    "adopt": frozenset({"RC"}),
    "announce": frozenset({"PL", "CS"}),
    "approve": frozenset({"RC", "PL", "IRT"}),
    "break_glass": frozenset({"PL", "IRT"}),
    "review_glass": frozenset({"RC", "PL"}),
    "release": frozenset({"CS", "IRT", "PL"}),
    "cancel": frozenset({"RC", "PL", "IRT"}),
    "rotate_key": frozenset({"PL", "RC"}),
    "close_ledger": frozenset({"PL", "RC"}),
    "retire_witness": frozenset({"RC"}),
    "see_person": frozenset({"CS", "PL", "RC"}),
    "erase_person": frozenset({"PL", "RC"}),
}

# What a runner may record: what it did and saw. Never an order, an approval, a
# decision, nor what is in force.
RUNNER_RECORDS: frozenset[type[Event]] = frozenset(
    {
        RunnerSeen,
        JobTaken,
        JobStarted,
        JobProgressed,
        JobFinished,
        JobLost,
        DrillMeasured,
        DrillTraced,
        PreflightChecked,
        RecoveryVerified,
        ProtectionSeen,
        DatastoreMeasured,
        BackupSeen,
        BackupWeighed,
        BackupGone,
        BackupsExpired,
        RepositoryExamined,
        WindowSeen,
        WalSeen,
        CheckAnswered,
        CopySeen,
        PublishFailing,
        PublishRecovered,
        PublishChecked,
        LedgerRebuilt,
        CopyLockChecked,
        PersonalSaved,
        PackWritten,
    }
)

# What cannot be taken back: for it nobody's name alone is enough.
SIGNED_IN: frozenset[Operation] = frozenset(
    {
        "order_recovery",
        "approve",
        "break_glass",
        "review_glass",
        "release",
        "rotate_key",
        "close_ledger",
        "retire_witness",
    }
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """How somebody showed who they are: by what, when, and until when it counts."""

    person: str
    method: str
    at: datetime
    ends_at: datetime
    id: str

    def words(self) -> str:
        """Return what an entry says of it; no secret."""
        at = self.at.isoformat(timespec="seconds")
        return f"{self.method} at {at}, session {self.id}"


class NotSignedInError(HoldfastError):
    """The act needs more than a name."""


class ForbiddenError(HoldfastError):
    """The person does not hold a role that may do this."""


def may(rules: Rules, person: str, operation: Operation) -> bool:
    """Say whether the person holds a role that may do it."""
    allowed = MAY[operation]
    return any(
        known.id == person and allowed & set(known.roles)
        for known in rules.catalogue.people
    )


def require(rules: Rules, person: str, operation: Operation) -> None:
    """Return if the person may do it.

    Raises `ForbiddenError` otherwise, naming the roles that may.
    """
    if may(rules, person, operation):
        return
    names = " or ".join(ROLE_NAMES[role] for role in sorted(MAY[operation]))
    words = operation.replace("_", " ")
    known = {p.id for p in rules.catalogue.people}
    who = person if person in known else f"{person} (not in the catalogue)"
    raise ForbiddenError(f"{who} may not {words}", f"Ask somebody of the {names}.")


def require_signed_in(
    person: str, signed: SignIn | None, operation: Operation, now: datetime
) -> str:
    """Return how the person is known, for the entry.

    Raises `NotSignedInError` unless they signed in and that still counts.
    """
    assert operation in SIGNED_IN
    words = operation.replace("_", " ")
    if signed is None or signed.person != person:
        raise NotSignedInError(
            f"to {words} {person} must sign in",
            f"Sign in with a password: holdfast sign-in --as {person}.",
        )
    if now >= signed.ends_at:
        raise NotSignedInError(
            f"the sign-in of {person} has run out",
            f"Sign in again: holdfast sign-in --as {person}.",
        )
    return signed.words()


def require_second(ordered_by: str, person: str) -> None:
    """Return if the person is not the one who gave the order.

    Raises `ForbiddenError` otherwise.
    """
    if person == ordered_by:
        raise ForbiddenError(
            f"{person} ordered this, and cannot approve it",
            "Ask somebody else of the response team, the lead or the committee.",
        )
