"""Markdown as located blocks: headings, passages, tables, code.

The parser only finds the blocks and their lines. It never looks inside a line: that
is ours (`inline`), so that no input can make it slow. Every line that the parser
touches is given a kind on the page; the compiler names the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from holdfast.domain.policy.inline import Names, plain, without_markup
from holdfast.domain.policy.lines import BREAK, Page
from holdfast.domain.policy.model import LineKind
from holdfast.domain.policy.tables import Row, Table, claim_grid_tables

_NESTING_MAX = 60
_PSEUDO_HEADING = re.compile(r"\s*(?:\*\*|__)([^*_\n.!?]{2,80}?):?(?:\*\*|__):?\s*")
_PSEUDO_LEVEL = 7
_NAVIGATION = re.compile(r"<(\w*(?:Link|Tab|Nav|Anchor)\w*)\b[^<>]*>[^<>]*</\1>")
_HIDDEN = ("script", "style", "svg")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, in plain words."""

    level: int
    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph or an item of a list; ``list`` tells the lists of a page apart."""

    text: str
    first: int
    last: int
    depth: int = 0
    list: int | None = None
    ordinal: int | None = None
    opens_item: bool = False
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """A fenced block, which is shown and not read."""

    text: str
    first: int
    last: int


Block = Heading | Passage | Table | Code


def read_blocks(page: Page, names: Names) -> list[Block]:
    """Return the page's blocks in the order of their lines."""
    grids = claim_grid_tables(page)
    tokens = _parser().parse("\n".join(page.lines))
    blocks: list[Block] = [*grids, *_Walk(page, names, tokens).blocks()]
    return sorted(blocks, key=lambda block: block.first)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING_MAX}).enable("table")
    # Indented text is text in a policy, and definitions of links are claimed already.
    parser.disable(["code", "reference"])
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


class _Walk:
    """One pass over the tokens, which keeps where in which list it stands."""

    def __init__(self, page: Page, names: Names, tokens: list[Token]) -> None:
        self.page = page
        self.names = names
        self.tokens = tokens
        self.lists: list[int] = []
        self.count = 0
        self.ordinal: int | None = None
        self.opens_item = False

    def blocks(self) -> list[Block]:
        found: list[Block] = []
        position = 0
        while position < len(self.tokens):
            token = self.tokens[position]
            if token.type == "table_open":
                position, table = self._table(position)
                found.append(table)
            else:
                found += self._block(token, position)
            position += 1
        return found

    def _block(self, token: Token, position: int) -> list[Block]:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self.count += 1
                self.lists.append(self.count)
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self.ordinal = int(token.info) if token.info.isdecimal() else None
                self.opens_item = True
            case "heading_open":
                return self._heading(token, self.tokens[position + 1])
            case "paragraph_open":
                return self._paragraph(token, self.tokens[position + 1])
            case "fence":
                return self._fence(token)
            case "hr":
                self._mark(token, "markup")
            case "html_block":
                return self._html(token)
            case _:
                pass
        return []

    def _heading(self, token: Token, inline: Token) -> list[Block]:
        first, last = self._mark(token, "heading")
        text = plain(inline.content, self.names)
        return [Heading(int(token.tag[1]), text, first, last)] if text else []

    def _paragraph(self, token: Token, inline: Token) -> list[Block]:
        first, last = self._mark(token, "markup")
        bold = _PSEUDO_HEADING.fullmatch(inline.content)
        if bold and not self.lists:
            self._mark(token, "heading")
            return [Heading(_PSEUDO_LEVEL, plain(bold[1], self.names), first, last)]
        text = without_markup(inline.content, self.names)
        return [self._passage(text, first, last)]

    def _passage(self, text: str, first: int, last: int) -> Passage:
        opens, self.opens_item = self.opens_item and bool(self.lists), False
        here = self.lists[-1] if self.lists else None
        ordinal = self.ordinal if opens else None
        raw = self.page.raw[first]
        indent = len(raw) - len(raw.lstrip())
        depth = len(self.lists)
        return Passage(text, first, last, depth, here, ordinal, opens, indent)

    def _fence(self, token: Token) -> list[Block]:
        first, last = self._mark(token, "markup")
        if not token.content.strip():
            return []
        return [Code(token.content, first, last)]

    def _html(self, token: Token) -> list[Block]:
        first, last = self._mark(token, "markup")
        text = token.content
        if text.lstrip()[1:10].casefold().startswith(_HIDDEN):
            return []
        text = _NAVIGATION.sub(lambda match: "\n" * match[0].count("\n"), text)
        text = without_markup(text, self.names)
        if not text.replace(BREAK, " ").strip():
            return []
        return [self._passage(text, first, last)]

    def _table(self, position: int) -> tuple[int, Table]:
        first, last = self._mark(self.tokens[position], "markup")
        rows: list[Row] = []
        cells: list[str] = []
        at = position
        while (token := self.tokens[at]).type != "table_close":
            if token.type == "tr_open":
                cells = []
            elif token.type == "inline":
                cells.append(plain(token.content, self.names))
                line = token.map[0] if token.map else first
            elif token.type == "tr_close" and cells:
                rows.append(Row(tuple(cells), line, line))
            at += 1
        if rows:
            self.page.kinds[rows[0].first] = "heading"
        return at, Table(rows[0] if rows else None, tuple(rows[1:]), first, last)

    def _mark(self, token: Token, kind: LineKind) -> tuple[int, int]:
        first, end = token.map or (0, 0)
        while end > first + 1 and not self.page.raw[end - 1].strip():
            end -= 1
        for index in range(first, min(end, len(self.page.kinds))):
            if self.page.kinds[index] in (None, "markup"):
                self.page.kinds[index] = kind
        return first, max(first, end - 1)
