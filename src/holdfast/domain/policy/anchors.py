"""Anchors: what a decision about a sentence is bound to.

An anchor changes when what is said changes, and not when lines are wrapped anew,
emphasis is set or headings are numbered. A shape is the same without numbers. The
parts go in with their length in front, so that no two different sets of parts read
the same.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_HEADING_NUMBER = re.compile(
    r"^(?:(?:section|part|chapter|appendix|annex|article)\s+)?"
    r"(?P<number>\d{1,3}(?:\.\d{1,3})*|[A-Z](?=[.)])|[IVX]{1,5}(?=[.)]))"
    r"(?:[.):–—-]+\s*|\s+)(?=\S)",
    re.IGNORECASE,
)
_SIGNS = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "‐": "-",
        "‑": "-",
        "\u00a0": " ",
    }
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|"
    r"twenty|thirty|forty|forty-five|sixty|seventy-two|ninety)\b",
    re.IGNORECASE,
)


def anchor(text: str, headings: tuple[str, ...], label: str, lead_in: str) -> str:
    """Return the anchor of a sentence."""
    return _digest("sentence", [text, *_parts(headings, label, lead_in)])


def shape(text: str, headings: tuple[str, ...], label: str, lead_in: str) -> str:
    """Return the anchor of a sentence without its numbers."""
    parts = [text, *_parts(headings, label, lead_in)]
    return _digest("shape", [_without_numbers(normalised(part)) for part in parts])


def normalised(text: str) -> str:
    """Return a text with one form for each sign, and single spaces."""
    text = unicodedata.normalize("NFKC", text.translate(_SIGNS))
    return " ".join(text.split())


def split_number(heading: str) -> tuple[str, str]:
    """Return a heading's number ("5.1", or nothing) and its words."""
    match = _HEADING_NUMBER.match(heading)
    if match is None:
        return "", heading
    return match["number"], heading[match.end() :]


def text_digest(text: str) -> str:
    """Return the digest of a file's bytes."""
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _parts(headings: tuple[str, ...], label: str, lead_in: str) -> list[str]:
    path = [split_number(heading)[1] for heading in headings]
    return [label, lead_in, *path]


def _without_numbers(text: str) -> str:
    return _NUMBER_WORD.sub("#", _NUMBER.sub("#", text))


def _digest(domain: str, parts: list[str]) -> str:
    digest = hashlib.sha256(f"holdfast policy {domain} v1\n".encode())
    for part in parts:
        data = normalised(part).encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode() + data)
    return f"sha256:{digest.hexdigest()}"
