"""Recovery time, recovery point and availability, as prose states them.

Columns of tables are read by `tables`. A term takes the duration that follows it
("RTO of 4 hours"), or the one right before it ("a 4-hour RTO").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.domain.policy.lexer import Found, find_quantities
from holdfast.domain.policy.model import Fact, FactField, Obligation, Quantity
from holdfast.domain.policy.placeholders import placeholder_after, placeholder_spans
from holdfast.domain.policy.recognisers.phrases import I, clean, deadline_of
from holdfast.domain.policy.statement import Reading, Statement
from holdfast.domain.promises import ControlName

RTO = re.compile(
    r"\bRTOs?\b|\brecovery[ -]time(?:[ -](?:objective|target|requirement|goal)s?)?\b", I
)
RPO = re.compile(
    r"\bRPOs?\b|\brecovery[ -]point(?:[ -](?:objective|object|target)s?)?\b|"
    r"\b(?:data|transaction) loss\b",
    I,
)
UPTIME = re.compile(
    r"\buptime\b|\bavailab(?:ility|le)\b|\bSL[AO]s?\b|\bservice[ -]level\b", I
)
_RESTORE = re.compile(
    r"\b(?:restor|recover|resum|re-?establish|brought back|bring back|back online|"
    r"fail(?:ed)? ?over|operational again)",
    I,
)
_WHAT = re.compile(
    r"\b(?:service|system|platform|application|operation|function|process|software|"
    r"product|infrastructure|environment|database|site|problem|outage|disruption|"
    r"website|production|data ?cent)",
    I,
)
_NOT_WHOLE = re.compile(
    r"\b(?:parts?|spare|hardware replacement|badge|backups? (?:are|must|will) be "
    r"tested|"
    r"report|notif|ticket|access|vulnerab|patch|retain)\w*\b",
    I,
)
_EVERYTHING = re.compile(
    r"\bremote|\bstaff|\battend|\bcomplet|\bof (?:all )?(?:our )?"
    r"(?:employees|staff|backups|users)",
    I,
)
_BACK_REFERENCE = re.compile(
    r"\bwithin (?:that|this|the (?:same|above)) (?:span|period|amount|time)\b", I
)
_TIER = re.compile(
    r"\b(?:tier|level|class|category|priority|severity|sev)[ -]?(?:\d{1,2}|[A-D]|"
    r"I{1,3}V?)\b|"
    r"\bP[0-5]\b",
    I,
)
_GROUP = re.compile(
    r"\b(?P<group>(?:mission[- ]|business[- ]|non[- ]?)?critical|essential|important|"
    r"non-essential|high[- ]priority|medium[- ]priority|low[- ]priority|standard|"
    r"(?:all )?other|remaining)\s+(?:customer-facing |business |production |IT )?"
    r"(?:services?|systems?|applications?|functions?|processes|workloads?|data)\b",
    I,
)
_PLEDGE = re.compile(
    r"\b(?:is|are|of|at|to|target|within|exceed|than|maximum|be|limited|minimum|"
    r"maintain|achiev|deliver|provid|guarant|commit|ensur)|[:=≤<(-]",
    I,
)

_LOWEST_UPTIME = 90
_CLOSE = 90
_NEAR = 60


@dataclass(frozen=True, slots=True)
class _Term:
    field: FactField
    start: int
    end: int


_CONTROLS: dict[FactField, ControlName] = {
    "rto": "recovery_time",
    "rpo": "recovery_point",
    "availability": "availability",
}


def target(
    field: FactField, quantity: Quantity | None, statement: Statement, tier: str | None
) -> Obligation:
    """Return the obligation of one objective."""
    match field:
        case "rto":
            return Obligation(
                "recovery_time",
                "restore services" if tier is None else f"restore {tier}",
                trigger=_start(statement),
                within=quantity,
                tier=tier,
            )
        case "rpo":
            return Obligation(
                "recovery_point",
                "lose no more data than this",
                threshold=quantity,
                tier=tier,
            )
        case _:
            return Obligation(
                "availability", "be available", threshold=quantity, tier=tier
            )


def tier_of(statement: Statement, start: int = 0, end: int | None = None) -> str | None:
    """Return the tier that a stretch of a sentence is about."""
    stretch = statement.text[start:end]
    match = _TIER.search(stretch)
    if match:
        return match[0]
    label = statement.label or ""
    if label and not (RTO.search(label) or RPO.search(label) or UPTIME.search(label)):
        return (
            label if not re.search(r"objective|target|metric|goal", label, I) else None
        )
    match = _GROUP.search(stretch)
    return clean(match[0]) if match else None


def _start(statement: Statement) -> str | None:
    match = re.search(
        r"\bof (?P<what>(?:an? |the )?(?:declar|disast|outage|incident|event|disrupt)"
        r"[^,.;]{0,60})",
        statement.text,
        I,
    )
    if match is None:
        return None
    what = clean(match["what"])
    swapped = re.match(r"declar(?:ed|ing) (?:an? )?(\w+)$", what, I)
    return f"{swapped[1]} declared" if swapped else what


def _terms(statement: Statement) -> list[_Term]:
    text = statement.text
    found = [_Term("rto", *m.span()) for m in RTO.finditer(text)]
    found += [_Term("rpo", *m.span()) for m in RPO.finditer(text)]
    return sorted(found, key=lambda term: term.start)


def _named(statement: Statement) -> Reading | None:
    """Read "RTO of 4 hours": the objective is named and its figure stands by it."""
    pairs = list(_pairs(statement))
    for above in (statement.label or "", *statement.lead_ins[:1]):
        if pairs or not (statement.durations or statement.placeholders):
            break
        pairs = list(_by_label(statement, above))
    if not pairs:
        return None
    obligations: list[Obligation] = []
    facts: list[Fact] = []
    for field, found, tier in pairs:
        obligations.append(target(field, found.quantity, statement, tier))
        facts.append(Fact(field, found.quantity.text, tier))
    return Reading("target", tuple(obligations), tuple(facts))


def _pairs(statement: Statement) -> Iterator[tuple[FactField, Found, str | None]]:
    terms, text = _terms(statement), statement.text
    durations = [d for d in statement.durations if not _aside(statement, d)]
    if "respectively" in text and len(terms) == len(durations):
        for term, found in zip(terms, durations, strict=True):
            yield term.field, found, tier_of(statement)
        return
    for number, term in enumerate(terms):
        following = terms[number + 1].start if number + 1 < len(terms) else len(text)
        before = terms[number - 1].end if number else 0
        found_here = _just_before(text, term, durations) or _next_after(
            statement, term, following, durations
        )
        if found_here is not None:
            yield term.field, found_here, tier_of(statement, before, following)


def _just_before(text: str, term: _Term, durations: list[Found]) -> Found | None:
    """Return the figure in "a 4-hour RTO"."""
    for found in durations:
        if text[found.end : term.start] in (" ", "-"):
            return found
    return None


def _next_after(
    statement: Statement, term: _Term, end: int, durations: list[Found]
) -> Found | None:
    """Return the figure in "an RTO of 4 hours", unless a blank stands in its place."""
    blanks = placeholder_spans(statement.text)
    for found in durations:
        if term.end <= found.start < end:
            blank = any(term.end <= start < found.start for start, _ in blanks)
            close = _is_close(statement.text[term.end : found.start])
            return found if close and not blank else None
    return None


def _is_close(gap: str) -> bool:
    return (
        len(gap) <= _CLOSE
        and ";" not in gap
        and not re.search(r"\.\s", gap)
        and not (re.search(r"\b(?:test|review|drill|exercis)", gap, I))
    )


def _by_label(
    statement: Statement, above: str
) -> Iterator[tuple[FactField, Found, str | None]]:
    durations = [d for d in statement.durations if not _aside(statement, d)]
    if not durations:
        return
    first = deadline_of(statement)
    found = first if first in durations else durations[0]
    for field, pattern in (("rto", RTO), ("rpo", RPO)):
        if pattern.search(above):
            tier = (
                tier_of(statement) if above != statement.label else _tier_in(statement)
            )
            yield field, found, tier  # type: ignore[misc]


def _tier_in(statement: Statement) -> str | None:
    match = _TIER.search(statement.text)
    return match[0] if match else None


def _aside(statement: Statement, found: Found) -> bool:
    # A cadence ("every 6 months") or a test's rhythm is no objective.
    return any(f.start <= found.start < f.end for f in statement.frequencies) or bool(
        re.search(
            r"\b(?:every|each|last|past|previous)\s+$", statement.text[: found.start], I
        )
    )


def _restored_within(statement: Statement) -> Reading | None:
    """Read "services must be restored within 4 hours" without the objective's name."""
    if RTO.search(statement.full) or RPO.search(statement.text):
        return None
    text = statement.text
    if not _RESTORE.search(text) or not _WHAT.search(text) or _NOT_WHOLE.search(text):
        return None
    found = deadline_of(statement)
    if found is None and _BACK_REFERENCE.search(text):
        found = _earlier(statement)
    if found is None or _aside(statement, found):
        return None
    tier = _tier_in(statement)
    return Reading(
        "target",
        (target("rto", found.quantity, statement, tier),),
        (Fact("rto", found.quantity.text, tier),),
    )


def _earlier(statement: Statement) -> Found | None:
    # "More than 3 hours would be unacceptable. We recover within that time."
    found = [each for each in find_quantities(statement.before) if each.is_duration]
    return found[-1] if found else None


def _lost(statement: Statement) -> Reading | None:
    """Read "no more than 15 minutes of data may be lost"."""
    match = re.search(
        r"\b(?:of (?:customer |transaction(?:al)? |production )?(?:data|transactions)\b"
        r"[^.;]{0,30}\blost|los(?:e|es|ing)\b[^.;]{0,60}\bof (?:\w+ )?"
        r"(?:data|transactions|work))",
        statement.text,
        I,
    )
    if match is None or not statement.durations or RPO.search(statement.full):
        return None
    found = statement.durations[0]
    return Reading(
        "target",
        (target("rpo", found.quantity, statement, None),),
        (Fact("rpo", found.quantity.text, _tier_in(statement)),),
    )


def _available(statement: Statement) -> Reading | None:
    """Read "99.9% uptime": a share of time, and not of staff or of anything else."""
    shares = [
        found
        for found in statement.quantities
        if not found.is_duration and found.quantity.amount >= _LOWEST_UPTIME
    ]
    if not shares or not statement.says(UPTIME):
        return None
    facts: list[Fact] = []
    obligations: list[Obligation] = []
    for number, found in enumerate(shares):
        near = statement.text[max(0, found.start - 80) : found.end + 40]
        if _EVERYTHING.search(near) and not re.search(r"uptime|availab", near, I):
            continue
        tier = _tier_near(statement, found, alone=len(shares) == 1, number=number)
        obligations.append(target("availability", found.quantity, statement, tier))
        facts.append(Fact("availability", found.quantity.text, tier))
    if not facts:
        return None
    return Reading("target", tuple(obligations), tuple(facts))


def _tier_near(
    statement: Statement, found: Found, *, alone: bool, number: int
) -> str | None:
    match = _TIER.search(statement.text)
    if alone:
        return match[0] if match else None
    after = statement.text[found.end : found.end + 60]
    named = re.match(
        r"[^.;,]{0,20}? (?:for|on) (?:the |our )?([^.;,]{2,40}?)"
        r"(?=\s+and\b|[.;,]|$)",
        after,
    )
    return clean(named[1]) if named else f"#{number + 1}"


def _blank(statement: Statement) -> Reading | None:
    """Read an objective whose figure nobody filled in."""
    blanks = placeholder_spans(statement.text)
    if not blanks or statement.durations or statement.cells:
        return None
    for field, pattern in (("rto", RTO), ("rpo", RPO), ("availability", UPTIME)):
        match = pattern.search(statement.full)
        offset = len(statement.full) - len(statement.text)
        if match is None:
            continue
        for start, _ in blanks:
            gap = statement.full[match.end() : start + offset]
            if (
                start + offset >= match.end()
                and len(gap) <= _NEAR
                and _PLEDGE.search(gap)
            ):
                blank = placeholder_after(statement.text, start)
                duty = target(field, None, statement, None)  # type: ignore[arg-type]
                fact = Fact(field, None, placeholder=blank)  # type: ignore[arg-type]
                return Reading("target", (duty,), (fact,))
    return None


RULES = (_named, _restored_within, _lost, _available, _blank)
