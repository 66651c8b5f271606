"""Puts a notice into Slack's own markup, within Slack's limits.

Slack gives ``&``, ``<`` and ``>`` a meaning: unescaped, a component named
``<!channel>`` would wake everybody. So everything that comes from outside is escaped.
"""

from __future__ import annotations

# Slack advises at most 4,000 characters in `text` and cuts at 40,000.
TEXT_CHARACTERS_MAX = 4_000
SUBJECT_CHARACTERS_MAX = 250


def compose(subject: str, text: str, key: str) -> str:
    """Return subject in bold and text below it; what is cut off is said to be."""
    head = " ".join(subject.split())[:SUBJECT_CHARACTERS_MAX]
    lines = f"*{escape(head)}*\n" if head else ""
    note = f"\n_Shortened here. The whole notice is in Holdfast under {escape(key)}._"
    room = TEXT_CHARACTERS_MAX - len(lines)
    body = escape(text)
    if len(body) <= room:
        return lines + body
    return lines + _escaped_within(text, max(0, room - len(note) - 1)) + "…" + note


def escape(text: str) -> str:
    """Return text that Slack shows as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped_within(text: str, room: int) -> str:
    """Return as much of the start of the text as fits once it is escaped."""
    used = 0
    for place, character in enumerate(text):
        used += len(escape(character))
        if used > room:
            return escape(text[:place])
    return escape(text)
