"""Audit logs that cannot be changed, and how soon vulnerabilities are mended."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.domain.policy.lexer import Found
from holdfast.domain.policy.model import Fact, Obligation
from holdfast.domain.policy.recognisers.phrases import I, blank_deadline, is_deadline
from holdfast.domain.policy.statement import Reading, Statement

_LOG = re.compile(
    r"\b(?:audit|security|event|access|system|activity)?\s?(?:logs?|trails?|logging)\b",
    I,
)
_IMMUTABLE = re.compile(
    r"\b(?:tamper[- ]?(?:proof|evident|resistant)|immutable|append[- ]only|"
    r"write[- ]once|"
    r"WORM|unalterable|cannot be (?:altered|changed|modified))\b",
    I,
)
_MEND = re.compile(
    r"\b(?:patch|remediat|fix|mitigat|resolv|appl(?:y|ied)|updat)\w*\b", I
)
_VULNERABILITY = re.compile(
    r"\bvulnerabilit|\bpatch(?:es|ed|ing)?\b|\bCVEs?\b|"
    r"\bsecurity updates?\b",
    I,
)
_SEVERITY = re.compile(
    r"\b(?P<severity>critical|high|medium|moderate|low|severe|important)"
    r"(?=[- ](?:severity|risk|security|vulnerab|priority|patch|finding|CVE|rated|and|"
    r"or|/)|,|:|$)",
    I,
)


def _audit_log(statement: Statement) -> Reading | None:
    if not _LOG.search(statement.full) or not statement.says(_IMMUTABLE):
        return None
    match = _IMMUTABLE.search(statement.full)
    atoms = (match[0].casefold(),) if match else ()
    return Reading(
        "state", (Obligation("audit_log", "keep logs unchangeable", atoms=atoms),)
    )


def _patching(statement: Statement) -> Reading | None:
    if statement.cells and len(statement.cells) > 2:  # noqa: PLR2004 - see `tables`.
        return None
    near = [statement.full, *statement.lead_ins[:2], *statement.headings[-1:]]
    if not any(_VULNERABILITY.search(text) for text in near):
        return None
    if not any(_MEND.search(text) for text in near):
        return None
    labelled = bool(statement.label and _SEVERITY.match(statement.label))
    pairs = list(_deadlines(statement, labelled=labelled))
    if not pairs:
        return None
    facts = tuple(
        Fact(
            "patch_deadlines",
            found.quantity.text if found else None,
            severity,
            placeholder=blank,
        )
        for severity, found, blank in pairs
    )
    duties = tuple(
        Obligation(
            "patching",
            f"mend {severity} vulnerabilities",
            trigger="vulnerability found",
            within=found.quantity if found else None,
            tier=severity,
        )
        for severity, found, _ in pairs
    )
    return Reading("event", duties, facts)


def _deadlines(
    statement: Statement, *, labelled: bool
) -> Iterator[tuple[str, Found | None, str | None]]:
    """Return each severity with its deadline, or with the blank in its place."""
    at = 0
    for found in statement.durations:
        if labelled or is_deadline(statement, found):
            for severity in _severities(statement, at, found.end):
                yield severity, found, None
            at = found.end
    if at:
        return
    blank = blank_deadline(statement.text)
    if blank is None and labelled and statement.placeholders:
        blank = statement.placeholders[0]
    if blank is not None:
        for severity in _severities(statement, 0, len(statement.text)):
            yield severity, None, blank


def _severities(statement: Statement, start: int, end: int) -> list[str]:
    near = statement.text[start:end]
    for text in (near, statement.label or "", statement.text):
        found = [match["severity"].casefold() for match in _SEVERITY.finditer(text)]
        if found:
            return list(dict.fromkeys(found))
    return ["all"]


RULES = (_audit_log, _patching)
