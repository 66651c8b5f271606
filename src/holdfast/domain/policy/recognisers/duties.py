"""What is owed in a rhythm or by a deadline, and belongs to none of the controls.

It is reported and not dropped: a person sees that nothing here keeps it.
"""

from __future__ import annotations

import re

from holdfast.domain.policy.model import Fact
from holdfast.domain.policy.recognisers.phrases import (
    ASIDE,
    MODAL,
    PASSIVE,
    I,
    clean,
    deadline_of,
    subject_of,
)
from holdfast.domain.policy.recognisers.rehearsal import plan_review
from holdfast.domain.policy.statement import Reading, Statement

_FREQUENCY_HEAD = re.compile(r"frequency|cadence|interval|how often|period|schedule", I)
_WITHIN_FIRST = re.compile(r"(?:within|no later than)\b", I)
# What may follow a cadence without being its matter ("annual training to ...").
_STOPS = frozenset(
    ["to", "and", "or", "by", "for", "in", "on", "basis", "at", "with", "of", "the"]
)
_UPON = re.compile(r"\bimmediately (?:up)?on (?P<what>[^,.;]{4,80})", I)
_NOTE = "no control keeps this"
_AFTER = re.compile(r"\s+(?P<noun>[a-z][\w-]*(?: [a-z][\w-]*)?)", I)
_SHORT = re.compile(r"\(([A-Z]{2,8})\)")
_CONDITION_FIRST = re.compile(
    r"^(?:within|upon|when|if|after|in the event|in case|once)\b[^.;]*?, ", I
)
_VERB = re.compile(
    r"\b(?:be|is|are|been)\s+(?:\w+ly )?(?P<verb>\w+ed|done|run|kept)\b", I
)
_ACT = re.compile(
    r"\b(?:must|shall|should|will)\s+(?:also "
    r")?(?P<verb>(?!be\b)\w+)(?P<object>(?:\s[\w-]+){0,3})",
    I,
)


def _row(statement: Statement) -> Reading | None:
    """Read a row of a table that has a column of cadences."""
    for head, cell in statement.cells:
        if _FREQUENCY_HEAD.search(head) and cell and cell != statement.label:
            short = _SHORT.search(statement.label or "")
            what = short[1] if short else (statement.label or "").casefold()
            value = statement.frequencies[0].every if statement.frequencies else cell
            return Reading(
                "cadence", (), (Fact("other", value.casefold(), of=what),), note=_NOTE
            )
    return None


def _plans(statement: Statement) -> Reading | None:
    found = plan_review(statement)
    if found is None:
        return None
    what, value = found
    return Reading("review", (), (Fact("other", value, of=what),), note=_NOTE)


def _cadence(statement: Statement) -> Reading | None:
    if statement.announces or not statement.frequencies or not _is_owed(statement):
        return None
    frequency = statement.frequencies[0]
    after = _AFTER.match(statement.text, frequency.end)
    # "must undergo annual training" names its matter after the cadence.
    noun = after["noun"].split() if after and not frequency.text.endswith("ly") else []
    kept = noun[: next((i for i, word in enumerate(noun) if word in _STOPS), len(noun))]
    what = " ".join(kept) or _matter(statement)
    return Reading(
        "cadence",
        (),
        (Fact("other", _written(frequency.text) or frequency.every, of=what),),
        note=_NOTE,
        ambiguous=frequency.ambiguous,
    )


def _written(text: str) -> str | None:
    # "twice per year" stays as it is, where no field of the summary has its own word.
    return text.casefold() if re.match(r"twice|two times", text, I) else None


def _deadline(statement: Statement) -> Reading | None:
    found = deadline_of(statement)
    labelled = statement.label is not None and _WITHIN_FIRST.match(statement.text)
    if not labelled and (statement.announces or not _is_owed(statement)):
        return None
    if found is not None and re.search(
        r"\b(?:within|no later than|not later than)\b", statement.text[: found.start], I
    ):
        fact = Fact("other", found.quantity.text, of=_matter(statement))
        return Reading("event", (), (fact,), note=_NOTE)
    if match := _UPON.search(statement.text):
        fact = Fact("other", "immediately", of=_matter(statement))
        note = f'"{match[0].split()[0]}" is no deadline that can be measured'
        return Reading("event", (), (fact,), note=note, ambiguous=True)
    return None


def _is_owed(statement: Statement) -> bool:
    return bool(MODAL.search(statement.text) or PASSIVE.search(statement.text))


def _matter(statement: Statement) -> str:
    """Return what is to be done, as a summary names it: subject and verb."""
    text = _CONDITION_FIRST.sub("", ASIDE.sub("", statement.text))
    verb = _VERB.search(text) or _ACT.search(text)
    done = verb["verb"] + (verb.groupdict().get("object") or "") if verb else ""
    return clean(f"{statement.label or subject_of(text)} {done}").casefold()


RULES = (_row, _plans, _cadence, _deadline)
