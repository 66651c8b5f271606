"""The rules in force: policy, decisions, catalogue and calendar, resolved into values.

`decide` and the controls read nothing else. For each open question a decision of the
overlay rules, else what the policy itself says, else the default; a default runs
provisionally, and `awaiting` names those that its role still has to approve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, TypeVar

from holdfast.domain import figures
from holdfast.domain.answers import (
    BusinessDuration,
    CalendarAnswer,
    Quorum,
    Value,
    parse_answer,
)
from holdfast.domain.calendar import BusinessCalendar, calendar_from
from holdfast.domain.catalogue import Catalogue
from holdfast.domain.figures import Figure
from holdfast.domain.holiday_table import HolidayTable
from holdfast.domain.overlay import Overlay
from holdfast.domain.policy.model import CompiledPolicy, Sentence
from holdfast.domain.promises import ControlName
from holdfast.domain.questions import BY_NAME, QUESTIONS, Question, Role

_Kind = TypeVar("_Kind")
_LAST_RANK_WITH_A_QUESTION = 4


@dataclass(frozen=True, slots=True)
class Term:
    """What holds for one question, whose word it is, and who may approve it.

    ``text`` is the value as written. ``anchor`` is the sentence that leaves it open,
    or ``None`` where this policy does not raise the question.
    """

    question: str
    value: Value
    text: str
    source: Literal["policy", "decision", "default"]
    approved: bool
    anchor: str | None
    approver: Role


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force. A figure is ``None`` where the policy has no such sentence.

    ``rto`` may count business time. All other lengths are on the wall, where a figure
    in business time would end too early rather than too late.
    """

    policy: CompiledPolicy
    catalogue: Catalogue
    overlay: Overlay | None
    terms: Mapping[str, Term]
    calendar: BusinessCalendar
    rto: Figure | None
    rpo: timedelta | None
    availability: Decimal | None
    backup_every: timedelta | None
    backups_kept_for: timedelta | None
    status_page_within: timedelta | None
    customer_email_after: timedelta | None
    tabletop_every: timedelta | None
    drill_every: timedelta | None
    supplier_review_every: timedelta | None
    policy_review_every: timedelta | None

    def duration(self, question: str) -> timedelta:
        """Return the answer to a question for a time on the wall."""
        return self._answer(question, timedelta)

    def count(self, question: str) -> int:
        """Return the answer to a question for a number."""
        return self._answer(question, int)

    def choice(self, question: str) -> str:
        """Return the answer to a question with choices."""
        return self._answer(question, str)

    def quorum(self) -> Quorum:
        """Return how many vantage points of how many must see a service down."""
        return self._answer("vantage_quorum", Quorum)

    def critical_ranks(self) -> tuple[int, ...]:
        """Return the ranks of the critical, customer-facing functions."""
        ranks: tuple[int, ...] = self._answer("critical_functions", tuple)
        return ranks

    def awaiting(self, control: ControlName) -> tuple[str, ...]:
        """Return the questions of a control whose value nobody has approved.

        Only questions that the policy leaves open: others have nothing to decide.
        """
        return tuple(
            term.question
            for term in self.terms.values()
            if BY_NAME[term.question].control == control
            and term.anchor is not None
            and not term.approved
        )

    def sentences_of(self, control: ControlName) -> tuple[Sentence, ...]:
        """Return the sentences that bind a control, in the order of the policy."""
        return tuple(
            sentence
            for sentence in self.policy.sentences
            if any(o.control == control for o in sentence.obligations)
        )

    def clause(self, control: ControlName) -> str:
        """Return the clause that binds a control, as people cite it ("2 RTO").

        Empty where the policy does not speak of it.
        """
        for sentence in self.sentences_of(control):
            section = sentence.section
            label = sentence.label or (sentence.heading_path or (section,))[-1]
            return label if label.startswith(section) else f"{section} {label}"
        return ""

    def recovery_time(self, rank: int = 1) -> Figure | None:
        """Return the recovery time objective of the function of that rank.

        Ranks that no question asks about share the last one that is asked about.
        """
        if rank <= 1:
            return self.rto
        term = self.terms[f"rto_of_function_{min(rank, _LAST_RANK_WITH_A_QUESTION)}"]
        match term.value:
            case BusinessDuration(length):
                return Figure(length, True, term.text, term.anchor)
            case timedelta():
                return Figure(term.value, False, term.text, term.anchor)
            case _:
                raise TypeError(f"{term.question} is no length of time")

    def recovery_due(self, declared_at: datetime, rank: int = 1) -> datetime | None:
        """Return when a function must be restored after a disaster was declared."""
        figure = self.recovery_time(rank)
        return None if figure is None else figure.due(declared_at, self.calendar)

    def _answer(self, question: str, kind: type[_Kind]) -> _Kind:
        value = self.terms[question].value
        if not isinstance(value, kind):
            raise TypeError(f"{question} is answered by no {kind.__name__}")
        return value


def resolve(
    policy: CompiledPolicy,
    overlay: Overlay | None,
    catalogue: Catalogue,
    holidays: HolidayTable | None,
) -> Rules:
    """Bring what is adopted together; nothing is read and nothing can fail."""
    calendar = _calendar(overlay, holidays)
    terms = {
        question.name: _term(question, policy, overlay, calendar)
        for question in QUESTIONS
    }
    rpo = figures.threshold(policy, "recovery_point", calendar) or figures.deadline(
        policy, "recovery_point", calendar
    )
    return Rules(
        policy=policy,
        catalogue=catalogue,
        overlay=overlay,
        terms=MappingProxyType(terms),
        calendar=calendar,
        rto=figures.deadline(policy, "recovery_time", calendar),
        rpo=_length(rpo),
        availability=figures.share(policy, "availability"),
        backup_every=_length(figures.cadence(policy, "backups")),
        backups_kept_for=_length(figures.retention_of_backups(policy)),
        status_page_within=_length(figures.deadline(policy, "status_page", calendar)),
        customer_email_after=_length(
            figures.threshold(policy, "customer_email", calendar)
        ),
        tabletop_every=_length(figures.cadence(policy, "tabletop")),
        drill_every=_length(figures.cadence(policy, "drills")),
        supplier_review_every=_length(figures.cadence(policy, "third_parties")),
        policy_review_every=_length(figures.cadence(policy, "policy_review")),
    )


def _calendar(
    overlay: Overlay | None, holidays: HolidayTable | None
) -> BusinessCalendar:
    decision = overlay and overlay.decision("business_calendar")
    question = BY_NAME["business_calendar"]
    answer = decision.value if decision else parse_answer(question, question.default)
    if not isinstance(answer, CalendarAnswer):
        raise TypeError("business_calendar is answered by no calendar")
    return calendar_from(answer, holidays)


def _term(
    question: Question,
    policy: CompiledPolicy,
    overlay: Overlay | None,
    calendar: BusinessCalendar,
) -> Term:
    anchor = next(
        (o.anchor for o in policy.open_questions if o.question == question.name), None
    )
    decision = overlay and overlay.decision(question.name)
    if decision:
        value, text = decision.value, decision.text
        source: Literal["policy", "decision", "default"] = "decision"
        approved = decision.approved
    elif (stated := _stated(question, policy, calendar)) is not None:
        # What the policy says in one word ("annual") may still leave open what it
        # means in days: then it is only the better default.
        value, text = stated.value, stated.text
        source = "policy" if anchor is None else "default"
        approved = anchor is None
    else:
        value, text = parse_answer(question, question.default), question.default
        source, approved = "default", False
    return Term(question.name, value, text, source, approved, anchor, question.approver)


def _stated(
    question: Question, policy: CompiledPolicy, calendar: BusinessCalendar
) -> Figure | None:
    """Return the policy's own figure for what a question asks, if it has one."""
    match question.name:
        case "critical_patch_within" | "alert_within" | "acknowledge_within":
            found = figures.deadline(policy, question.control, calendar)
        case "rto_of_function_2" | "rto_of_function_3" | "rto_of_function_4":
            rank = int(question.name[-1])
            return figures.deadline(policy, question.control, calendar, rank=rank)
        case (
            "tabletop_every"
            | "drill_every"
            | "supplier_review_every"
            | "committee_meets_every"
            | "status_update_every"
        ):
            found = figures.cadence(policy, question.control)
        case _:
            found = None
    return None if found is None or found.business else found


def _length(figure: Figure | None) -> timedelta | None:
    return figure.length if figure else None
