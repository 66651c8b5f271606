"""From a block's Markdown to plain words, keeping every line break where it was.

What is removed leaves its line breaks behind, so that a place in the words is still a
place in the file. Every pattern is bounded by the sign that ends it: no input makes
them slow.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from holdfast.domain.policy.lines import BREAK

_IMAGE = re.compile(r"!\[([^\[\]]*)\]\([^()]{0,2000}\)")
_LINK = re.compile(r"\[([^\[\]]*)\]\((?:[^()\n]|\([^()\n]*\)){0,2000}\)")
_LABELLED = re.compile(r"\[([^\[\]]+)\](?:\[([^\[\]]*)\])?")
_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]{1,80}\]:?")
_TASK = re.compile(r"^\s*\[[ xX]\]\s+")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]+|[^<>\s@]+@[^<>\s@]+)>")
_TAG = re.compile(r"</?([A-Za-z][\w.:-]*)((?:\s[^<>]*)?)>")
_SHORTCODE = re.compile(
    r"\{\{[<%][^{}]*[>%]\}\}|\{\{\s*[#/^!>][^{}]*\}\}|\{%[^{}%]*%\}|\{#[^{}#]*#\}"
)
_ATTRIBUTES = re.compile(r"\{:?\s*[#.][^{}\s]*\s*\}")
_HARD_BREAK = re.compile(r"(?: {2,}|\\)\n")
_STRONG = re.compile(r"(?<!\\)\*+")
_UNDERLINE = re.compile(r"(?<![\w\\_])_{1,2}(?=[^\s_])([^_\n]{1,300})_{1,2}(?![\w_])")
_STRUCK = re.compile(r"~~([^~\n]{1,500})~~")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_ENTITY = re.compile(r"&#?\w{1,31};")
_SPACE = re.compile(r"\s+")

_HTML = frozenset(
    [
        "a",
        "abbr",
        "address",
        "article",
        "aside",
        "b",
        "blockquote",
        "body",
        "br",
        "button",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hr",
        "html",
        "i",
        "iframe",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "li",
        "link",
        "main",
        "mark",
        "meta",
        "nav",
        "ol",
        "option",
        "p",
        "picture",
        "pre",
        "q",
        "s",
        "samp",
        "script",
        "section",
        "select",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "svg",
        "table",
        "tbody",
        "td",
        "template",
        "tfoot",
        "th",
        "thead",
        "time",
        "title",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "video",
    ]
)
_BREAKING = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_CLOSED = re.compile(r"</([A-Za-z][\w.:-]*)\s*>|<([A-Za-z][\w.:-]*)(?:\s[^<>]*)?/>")


@dataclass(frozen=True, slots=True)
class Names:
    """What the whole document defines: labels of links, names of components."""

    links: frozenset[str] = frozenset()
    components: frozenset[str] = frozenset()


def names_of(text: str, links: frozenset[str]) -> Names:
    """Collect the names that tell a link from a blank and a tag from a blank."""
    found = frozenset(match[1] or match[2] for match in _CLOSED.finditer(text))
    return Names(links, found)


def without_markup(text: str, names: Names) -> str:
    """Remove links, tags and comments; emphasis stays, it still tells labels."""
    text = _cut(text, "<!--", "-->")
    text = _cut(text, "{/*", "*/}")
    text = _HARD_BREAK.sub(f"{BREAK}\n", text)
    text = _keep(_IMAGE, text)
    text = _keep(_LINK, text)
    text = _keep(_FOOTNOTE, text)
    text = _TASK.sub("", text)
    if names.links:
        text = _LABELLED.sub(lambda match: _label(match, names), text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _TAG.sub(lambda match: _tag(match, names), text)
    text = _SHORTCODE.sub(_lines_only, text)
    return _ATTRIBUTES.sub(_lines_only, text)


def without_emphasis(text: str) -> str:
    """Remove the signs of emphasis, and what they had to be escaped with."""
    text = _STRONG.sub("", text.replace("`", ""))
    text = _keep(_STRUCK, _UNDERLINE.sub(r"\1", text))
    text = _ESCAPE.sub(r"\1", text)
    return _ENTITY.sub(_entity, text)


def plain(text: str, names: Names) -> str:
    """Return a text in plain words, on one line."""
    return one_line(without_emphasis(without_markup(text, names)))


def one_line(text: str) -> str:
    """Collapse white space."""
    return _SPACE.sub(" ", text.replace(BREAK, " ")).strip()


def _keep(pattern: re.Pattern[str], text: str) -> str:
    def kept(match: re.Match[str]) -> str:
        inner = (match[1] or "") if match.re.groups else ""
        return inner + "\n" * (match[0].count("\n") - inner.count("\n"))

    return pattern.sub(kept, text)


def _lines_only(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _label(match: re.Match[str], names: Names) -> str:
    label = (match[2] or match[1]).casefold()
    return match[1] if label in names.links else match[0]


def _tag(match: re.Match[str], names: Names) -> str:
    name, rest, lines = match[1], match[2], "\n" * match[0].count("\n")
    known = name.casefold() in _HTML or name in names.components
    if not known and not match[0].startswith("</") and "=" not in rest:
        # A name in angle brackets that is never closed is a blank to fill in.
        return match[0]
    breaks = name.casefold() in _BREAKING or name[0].isupper()
    return (BREAK if breaks else "") + lines


def _entity(match: re.Match[str]) -> str:
    found = html.unescape(match[0])
    return " " if found.isspace() else found


def _cut(text: str, opening: str, closing: str) -> str:
    parts: list[str] = []
    at = 0
    while (start := text.find(opening, at)) >= 0:
        end = text.find(closing, start)
        if end < 0:
            break
        end += len(closing)
        parts += (text[at:start], "\n" * text.count("\n", start, end))
        at = end
    return "".join([*parts, text[at:]])
