"""Phrases that several families of rules share."""

from __future__ import annotations

import re

from holdfast.domain.policy.lexer import Found
from holdfast.domain.policy.placeholders import placeholder_after
from holdfast.domain.policy.statement import Statement

I = re.IGNORECASE  # noqa: E741 - as short as in `re`, it stands beside every pattern.

MODAL = re.compile(
    r"\b(?:must|shall|should|will|(?:is|are) (?:required|expected|responsible)|has to|"
    r"have to|needs? to|commits? to|aims? to|ensures?)\b",
    I,
)
PASSIVE = re.compile(
    r"\b(?:is|are|be|been) (?:\w+ly )?(?:\w+ed|kept|held|done|run)\b", I
)
VAGUE = re.compile(
    r"\b(?:promptly|immediately|as soon as (?:reasonably )?(?:possible|practicable)|"
    r"without (?:undue )?delay|regularly|periodically|on a (?:regular|periodic) basis|"
    r"at regular intervals|from time to time|in a timely (?:manner|fashion)|timely|"
    r"expediently|expeditiously|frequently|reasonable (?:time|timeframe|period)\w*|"
    r"reasonable time period|acceptable time ?frames?|as needed|if necessary|"
    r"as necessary|where appropriate|as appropriate|best effort)\b",
    I,
)
_WITHIN = re.compile(
    r"\b(?:within|no later than|not later than|no case later than|in less than|in "
    r"under|under|in no more"
    r" than|no more than|not exceed(?:ing)?|less than|at most|maximum of|up to|<=?|≤)"
    r"\s*(?:the (?:first|next)\s+|a maximum of\s+|an?\s+(?=\d|\[)|first\s+)?$",
    I,
)
_THRESHOLD = re.compile(
    r"\b(?:exceed(?:s|ed|ing)?|more than|longer than|greater than|over|lasts?|lasting|"
    r"after|beyond|at least|for|>)\s*(?:an?\s+)?$",
    I,
)
_DEADLINE_WORD = re.compile(
    r"\b(?:within|no later than|not later than)\s+(?:an?\s+)?(?=[\[{<_X(])", I
)
_CONDITION = re.compile(
    r"(?:^|[,;]?\s)(?P<word>in the event of|in case of|in the case of|(?<!the "
    r")following|"
    r"upon|when|whenever|if|once|after|"
    r"of(?=\s(?:identif|activat|detect|discover|determin|becoming|confirm|declar|known|"
    r"notif|learn|receiv|(?:an? |any |the )?(?:\w+ )?(?:incident|event|disruption|"
    r"breach|"
    r"outage|disaster|detection|discovery|confirmation|change))))"
    r"\s+(?P<rest>[^,;.:()]{3,160})",
    I,
)
ASIDE = re.compile(r"\s*\([^()]*\)")


def deadline_of(statement: Statement) -> Found | None:
    """Return the sentence's deadline: a duration after "within" or its like."""
    return next((f for f in statement.durations if is_deadline(statement, f)), None)


def is_deadline(statement: Statement, found: Found) -> bool:
    """Say whether a duration stands after "within" or its like."""
    return bool(_WITHIN.search(statement.text[: found.start]))


def threshold_of(statement: Statement) -> Found | None:
    """Return an amount inside a trigger: "exceeds 1 hour" is no deadline."""
    for found in statement.durations:
        before = statement.text[: found.start]
        if _THRESHOLD.search(before) and not _WITHIN.search(before):
            return found
    return None


def blank_deadline(text: str) -> str | None:
    """Return the blank that stands where a deadline should be, with its unit."""
    match = _DEADLINE_WORD.search(text)
    return placeholder_after(text, match.end()) if match else None


def condition(text: str) -> str | None:
    """Return what a sentence waits for ("outage exceeds 1 hour"), if it says."""
    match = _CONDITION.search(ASIDE.sub("", text))
    if match is None:
        return None
    return clean(match["rest"])


def clean(phrase: str) -> str:
    """Return a phrase without its articles at the start and its stop at the end."""
    phrase = re.sub(r"^(?:a|an|the|any|our|its|their)\s+", "", phrase.strip(), flags=I)
    return phrase.strip(" ,;:.").strip()


def vague_word(text: str) -> str | None:
    """Return the word that leaves a time open, if there is one."""
    match = VAGUE.search(text)
    return match[0] if match else None


def lower_first(text: str) -> str:
    """Return a cell's words as they stand in running text ("Next business day")."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def in_running_text(text: str) -> str:
    """Return words without their capitals; short forms keep theirs."""
    return re.sub(r"\b[A-Z](?=[a-z])", lambda match: match[0].lower(), text)


def subject_of(text: str) -> str:
    """Return what a sentence is about: its words before the verb that binds it."""
    match = re.search(
        r"\b(?:must|shall|should|will|is|are|be|has|have|may|can)\b", text, I
    )
    words = text[: match.start()] if match else text
    return clean(" ".join(words.split()[-8:]))
