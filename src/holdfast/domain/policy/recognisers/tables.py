"""Tables whose columns or rows are figures: tiers, severities, backups, cadences.

A column is known by its head; a table that is turned on its side (objectives in rows,
tiers in columns) is known by the label of the row.
"""

from __future__ import annotations

import re

from holdfast.domain.policy.frequencies import find_frequencies
from holdfast.domain.policy.lexer import find_quantities
from holdfast.domain.policy.model import Fact, FactField, Obligation, Quantity
from holdfast.domain.policy.placeholders import find_placeholders
from holdfast.domain.policy.recognisers.objectives import target
from holdfast.domain.policy.recognisers.phrases import I, in_running_text, lower_first
from holdfast.domain.policy.statement import Reading, Statement

_COLUMNS: tuple[tuple[FactField, re.Pattern[str]], ...] = (
    ("rpo", re.compile(r"\bRPO\b|recovery point|data loss|loss of data", I)),
    (
        "rto",
        re.compile(
            r"\bRTO\b|recovery time|time to (?:recover|restore)|restoration time|"
            r"restore within",
            I,
        ),
    ),
    (
        "availability",
        re.compile(
            r"\bavailability (?:target|requirement|objective|SLA|SLO)"
            r"|^availability$|uptime|^SLA$|^SLO$",
            I,
        ),
    ),
)
_METRIC_HEAD = re.compile(
    r"metric|objective|measure|target|requirement|parameter|indicator|^$", I
)
_VALUE_HEAD = re.compile(
    r"^(?:target|value|objective|requirement|commitment|goal|threshold|duration|time|"
    r"definition|description|notes?|comments?|standard|metric|timeframe)s?$|^$",
    I,
)
_NOTES_HEAD = re.compile(
    r"note|comment|description|definition|rationale|example|owner", I
)
_EMPTY = re.compile(r"^(?:-+|–|—|n/?a|none|not applicable|\.)?$", I)
_SEVERITY_HEAD = re.compile(r"severity|priority|risk|rating|criticality|level|class", I)
_FIX_HEAD = re.compile(
    r"remediat|patch|fix|resolution|resolve|deadline|time ?line|time ?frame|target|"
    r"\bSL[AO]\b|due|within|days|response",
    I,
)
_FIXING = re.compile(r"vulnerab|patch|remediat|security update|CVE", I)
_CVSS_HEAD = re.compile(r"cvss|score", I)
_BACKUP_HEAD = re.compile(r"back-?up", I)
_FREQUENCY_HEAD = re.compile(r"frequency|cadence|interval|schedule|how often|period", I)
_CELL_WORDS_MAX = 6
_RETENTION_HEAD = re.compile(r"retention|retained|kept for", I)


def _objectives(statement: Statement) -> Reading | None:
    """Read a row per tier, with the objectives in columns."""
    if len(statement.cells) < 2:  # noqa: PLR2004 - one column holds no pair.
        return None
    fields = {
        number: field
        for field, pattern in _COLUMNS
        for number, (head, _) in enumerate(statement.cells)
        if pattern.search(head) and statement.cells[number][1] != statement.label
    }
    if not fields:
        return None
    facts: list[Fact] = []
    obligations: list[Obligation] = []
    others: list[Fact] = []
    for number, (head, cell) in enumerate(statement.cells):
        if number in fields and not _EMPTY.match(cell):
            fact, obligation = _objective(
                statement, fields[number], cell, statement.label
            )
            facts.append(fact)
            obligations.append(obligation)
        elif number not in fields and _is_duration(cell) and not _EMPTY.match(head):
            others.append(_other(statement, head, cell))
    if not facts:
        return None
    return Reading("target", tuple(obligations), (*facts, *others), final=True)


def _objective(
    statement: Statement, field: FactField, cell: str, tier: str | None
) -> tuple[Fact, Obligation]:
    quantity = _quantity(field, cell)
    blanks = find_placeholders(cell)
    if blanks and quantity is None:
        fact = Fact(field, None, tier, placeholder=cell)
    else:
        fact = Fact(field, _shown(cell, quantity), tier)
    return fact, target(field, quantity, statement, tier)


def _quantity(field: FactField, cell: str) -> Quantity | None:
    if re.search(r"\bnext\b", cell, I):
        return None
    percent = field == "availability"
    for found in find_quantities(cell):
        if found.is_duration != percent:
            return found.quantity
    return None


def _shown(cell: str, quantity: Quantity | None) -> str:
    if quantity is not None and len(cell.split()) > _CELL_WORDS_MAX:
        # A cell that is a sentence says more than its figure.
        return quantity.text
    cell = re.sub(
        r"^(?:within|less than|under|up to|max(?:imum)?(?: of)?|<=?|≤|~)\s*",
        "",
        cell,
        flags=I,
    )
    if quantity is not None:
        found = find_quantities(cell)
        if found and found[0].start == 0 and found[0].end == len(cell.rstrip(" .")):
            return quantity.text
        bare = re.sub(r"\s*\([^()]*\)", "", cell).strip()
        if bare and find_quantities(bare):
            return lower_first(bare)
    return in_running_text(cell)


def _is_duration(cell: str) -> bool:
    found = find_quantities(cell)
    return bool(found) and found[0].is_duration and found[0].start <= len("at least ")


def _other(statement: Statement, head: str, cell: str) -> Fact:
    return Fact("other", lower_first(cell), of=head.casefold(), who=statement.label)


def _turned(statement: Statement) -> Reading | None:
    """Read a row per objective, with tiers, or the figure alone, in columns."""
    if not statement.cells or not statement.label:
        return None
    field = next((f for f, p in _COLUMNS if p.search(statement.label)), None)
    if field is None or not (
        _METRIC_HEAD.search(statement.cells[0][0]) or len(statement.cells) == 2  # noqa: PLR2004
    ):
        return None
    facts: list[Fact] = []
    obligations: list[Obligation] = []
    for head, cell in statement.cells[1:]:
        if _EMPTY.match(cell) or (_NOTES_HEAD.search(head) and facts):
            continue
        quantity = _quantity(field, cell)
        if quantity is None and not find_placeholders(cell):
            continue
        tier = None if _VALUE_HEAD.match(head) else head
        fact, obligation = _objective(statement, field, cell, tier)
        facts.append(fact)
        obligations.append(obligation)
    if not facts:
        return None
    return Reading("target", tuple(obligations), tuple(facts), final=True)


def _severities(statement: Statement) -> Reading | None:
    """Read a row per severity of a vulnerability, with the time to mend it."""
    heads = [head for head, _ in statement.cells]
    if len(heads) < 2 or not _SEVERITY_HEAD.search(heads[0]):  # noqa: PLR2004
        return None
    if not (_FIXING.search(statement.context) or any(_FIXING.search(h) for h in heads)):
        return None
    columns = [
        number
        for number, head in enumerate(heads)
        if number and _FIX_HEAD.search(head) and not _CVSS_HEAD.search(head)
    ]
    if not columns or not statement.label:
        return None
    fixing = [
        at
        for at in columns
        if _FIXING.search(heads[at]) or "resol" in heads[at].lower()
    ]
    column = (fixing or columns)[0]
    cell = statement.cells[column][1]
    severity = statement.label.casefold()
    cvss = next((c for h, c in statement.cells if _CVSS_HEAD.search(h)), None)
    blanks = find_placeholders(cell)
    quantity = None if blanks else _quantity("rto", cell)
    fact = Fact(
        "patch_deadlines",
        None if blanks else _shown(cell, quantity).lower(),
        severity,
        placeholder=re.sub(r"^within\s+", "", cell, flags=I) if blanks else None,
        cvss=cvss,
    )
    duty = Obligation(
        "patching", f"mend {severity} vulnerabilities", within=quantity, tier=severity
    )
    return Reading("event", (duty,), (fact,), final=True)


def _backups(statement: Statement) -> Reading | None:
    """Read a row per kind of data, with how often it is backed up."""
    above = statement.about(_BACKUP_HEAD)
    for head, cell in statement.cells:
        known = _BACKUP_HEAD.search(head) or (above and _FREQUENCY_HEAD.search(head))
        found = find_frequencies(cell)
        if known and found and cell != statement.label:
            if re.search(r"test|restor|drill|review", f"{head} {statement.label}", I):
                return None
            tier = statement.label
            facts = [Fact("backup_frequency", found[0].every, tier)]
            facts += [
                _other(statement, h if "backup" in h.lower() else f"backup {h}", c)
                for h, c in statement.cells
                if _RETENTION_HEAD.search(h) and _is_duration(c)
            ]
            duty = Obligation("backups", f"back up {tier}", every=found[0].every)
            return Reading("state", (duty,), tuple(facts))
    return None


RULES = (_severities, _turned, _objectives, _backups)
