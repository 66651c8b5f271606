"""What the compiler makes of a policy: sentences, the obligations in them, and what
it could not read.

The twenty controls are the promises that a policy can make here; an obligation names
the one that keeps it. Nothing in this file knows any particular policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from holdfast.domain.promises import ControlName

Kind = Literal[
    "informational",
    "scope",
    "target",
    "role",
    "rank",
    "state",
    "registry",
    "cadence",
    "review",
    "event",
]

Status = Literal["bound", "informational", "ambiguous", "placeholder"]

Unit = Literal[
    "second",
    "minute",
    "hour",
    "business_hour",
    "day",
    "business_day",
    "week",
    "month",
    "quarter",
    "year",
    "percent",
]

FactField = Literal[
    "rto",
    "rpo",
    "availability",
    "backup_frequency",
    "restore_test_frequency",
    "dr_test_frequency",
    "tabletop_frequency",
    "policy_review",
    "offsite",
    "encrypted",
    "pitr",
    "notify",
    "patch_deadlines",
    "activation_thresholds",
    "other",
]

LineKind = Literal["blank", "front_matter", "markup", "heading", "sentence", "unparsed"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, exactly as the policy has it ("4 business hours")."""

    amount: Decimal
    unit: Unit
    text: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """One thing that a sentence demands.

    ``duty`` is a short verb phrase ("restore critical services"). ``within`` is the
    deadline after ``trigger``; ``threshold`` is an amount inside the trigger ("exceeds
    1 hour") or a level to hold (99.9 %); ``every`` is a cadence in the words of the
    field ("annual", "semi-annual", "daily"). ``owner`` is a role as the policy names
    it, or ``None`` where it names none. ``atoms`` are the single facts of a state that
    has several ("automated", "encrypted"); ``tier`` is the class of services, or the
    severity, that the obligation is limited to.
    """

    control: ControlName
    duty: str
    trigger: str | None = None
    within: Quantity | None = None
    threshold: Quantity | None = None
    every: str | None = None
    owner: str | None = None
    audience: str | None = None
    channel: str | None = None
    rank: int | None = None
    atoms: tuple[str, ...] = ()
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure that a sentence states, in the words of the summary.

    Obligations are what the controls run; facts are all that the policy says, duties
    of others and unfilled blanks included. ``of`` is the tier, the severity or the
    subject; ``value`` is ``None`` where only a placeholder stands.
    """

    field: FactField
    value: str | None = None
    of: str | None = None
    who: str | None = None
    channel: str | None = None
    trigger: str | None = None
    placeholder: str | None = None
    cvss: str | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the policy, with where it stands and what it obliges.

    ``anchor`` is ``sha256:`` and the digest over the normalised text, heading path,
    label and lead-in; ``shape`` the same without numbers, so that a changed value is
    told from a new sentence. ``lines`` are the first and last line, counted from 1.
    ``open_questions`` are ids of ``domain.questions`` that the sentence leaves open.
    """

    anchor: str
    shape: str
    section: str
    heading_path: tuple[str, ...]
    label: str | None
    lead_in: str | None
    lines: tuple[int, int]
    text: str
    kind: Kind
    status: Status
    obligations: tuple[Obligation, ...] = ()
    open_questions: tuple[str, ...] = ()
    note: str | None = None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A blank that nobody filled in, verbatim, with the line it stands on."""

    text: str
    line: int
    anchor: str | None


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """Something the prose leaves open; the overlay's decision answers it."""

    question: str
    anchor: str
    asks: str
    default: str
    approver: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two or more sentences that cannot both be kept, or only at a price."""

    name: str
    anchors: tuple[str, ...]
    message: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A region that belongs to no sentence, heading or markup."""

    lines: tuple[int, int]
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong in the text itself that a person should mend."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy as read: every line of it is accounted for.

    ``digest`` is ``sha256:`` and the digest of the file's bytes; ``line_kinds`` says
    of each line, in order, what it belongs to.
    """

    digest: str
    title: str
    sentences: tuple[Sentence, ...]
    placeholders: tuple[Placeholder, ...]
    open_questions: tuple[OpenQuestion, ...]
    contradictions: tuple[Contradiction, ...]
    unparsed: tuple[Unparsed, ...]
    defects: tuple[Defect, ...]
    line_kinds: tuple[LineKind, ...] = ()
