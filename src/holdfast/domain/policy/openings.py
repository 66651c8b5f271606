"""What a sentence leaves open: a question is asked only where the prose is silent.

A cadence in a word ("annual") leaves open what it is in days; one in days does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from holdfast.domain.policy.model import Obligation
from holdfast.domain.policy.owners import role_of
from holdfast.domain.policy.statement import Statement
from holdfast.domain.questions import QUESTIONS, Question

_Silent = Callable[[Statement, Obligation], bool]


def _says(pattern: str) -> _Silent:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda statement, _: not compiled.search(statement.full)


def _always(_: Statement, __: Obligation) -> bool:
    return True


def _no_deadline(_: Statement, obligation: Obligation) -> bool:
    return obligation.within is None


def _word_only(_: Statement, obligation: Obligation) -> bool:
    return obligation.every is None or not any(c.isdigit() for c in obligation.every)


def _business(_: Statement, obligation: Obligation) -> bool:
    unit = obligation.within.unit if obligation.within else ""
    return unit.startswith("business")


def _rank(rank: int) -> _Silent:
    return lambda _, obligation: obligation.rank == rank


def _role(role: str) -> _Silent:
    return lambda _, o: role_of(o.owner or "", o.duty) == role


def _critical(_: Statement, obligation: Obligation) -> bool:
    return obligation.tier in (None, "critical")


def _unfilled(_: Statement, obligation: Obligation) -> bool:
    return obligation.within is None and obligation.tier in (None, "critical")


def _rehearsed(statement: Statement, obligation: Obligation) -> bool:
    return "restore test" not in obligation.atoms and _word_only(statement, obligation)


def _after_change(statement: Statement, obligation: Obligation) -> bool:
    return bool(obligation.trigger) and not statement.durations


def _supplier_cadence(statement: Statement, obligation: Obligation) -> bool:
    return bool(obligation.every) and _word_only(statement, obligation)


def _committee(statement: Statement, obligation: Obligation) -> bool:
    return _role("RC")(statement, obligation) and not statement.frequencies


# A question without a rule here is open wherever its control is bound.
_SILENT: dict[str, _Silent] = {
    "business_calendar": _business,
    "availability_window": _says(r"month|annual|year|quarter|rolling"),
    "maintenance_notice": _says(r"maintenance"),
    "vantage_quorum": _says(r"vantage|locations agree"),
    "committee_meets_every": _committee,
    "people_per_role": _role("RC"),
    "acknowledge_within": lambda s, o: _role("IRT")(s, o) and not s.durations,
    "rto_of_function_2": _rank(2),
    "rto_of_function_3": _rank(3),
    "rto_of_function_4": _rank(4),
    "backup_gap": lambda s, o: bool(o.every) and _word_only(s, o),
    "supplier_review_every": _supplier_cadence,
    "supplier_report_age": _supplier_cadence,
    "critical_patch_within": _unfilled,
    "critical_patch_at_risk": _critical,
    "tabletop_every": _word_only,
    "drill_every": _rehearsed,
    "policy_review_after_change": _after_change,
    "alert_within": _no_deadline,
    "status_update_every": lambda _, o: o.every is None,
    "customer_email_within": _no_deadline,
}


def open_questions(statement: Statement, obligation: Obligation) -> list[Question]:
    """Return the questions that an obligation's sentence leaves open."""
    return [
        question
        for question in QUESTIONS
        if question.control == obligation.control
        and _SILENT.get(question.name, _always)(statement, obligation)
    ]
