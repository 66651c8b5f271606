"""Tabletop exercises, recovery drills, restore tests and the policy's own review."""

from __future__ import annotations

import re

from holdfast.domain.policy.frequencies import Frequency, find_frequencies
from holdfast.domain.policy.model import Fact, Obligation
from holdfast.domain.policy.recognisers.phrases import I, clean
from holdfast.domain.policy.recognisers.protection import clause_around
from holdfast.domain.policy.statement import Reading, Statement

_TABLETOP = re.compile(
    r"\btable-?\s?top|\bwhat-if\b|\bwalk-?through|\bsimulated (?:incident|scenario)|"
    r"\bdiscussion-based",
    I,
)
_REHEARSE = re.compile(
    r"\b(?:test(?:s|ed|ing)?|drill(?:s|ed)?|exercis(?:e|es|ed|ing)|rehears(?:e|al|"
    r"als|ed)|"
    r"simulat(?:e|ed|ion|ions)|failover exercises?|game ?days?)\b",
    I,
)
_RECOVERY = re.compile(
    r"\b(?:disaster|DRP?|BC/?DR|BCDRP?|BCP|recovery|recover|continuity|contingency|"
    r"failover|"
    r"fail-over|resilien\w*|this plan|the plan|BC)\b",
    I,
)
_RESTORE = re.compile(
    r"\b(?:restor(?:e|es|ed|ing|ation)|recover(?:y|ed|ing|able|ability)?|test(?:s|ed|"
    r"ing)?|"
    r"verif\w*|validat\w*)\b",
    I,
)
_BACKUP = re.compile(
    r"\bback-?\s?ups?\b|\bbacked[- ]up\b|\bsnapshots?\b|\brestoration\b|"
    r"\b(?:data|database|file) restor|\brestor(?:e|ation) tests?\b|\brestores\b",
    I,
)
_TESTS_BACKUPS = re.compile(
    r"\b(?:test|verif|validat|drill|exercis)\w*[^.;]{0,60}\b(?:back-?up|restor|"
    r"snapshot)|"
    r"\b(?:back-?up|snapshot)s?\b[^.;]{0,60}\b(?:test|verif|validat|restored)|"
    r"\brestor(?:e|ation|es|ed|ing)\b[^.;]{0,40}\b(?:test|drill|exercis|perform|"
    r"conduct|carried)",
    I,
)
_REVIEW = re.compile(
    r"\b(?:review|updat|revis|re-?approv|revisit|evaluat|assess|"
    r"re-?certif)\w*\b",
    I,
)
_THIS = re.compile(
    r"\b(?:this|the|our) (?:[\w&/-]+ ){0,5}?(?:policy|plan|document|standard|"
    r"procedure|BCP|DRP)\b"
    r"(?!'s)|\bpolicy reviews?\b|\bplan (?:maintenance|review)\b|^it\b|^(?:the "
    r")?polic(?:y|ies)\b",
    I,
)
_PLANS = re.compile(r"\bplans\b|\bprocedures\b|\bpolicies\b", I)
_EVENT = re.compile(
    r"(?P<join>,?\s*(?:and(?:/or)?|or)?,?\s*(?:also |additionally |as well as )?)"
    r"(?P<event>(?:after|following|when(?:ever)?|upon|if|in the event of|as a result "
    r"of|"
    r"in response to)\s+[^.;:]{4,140}|(?:sooner |more (?:often|frequently) )?(?:if|as) "
    r"(?:needed|necessary|required)[^.;:]{0,60}|(?:more frequently|sooner|earlier) "
    r"(?:if|when|as) "
    r"[^.;:]{3,80})",
    I,
)
_PURPOSE = re.compile(
    r"\s+(?:to (?:ensure|maintain|confirm|reflect|verify|keep|make sure|address)|in "
    r"order to|"
    r"so that)\b.*|,?\s*(?:whichever|which ever)\b.*|,\s*(?:we|it|the|this|they)\b.*|"
    r"\s+by (?:the|our)\b.*",
    I,
)
_AMBIGUOUS = '"{}" may mean twice in one period or once in two'


def _cadences(statement: Statement) -> list[tuple[Frequency, str]]:
    """Return the cadences of a sentence, each with the words that it belongs to."""
    if len(statement.frequencies) > 1:
        text = statement.text
        return [(f, clause_around(text, f.start)) for f in statement.frequencies]
    if frequency := statement.frequency:
        return [(frequency, statement.full)]
    heading = statement.headings[-1] if statement.headings else ""
    if statement.opens_section and (found := find_frequencies(heading)):
        # "Annual tabletop exercise" as a heading promises it, whatever stands below.
        return [(found[0], heading)]
    return []


def _rehearsals(statement: Statement) -> Reading | None:
    facts: list[Fact] = []
    duties: list[Obligation] = []
    notes: list[str] = []
    if statement.announces and not (statement.frequencies or statement.opens_section):
        return None
    for frequency, part in _cadences(statement):
        kinds = _kinds(part, statement)
        if kinds and frequency.ambiguous:
            notes.append(_AMBIGUOUS.format(frequency.every))
        for kind in kinds:
            facts.append(Fact(kind, frequency.at_least))  # type: ignore[arg-type]
            duties.append(_duty(kind, frequency, statement))
    if not facts:
        return None
    return Reading(
        "cadence",
        tuple(duties),
        tuple(facts),
        note="; ".join(notes) or None,
        ambiguous=bool(notes),
    )


def _duty(kind: str, frequency: Frequency, statement: Statement) -> Obligation:
    if kind == "tabletop_frequency":
        return Obligation("tabletop", "walk through scenarios", every=frequency.every)
    if kind == "restore_test_frequency":
        return Obligation(
            "drills", "test restores", every=frequency.every, atoms=("restore test",)
        )
    confirmed = re.findall(r"\bRTO\b|\bRPO\b", statement.text)
    return Obligation(
        "drills",
        "rehearse recovery",
        every=frequency.every,
        atoms=tuple(f"confirms {name}" for name in dict.fromkeys(confirmed)),
    )


def _kinds(part: str, statement: Statement) -> list[str]:
    if _TABLETOP.search(part):
        return ["tabletop_frequency"]
    tested = _REHEARSE.search(part)
    label = statement.label or ""
    found: list[str] = []
    if _TESTS_BACKUPS.search(part) or (
        tested and statement.cells and _BACKUP.search(label)
    ):
        found.append("restore_test_frequency")
    recovery = _without_backup_words(part)
    if tested and _RECOVERY.search(recovery) and _REHEARSE.search(recovery):
        found.append("dr_test_frequency")
    elif (
        tested
        and not found
        and not re.search(r"penetration|vulnerab|config|security", part, I)
    ):
        near = statement.headings[-1:]
        if any(_RECOVERY.search(text) for text in near) and re.search(
            r"\b(?:plan|failover|full|technical|exercise|drill|rehearsal)", part, I
        ):
            found.append("dr_test_frequency")
    return found


def _without_backup_words(part: str) -> str:
    # "Recovery tests of backups" are tests of backups; a drill needs its own words.
    if not _TESTS_BACKUPS.search(part):
        return part
    part = re.sub(
        r"(?<!disaster )\b(?:backup )?(?:recovery|restoration|restore) (?:tests?|"
        r"testing)\b",
        "",
        part,
        flags=I,
    )
    return (
        re.sub(r"\b(?:including|includes|with)\b[^,.;]*", "", part, flags=I)
        if re.search(
            r"\b(?:disaster|DR|continuity|contingency|failover|BCP)\b", part, I
        )
        else ""
    )


def _review(statement: Statement) -> Reading | None:
    if statement.announces or not statement.says(_REVIEW):
        return None
    frequency = statement.frequencies[0] if statement.frequencies else None
    headed = any(
        re.search(r"\bpolicy review|review (?:of|and)", h, I)
        for h in (*statement.headings[-1:], statement.label or "")
    )
    this = _THIS.search(statement.text) or (
        headed
        and not _PLANS.search(statement.text)
        and re.match(r"(?:reviewed|annual)", statement.text, I)
    )
    labelled = statement.label and re.search(
        r"\b(?:policy|plan|document) review|review (?:cycle|cadence|frequency|period|"
        r"interval|schedule)|next "
        r"review",
        statement.label,
        I,
    )
    if not (this or labelled) or frequency is None:
        return None
    part = _cadences(statement)[0][1]
    if not _REVIEW.search(part) and not labelled:
        return None
    if re.search(
        r"\b(?:report|vendor|supplier|log|access|training|backup|"
        r"incident)s?\b[^.;]{0,30}"
        r"\breview",
        part,
        I,
    ):
        return None
    event = _event(statement, frequency)
    value = frequency.at_least + (event or "")
    trigger = (
        clean(re.sub(r"^,?\s*(?:and/or|and|or)\b,?", "", event)) if event else None
    )
    duty = Obligation(
        "policy_review", "review the policy", trigger=trigger, every=frequency.every
    )
    note = _AMBIGUOUS.format(frequency.every) if frequency.ambiguous else None
    return Reading(
        "review",
        (duty,),
        (Fact("policy_review", value),),
        note=note,
        ambiguous=frequency.ambiguous,
    )


def _event(statement: Statement, frequency: Frequency) -> str | None:
    """Return ", and after major changes": the event that brings a review forward."""
    text = statement.text
    for start in (frequency.end, 0):
        match = _EVENT.search(text, start)
        if match:
            joined = re.sub(r"\s+", " ", match["join"]).strip()
            joined = joined if joined.strip(", ") else "or"
            comma = "" if joined.startswith(",") else " "
            event = _PURPOSE.sub("", match["event"]).strip(" ,.")
            return f"{comma}{joined} {event}" if event else None
    return None


def plan_review(statement: Statement) -> tuple[str, str] | None:
    """Return what plans are reviewed and how often, for plans that are not this one."""
    if not statement.frequencies or not _PLANS.search(statement.text):
        return None
    if not _REVIEW.search(statement.text):
        return None
    frequency = statement.frequencies[0]
    event = _event(statement, frequency) or ""
    match = re.match(
        r"(?P<what>[^.;]{3,80}?) (?:must|shall|should|will|are|is)\b", statement.text, I
    )
    what = clean(match["what"]) if match else "plans"
    return f"{what} review", f"{frequency.at_least}{event}"


RULES = (_rehearsals, _review)
