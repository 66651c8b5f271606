"""Passages as sentences: each with its label, its words and its lines.

A label is what a policy writes before a colon, most often in bold ("**Backups:**").
It names all that follows it in the passage, up to the next label.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace

from holdfast.domain.policy.inline import one_line, without_emphasis
from holdfast.domain.policy.lines import BREAK

_BOLD_LABEL = re.compile(
    r"\s*(?P<mark>\*\*\*|\*\*|__|\*|_)(?P<label>[^*_:]{1,90}?)(?P<inner>[:.]?)\s*"
    r"(?P=mark)\s*(?P<outer>[:.–—]|--|-(?=\s))?\s*"
)
_PLAIN_LABEL = re.compile(r"\s*(?P<label>[A-Z][^.:;!?\n{}<>\[\]]{1,70}):\s+(?=\S)")
_DEFINITION = re.compile(r"\A([^\n:]{1,90})\n\s*:\s+")
_CLAUSE_NUMBER = re.compile(r"(?m)^\s*\d{1,3}(?:\.\d{1,3})+\.?\s+(?=\S)")
_END = re.compile(r"[.!?]+[\"'”’)\]*_]*(?=\s|$)|" + BREAK)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.?g|i\.?e|etc|vs|cf|approx|incl|no|nos|sec|art|fig|st|mr|mrs|ms|dr|"
    r"inc|ltd|corp|co|dept|est|max|min|u\.s|a\.m|p\.m|pty|rev|ver|jan|feb|mar|apr|"
    r"jun|jul|aug|sep|sept|oct|nov|dec)|(?:^|[\s(])[A-Za-z])\.$",
    re.IGNORECASE,
)
_ENDS_ALSO = re.compile(r"\b(?:etc|inc|ltd|corp|p\.m|a\.m|u\.s)\.$", re.IGNORECASE)
_STARTS = re.compile(r"[\"'“‘(\[{<*_]*[A-Z0-9{\[<]")
_LOWER_START = re.compile(r"[\"'“‘(*_]*[a-z]")
_SAYS = re.compile(r"\w")
_VERB = re.compile(r"\b(?:must|shall|will|should|is|are|can|may|has|have)\b")
_LABEL_WORDS_MAX = 8
_DOTTED_LABEL_WORDS_MAX = 5
_LATER_LABEL_WORDS_MAX = 5


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence as it stands: label, words, first and last line from 0."""

    label: str | None
    text: str
    first: int
    last: int


def split_passage(text: str, first: int, *, is_item: bool) -> list[Span]:
    """Return the sentences of a passage that begins on a line."""
    text = _with_breaks(text)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    label, body = _label(text, is_item=is_item)
    found: list[Span] = []
    begin = body
    for end in [*_ends(text, body), len(text)]:
        words = one_line(without_emphasis(text[begin:end]))
        if _SAYS.search(words):
            inside = text[begin:end]
            at = begin + len(inside) - len(inside.lstrip(f" \t\n{BREAK}"))
            stop = begin + len(inside.rstrip(f" \t\n{BREAK}"))
            top = first + bisect_right(starts, 0 if label and not found else at) - 1
            bottom = first + bisect_right(starts, max(at, stop - 1)) - 1
            found.append(Span(label, words, top, bottom))
        begin = end
    if not found and label:
        return [Span(None, label, first, first + bisect_right(starts, body) - 1)]
    return _with_later_labels(found)


def _with_breaks(text: str) -> str:
    text = _DEFINITION.sub(r"\1:\n ", text)
    text = _CLAUSE_NUMBER.sub(f"{BREAK} ", text)
    lines = text.split("\n")
    if len(lines) > 1 and all(_label(line, is_item=True)[0] for line in lines):
        return f"{BREAK}\n".join(lines)
    return text


def _label(text: str, *, is_item: bool) -> tuple[str | None, int]:
    match = _BOLD_LABEL.match(text)
    if match and (match["inner"] or match["outer"]):
        words = len(match["label"].split())
        dotted = (match["inner"] or match["outer"]) == "."
        limit = _DOTTED_LABEL_WORDS_MAX if dotted else _LABEL_WORDS_MAX
        if words <= limit:
            return one_line(without_emphasis(match["label"])), match.end()
    match = _PLAIN_LABEL.match(text)
    if match and len(match["label"].split()) <= (
        _LABEL_WORDS_MAX if is_item else _LATER_LABEL_WORDS_MAX
    ):
        label = one_line(without_emphasis(match["label"]))
        if not _VERB.search(label):
            return label, match.end()
    return None, 0


def _with_later_labels(spans: list[Span]) -> list[Span]:
    # After a hard break a new label may stand ("RTO: 4 hours" on a line of its own).
    found = spans[:1]
    for span in spans[1:]:
        label = _later_label(span) if span.first > found[-1].last else None
        if label is not None:
            found.append(replace(span, label=label[0], text=label[1]))
        else:
            found.append(replace(span, label=found[-1].label))
    return found


def _later_label(span: Span) -> tuple[str, str] | None:
    match = _PLAIN_LABEL.match(span.text)
    if match is None or len(match["label"].split()) > _LATER_LABEL_WORDS_MAX:
        return None
    label = match["label"].strip()
    return None if _VERB.search(label) else (label, span.text[match.end() :])


def _ends(text: str, start: int) -> list[int]:
    """Return where sentences end: never inside brackets, nor after "e.g."."""
    found: list[int] = []
    depth, at = 0, start
    for match in _END.finditer(text, start):
        if match[0] == BREAK:
            found.append(match.end())
            depth, at = 0, match.end()
            continue
        for sign in text[at : match.end()]:
            depth += (sign in "([") - (sign in ")]")
            depth = max(depth, 0)
        at = match.end()
        if depth == 0 and _is_end(text, match):
            found.append(match.end())
    return found


def _is_end(text: str, match: re.Match[str]) -> bool:
    after = text[match.end() : match.end() + 20].lstrip()
    if not after or not _STARTS.match(after) or _LOWER_START.match(after):
        return False
    before = text[max(0, match.start() - 12) : match.start() + 1]
    if not _ABBREVIATION.search(before):
        return True
    return bool(_ENDS_ALSO.search(before) and after[0].isupper())
