"""The overlay: what people decided where the policy's prose leaves something open.

A decision is bound to the sentence that it completes by that sentence's anchor. If the
sentence changes the decision is void for the new text: it is kept, with the reason,
so that its approver sees what to approve anew, but it has no force.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from holdfast.domain import figures
from holdfast.domain.answers import Value, parse_answer
from holdfast.domain.catalogue import Catalogue
from holdfast.domain.policy.model import CompiledPolicy, Sentence
from holdfast.domain.questions import BY_NAME, ROLE_NAMES, Question, Role
from holdfast.domain.toml_table import Faults, Table, did_you_mean, read_toml
from holdfast.errors import HoldfastError

_PERIODS = ("drill_every", "supplier_review_every", "tabletop_every")


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


def parse_overlay(
    text: str,
    policy: CompiledPolicy,
    catalogue: Catalogue | None,
    file: str = "overlay.toml",
) -> Overlay:
    """Read the decisions, judged against the policy and the people of the catalogue.

    Without a catalogue (it has faults of its own) approvers are not judged.

    Raises `FaultsError` with every fault, each naming its place, and `HoldfastError`
    if the text is no TOML at all. A decision whose sentence is gone is no fault.
    """
    faults = Faults(file)
    table = read_toml(text, faults)
    decisions: list[Decision] = []
    void: list[VoidDecision] = []
    taken: dict[str, str] = {}
    for item in table.tables("decision"):
        decision, shape = _decision(item, catalogue)
        if decision is None:
            continue
        if (reason := _void_because(decision, shape, policy)) is not None:
            void.append(VoidDecision(decision, reason))
            continue
        _check_bound(item, decision, policy)
        _check_not_looser(item, decision, policy)
        if (earlier := taken.setdefault(decision.question, item.where)) != item.where:
            message = f'"{decision.question}" is decided by {earlier} already'
            item.fault("question", message, "Keep one decision for each question.")
        decisions.append(decision)
    table.finish()
    faults.raise_any()
    return Overlay(_digest(text), tuple(decisions), tuple(void))


def adopted_overlay(text: str, policy: CompiledPolicy) -> Overlay:
    """Read decisions that were judged when they were adopted.

    Approvers leave, and a later compiler may read the policy otherwise: neither may
    stop a clock. Approvals stand, and what no longer fits the policy is void.
    """
    table = read_toml(text, Faults("the adopted overlay"))
    decisions: list[Decision] = []
    void: list[VoidDecision] = []
    for item in table.tables("decision"):
        decision, shape = _decision(item, None)
        if decision is None:
            continue
        reason = _void_because(decision, shape, policy)
        if reason is None and decision.anchor not in _open_at(decision, policy):
            reason = "the sentence no longer leaves this open"
        if reason is None:
            decisions.append(decision)
        else:
            void.append(VoidDecision(decision, reason))
    return Overlay(_digest(text), tuple(decisions), tuple(void))


def _decision(
    table: Table, catalogue: Catalogue | None
) -> tuple[Decision | None, str | None]:
    """Read one decision and its sentence's shape; nothing if it cannot be judged."""
    name, anchor, text = (
        table.text("question"),
        table.text("anchor"),
        table.text("value"),
    )
    question = _question(table, name)
    value = _value(table, question, text)
    role = table.optional_text("role")
    by, on = table.optional_text("approved_by"), table.day("approved_on")
    note, shape = table.long_text("note", ""), table.optional_text("shape")
    table.finish()
    if question is None:
        return None, shape
    _check_role(table, question, role)
    if catalogue is not None:
        _check_approval(table, question, by, catalogue)
    if value is None:
        return None, shape
    decision = Decision(name, anchor, value, text, question.approver, by, on, note)
    return decision, shape


def _question(table: Table, name: str) -> Question | None:
    question = BY_NAME.get(name)
    if name and question is None:
        near = did_you_mean(name, BY_NAME)
        hint = "`holdfast policy check` lists the open questions by name."
        table.fault("question", f'there is no question "{name}"{near}', hint)
    return question


def _value(table: Table, question: Question | None, text: str) -> Value | None:
    if question is None or not text:
        return None
    try:
        return parse_answer(question, text)
    except HoldfastError as error:
        table.fault("value", error.message, error.hint)
        return None


def _check_role(table: Table, question: Question, role: str | None) -> None:
    if role is not None and role != question.approver:
        name = ROLE_NAMES[question.approver]
        message = f'"{role}" does not decide "{question.name}"'
        table.fault("role", message, f"{question.approver} does ({name}).")


def _check_approval(
    table: Table, question: Question, by: str | None, catalogue: Catalogue
) -> None:
    if ("approved_by" in table) != ("approved_on" in table):
        missing = "approved_on" if "approved_by" in table else "approved_by"
        hint = "Say who approved it and when, or leave both out while it waits."
        table.fault(missing, "half an approval is none", hint)
    holders = [person.id for person in catalogue.holders(question.approver)]
    if by is not None and by not in holders:
        known = ", ".join(holders) or "nobody so far"
        table.fault(
            "approved_by",
            f'"{by}" does not hold the role {question.approver}'
            f"{did_you_mean(by, holders)}",
            f"In the catalogue it is held by {known}.",
        )


def _check_bound(table: Table, decision: Decision, policy: CompiledPolicy) -> None:
    """Check that the sentence really leaves open what is decided."""
    anchors = _open_at(decision, policy)
    if decision.anchor not in anchors:
        hint = "The policy leaves this open nowhere; remove the decision."
        if anchors:
            hint = f"Bind it to {' or '.join(anchors)}."
        message = f'that sentence does not leave "{decision.question}" open'
        table.fault("anchor", message, hint)


def _check_not_looser(table: Table, decision: Decision, policy: CompiledPolicy) -> None:
    """Check that a decided period keeps the cadence which the policy names."""
    stated = figures.cadence(policy, BY_NAME[decision.question].control)
    if stated is None or decision.question not in _PERIODS:
        return
    # A leap year is a year too.
    longest = stated.length + timedelta(days=1)
    if isinstance(decision.value, timedelta) and decision.value > longest:
        message = f'"{decision.text}" is looser than the policy ("{stated.text}")'
        hint = f"Decide at most {longest.days} d, or change the policy itself."
        table.fault("value", message, hint)


def _open_at(decision: Decision, policy: CompiledPolicy) -> tuple[str, ...]:
    return tuple(
        opened.anchor
        for opened in policy.open_questions
        if opened.question == decision.question
    )


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _void_because(
    decision: Decision, shape: str | None, policy: CompiledPolicy
) -> str | None:
    if any(s.anchor == decision.anchor for s in policy.sentences):
        return None
    same = [s for s in policy.sentences if s.shape == shape]
    if same:
        return f"the value changed ({_lines(same[0])}); approve it anew"
    if anchors := _open_at(decision, policy):
        return f"the sentence was reworded; approve it anew for {anchors[0]}"
    return "the sentence is gone from the policy"


def _lines(sentence: Sentence) -> str:
    first, last = sentence.lines
    return f"line {first}" if first == last else f"lines {first} to {last}"
