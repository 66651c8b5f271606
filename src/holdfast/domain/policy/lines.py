"""The policy's physical lines: what is front matter or markup before Markdown begins.

Lines are never added or removed, only blanked, so that a line number found later is
the line number of the file. Whatever is not claimed here is left for the parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdfast.domain.policy.model import LineKind

BREAK = "\x1e"
_NEWLINE = re.compile(r"\r\n|\r|\n")
_EXOTIC = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ufeff\u200b]")
_KEY = re.compile(r"[A-Za-z_][\w .-]{0,60}:(?:\s|$)")
_CONTINUED = re.compile(r"\s+\S|-(?:\s|$)|#")
_FRONT_MATTER_MAX = 400
_BULLET_WIDTH_MAX = 5
# Matched against a line without the white space around it.
_MARKUP = re.compile(
    r"(?:import|export)\s[^.!?]*(?:from\s+['\"]|['\"];?$|=).*"  # MDX modules.
    r"|\{\{\s*[#/^!>][^{}]*\}\}"  # Mustache's sections.
    r"|\{%[^%]*%\}|\{\{[<%][^{}]*[>%]\}\}|\{#[^#]*#\}"  # Templates' own statements.
    r"|\{:[^{}]*\}|:::+.*|\$\$|\[\[?_?TOC_?\]?\]"  # Attributes, containers, contents.
    r"|\\(?:pagebreak|newpage|toc|clearpage|tableofcontents)\b.*"
    r"|\[(?!\^)[^\[\]]+\]:\s+\S.*"  # Link definitions.
    r"|!!!\s.*|\?\?\?\+?\s.*"  # Admonitions' first lines.
    r"|>?\s*\[![A-Za-z]+\][+-]?"
)
_DEFINED = re.compile(r"\s*\[(?!\^)([^\[\]]+)\]:\s+\S")
_MARKER = re.compile(
    r"(\s*)((?:[a-z]|[ivxlc]{2,6}|[A-H])[.)]|\([a-z]{1,4}\))(\s+)(?=\S)"
)


@dataclass(slots=True)
class Page:
    """The file's lines, as given to the parser, and what is known of each."""

    lines: list[str]
    kinds: list[LineKind | None]
    front: dict[str, str]
    link_labels: frozenset[str]
    raw: tuple[str, ...]
    unclosed_front_matter: bool = False

    def claim(self, first: int, end: int, kind: LineKind) -> None:
        """Blank the lines from first up to end, and say what they are."""
        for index in range(first, end):
            blank = not self.raw[index].strip()
            self.kinds[index] = "blank" if blank else kind
            self.lines[index] = ""


def read_page(text: str) -> Page:
    """Split a text into lines, and claim front matter and markup."""
    raw = tuple(_EXOTIC.sub(_visible, line) for line in _NEWLINE.split(text))
    kinds: list[LineKind | None] = [None if line.strip() else "blank" for line in raw]
    labels = frozenset(
        match[1].casefold() for line in raw if (match := _DEFINED.match(line))
    )
    page = Page(list(raw), kinds, {}, labels, raw)
    _claim_front_matter(page)
    _claim_markup(page)
    _claim_comments(page)
    _turn_letters_into_bullets(page)
    return page


def _visible(match: re.Match[str]) -> str:
    return "\ufffd" if match[0] == "\x00" else " "


def _claim_front_matter(page: Page) -> None:
    start = next((i for i, line in enumerate(page.raw) if line.strip()), None)
    if start is None:
        return
    fence = page.raw[start].strip()
    if fence in ("---", "+++"):
        end = _front_matter_end(page.raw, start + 1, fence)
        page.unclosed_front_matter = end is None and bool(
            start + 1 < len(page.raw) and _KEY.match(page.raw[start + 1])
        )
        body = start + 1
    else:
        end = _unopened_front_matter_end(page.raw, start)
        body = start
    if end is None:
        return
    for line in page.raw[body:end]:
        key, separator, value = line.partition(":" if fence != "+++" else "=")
        if separator and not key.startswith((" ", "-", "\t")):
            page.front.setdefault(key.strip(), value.strip().strip("'\""))
    page.claim(start, end + 1, "front_matter")


def _front_matter_end(raw: tuple[str, ...], start: int, fence: str) -> int | None:
    ends = (fence, "...") if fence == "---" else (fence,)
    for index in range(start, min(len(raw), start + _FRONT_MATTER_MAX)):
        if raw[index].rstrip() in ends:
            inside = [line for line in raw[start:index] if line.strip()]
            keyed = fence == "+++" or not inside or _KEY.match(inside[0])
            return index if keyed or inside[0].startswith("#") else None
    return None


def _unopened_front_matter_end(raw: tuple[str, ...], start: int) -> int | None:
    # Some sites strip the opening line: keys, then a line of dashes on its own.
    if not _KEY.match(raw[start]):
        return None
    for index in range(start, min(len(raw), start + _FRONT_MATTER_MAX)):
        line = raw[index]
        if line.rstrip() == "---":
            return index if index > start + 1 else None
        if line.strip() and not (_KEY.match(line) or _CONTINUED.match(line)):
            return None
    return None


def _claim_markup(page: Page) -> None:
    fenced = ""
    for index, line in enumerate(page.lines):
        fenced = _fence_after(line, fenced)
        if not fenced and _MARKUP.fullmatch(line.strip()):
            page.claim(index, index + 1, "markup")


def _fence_after(line: str, fenced: str) -> str:
    mark = line.strip()[:3]
    if mark not in ("```", "~~~"):
        return fenced
    if not fenced:
        return mark
    return "" if mark == fenced else fenced


def _claim_comments(page: Page) -> None:
    # Comments that span blank lines: what they hold is not in force.
    open_at: int | None = None
    for index, line in enumerate(page.lines):
        if open_at is None:
            if line.lstrip().startswith("<!--"):
                if "-->" in line:
                    if line.rstrip().endswith("-->") and line.count("-->") == 1:
                        page.claim(index, index + 1, "markup")
                else:
                    open_at = index
        elif "-->" in line:
            if not line.partition("-->")[2].strip():
                page.claim(open_at, index + 1, "markup")
            open_at = None


def _turn_letters_into_bullets(page: Page) -> None:
    """Make lists of paragraphs marked "a." or "ii)", which CommonMark does not know.

    The bullet is as wide as the marker was, so that what is indented below it stays
    below it. A wrapped line of prose may begin with such a marker by chance, so a
    list only begins after a break.
    """
    after_break, indent = True, -1
    for index, line in enumerate(page.lines):
        match = _MARKER.match(line)
        if match and (after_break or len(match[1]) == indent):
            indent = len(match[1])
            width = min(len(match[2]) + len(match[3]), _BULLET_WIDTH_MAX)
            bullet = "+".ljust(width)
            page.lines[index] = match[1] + bullet + line[match.end() :]
            after_break = False
        else:
            after_break = not line.strip() or line.lstrip().startswith("#")
            indent = -1 if after_break else indent
