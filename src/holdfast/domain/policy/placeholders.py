"""Blanks that nobody filled in: "[e.g., 24-48]", "{{companyName}}", "TBD", "____".

`(e.g., AWS)` is an example and no blank. Links, footnotes and check boxes are markup
and gone before a text comes here.
"""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(
    r"\{\{\s*(?![<%#/>!])[^{}\n]{1,200}\}\}"  # Jinja, Mustache, Go templates.
    r"|\$\{[A-Za-z_][^{}\n]{0,80}\}"
    r"|(?<![\w{$])\{[A-Za-z][\w .-]{1,60}\}"
    r"|\[\[[^\[\]\n]{1,200}\]\]"
    r"|(?<!\w)\[(?![ x]?\]|\^|!|\d{1,3}\]|sic\]|\.\.\.|"
    r"…)[^\[\]\n]{0,400}[A-Za-z#?_][^\[\]\n]{0,400}\]"
    r"|<<[^<>\n]{1,120}>>"
    r"|<(?!/|https?:|mailto:)[A-Za-z][^<>=@\n]{0,120}>"
    r"|«[^«»\n]{1,120}»"
    r"|(?<![\w_])_{3,}(?![\w_])"
    r"|(?<![\w.])\.{6,}"
    r"|%[A-Z][A-Z_]{2,40}%|(?<![\w#])#[A-Z][A-Z_]{3,40}#"
    r"|(?<!\w)@@?[A-Z][A-Z_]{3,40}@@?"
    r"|\b(?:TBD|TBC|TODO|FIXME|XXX+)\b"
    r"|\b(?:XX|X|NN|N|YY)(?=[ -]?(?:%|minutes?\b|hours?\b|days?\b|weeks?\b|months?\b|"
    r"business\b|percent\b))"
    r"|\b(?:INSERT|YOUR) [A-Z][A-Z ]{2,40}\b"
)
_SPACE = re.compile(r"\s+")


def find_placeholders(text: str) -> tuple[str, ...]:
    """Return the blanks of a text in their order, verbatim on one line."""
    if not _MIGHT.search(text):
        return ()
    return tuple(_SPACE.sub(" ", match[0]) for match in _PLACEHOLDER.finditer(text))


def placeholder_after(text: str, at: int) -> str | None:
    """Return the blank that begins at a place, with the unit that follows it."""
    match = _PLACEHOLDER.match(text, at)
    if match is None:
        return None
    unit = _UNIT_AFTER.match(text, match.end())
    return text[at : unit.end() if unit else match.end()]


def placeholder_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return where the blanks stand."""
    if not _MIGHT.search(text):
        return ()
    return tuple(match.span() for match in _PLACEHOLDER.finditer(text))


_MIGHT = re.compile(r"[\[{<«_%#@]|\.{6}|TB[DC]|TODO|FIXME|X|N|YY|INSERT|YOUR")
_UNIT_AFTER = re.compile(
    r"\s?(?:business |working |calendar )?"
    r"(?:minutes?|hours?|days?|weeks?|months?|quarters?|years?|%|percent)\b",
    re.IGNORECASE,
)
