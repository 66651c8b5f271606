"""Scope, roles and the order of business functions."""

from __future__ import annotations

import re

from holdfast.domain.policy.model import Obligation
from holdfast.domain.policy.recognisers.phrases import I, clean
from holdfast.domain.policy.statement import Reading, Statement

_APPLIES = re.compile(
    r"\b(?:policy|plan|procedure|standard|document|it|"
    r"scope)\b[^.]{0,40}?\b(?:appl(?:y|ies)"
    r" to|covers?|includes?|extends? to|encompass(?:es)?)\s+(?P<whom>.+)",
    I,
)
_NOT_COVERED = re.compile(r"\bdoes not (?:apply|cover)\b", I)
_SCOPE = re.compile(r"\b(?:scope|audience|applicab|policy applies|covered)", I)
_PEOPLE = re.compile(
    r"\b(?:employee|staff|personnel|contractor|vendor|supplier|user|individual|people|"
    r"everyone|everybody|worker)s?\b",
    I,
)
_ROLES = re.compile(r"\broles?\b|\bresponsibilit", I)
_ROLE_HEAD = re.compile(r"^(?:role|team|position|title|function|who)s?$", I)
_DUTY_HEAD = re.compile(r"responsib|dut(?:y|ies)|accountab|description", I)
_RANKED = re.compile(
    r"\bpriorit|\border of recovery\b|\brecover(?:y|ed) (?:order|in)|\branked\b|"
    r"\bcritical (?:business )?(?:functions?|services?|processes)\b|\brecovery order\b",
    I,
)
_RANK_HEAD = re.compile(
    r"^(?:#|rank(?:ing)?|priority|order|recovery (?:order|priority))$", I
)
_FUNCTION_HEAD = re.compile(r"function|service|system|process|asset|capabilit", I)
_SHORT_FORM = re.compile(r"\s*\([A-Za-z/]{2,12}\)\s*$")


def _role(statement: Statement) -> Reading | None:
    heads = [head for head, _ in statement.cells]
    in_table = (
        bool(heads)
        and bool(_ROLE_HEAD.match(heads[0]))
        and any(_DUTY_HEAD.search(head) for head in heads[1:])
    )
    under = bool(statement.headings) and bool(_ROLES.search(statement.headings[-1]))
    in_list = statement.in_list and under and statement.label is not None
    if not (in_table or in_list) or not statement.label:
        return None
    owner = _SHORT_FORM.sub("", statement.label)
    duty = Obligation("roles", statement.text.rstrip("."), owner=owner)
    return Reading("role", (duty,), final=True)


def _responsible(statement: Statement) -> Reading | None:
    match = re.match(
        r"(?P<who>[A-Z][^,.;]{2,80}?) (?:is|are) (?:responsible|accountable) for "
        r"(?P<what>.+)",
        statement.text,
    )
    if match is None or statement.frequencies:
        return None
    owner = _SHORT_FORM.sub("", clean(match["who"]))
    return Reading("role", (Obligation("roles", clean(match["what"]), owner=owner),))


def _rank(statement: Statement) -> Reading | None:
    rank = statement.ordinal
    if statement.cells:
        ranked = [
            c for h, c in statement.cells if _RANK_HEAD.match(h) and c.isdecimal()
        ]
        others = any(_FUNCTION_HEAD.search(head) for head, _ in statement.cells)
        rank = int(ranked[0]) if ranked and others else None
    above = [*statement.lead_ins[:1], *statement.headings[-1:]]
    if rank is None or not any(_RANKED.search(text) for text in above):
        return None
    if not statement.cells and not (statement.lead_ins or statement.label):
        return None
    name = statement.label or statement.text
    duty = Obligation(
        "functions",
        f"recover {name}",
        trigger=_trigger(statement),
        rank=rank,
    )
    return Reading("rank", (duty,), final=not statement.cells)


def _trigger(statement: Statement) -> str:
    for lead_in in statement.lead_ins:
        match = re.search(
            r"in (?:the event|case) of (?:an? |any )?([^:,.]+)", lead_in, I
        )
        if match:
            return clean(match[1])
    return "disruption"


def _scope(statement: Statement) -> Reading | None:
    match = _APPLIES.search(statement.text)
    if match is None or _NOT_COVERED.search(statement.text):
        return None
    near = [statement.label or "", *statement.headings[-1:], statement.before]
    policy = re.match(
        r"(?:this|the|our) [\w\s/-]{0,60}(?:policy|plan)\b", statement.text, I
    )
    if not policy and not any(_SCOPE.search(text) for text in near):
        return None
    if "responsib" in match["whom"] and not any(_SCOPE.search(text) for text in near):
        return None
    whom = re.sub(r"\s*\([^()]*\)", "", match["whom"]).rstrip(".:")
    parts = tuple(
        clean(part) for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", whom) if part
    )
    people = bool(_PEOPLE.search(whom))
    duty = "cover everybody in scope" if people else "cover every environment"
    return Reading(
        "scope",
        (Obligation("scope", duty, audience=whom, atoms=parts),),
        final=True,
    )


RULES = (_role, _rank, _scope, _responsible)
