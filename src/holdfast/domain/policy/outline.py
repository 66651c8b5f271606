"""Blocks as statements: which headings, labels and lead-ins stand above each sentence.

A sentence that ends in a colon leads to the list or table below it; items inherit
from it, and from the items around them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.domain.policy.anchors import split_number
from holdfast.domain.policy.blocks import Block, Code, Heading, Passage
from holdfast.domain.policy.inline import one_line, without_emphasis
from holdfast.domain.policy.placeholders import find_placeholders
from holdfast.domain.policy.sentences import Span, split_passage
from holdfast.domain.policy.statement import Statement, with_figures
from holdfast.domain.policy.tables import Row, Table

_LEADS = re.compile(r":\s*$|\b(?:the )?following\b|\bbelow\b", re.IGNORECASE)
_RANKING = re.compile(
    r"^(?:#|no\.?|id|rank|rank(?:ing)?|priority|order|ref\.?|item|step)$",
    re.IGNORECASE,
)
_PAIR = 2
_ACRONYM = re.compile(
    r"\b((?:[A-Z][\w/-]*(?: of| and| for| the| &)? ?){2,7})\(([A-Z][A-Za-z/]{1,9})\)"
)


@dataclass(slots=True)
class _Lead:
    """A lead-in in force: how deep it stands, and which list it opened."""

    depth: int
    indent: int
    text: str
    list: int | None
    governs: int | None = None
    fresh: bool = True


def acronyms_of(text: str) -> dict[str, str]:
    """Return the short forms that a text introduces in brackets."""
    found: dict[str, str] = {}
    for match in _ACRONYM.finditer(text):
        words = [word for word in re.split(r"[\s/-]+", match[1]) if word]
        letters = match[2].replace("/", "").upper()
        for size in range(2, len(words) + 1):
            tail = words[-size:]
            initials = "".join(word[0] for word in tail if word[0].isupper())
            if initials == letters:
                full = match[1].strip()
                found.setdefault(match[2], full[full.index(tail[0]) :])
                break
    return found


class Outline:
    """One pass over the blocks, which keeps what stands above the next sentence."""

    def __init__(self, title: str, acronyms: Mapping[str, str]) -> None:
        self._base = Statement("", 0, 0, title=title, acronyms=acronyms)
        self._headings: list[tuple[int, str]] = []
        self._leads: list[_Lead] = []
        self._entered = False

    def statements(self, blocks: list[Block]) -> list[Statement]:
        """Return the statements of the blocks in their order."""
        found: list[Statement] = []
        for position, block in enumerate(blocks):
            following = blocks[position + 1] if position + 1 < len(blocks) else None
            match block:
                case Heading():
                    self._enter(block)
                case Passage():
                    found += self._passage(block, following)
                case Table():
                    found += self._table(block)
                case Code():
                    found.append(self._code(block))
        return found

    def _enter(self, heading: Heading) -> None:
        while self._headings and self._headings[-1][0] >= heading.level:
            self._headings.pop()
        self._headings.append((heading.level, heading.text))
        self._leads.clear()
        self._entered = True

    def _statement(self, text: str, first: int, last: int, **more: Any) -> Statement:
        headings = tuple(text for _, text in self._headings)
        opens_section, self._entered = self._entered, False
        return with_figures(
            self._base,
            text=text,
            first=first,
            last=last,
            headings=headings,
            section=_section(headings),
            lead_ins=tuple(lead.text for lead in reversed(self._leads)),
            opens_section=opens_section,
            **more,
        )

    def _passage(self, passage: Passage, following: Block | None) -> list[Statement]:
        self._leave(passage)
        is_item = passage.opens_item
        spans = split_passage(passage.text, passage.first, is_item=is_item)
        found: list[Statement] = []
        leads = _leads_on(passage, spans, following)
        for number, span in enumerate(spans):
            statement = self._statement(
                span.text,
                span.first,
                span.last,
                label=span.label,
                before=" ".join(
                    other.text for other in spans[max(0, number - 3) : number]
                ),
                ordinal=passage.ordinal if number == 0 else None,
                in_list=passage.depth > 0,
                announces=leads and number == len(spans) - 1,
            )
            found.append(statement)
        if spans:
            self._lead(passage, spans, leads=leads)
        return found

    def _leave(self, passage: Passage) -> None:
        kept: list[_Lead] = []
        for lead in self._leads:
            governed = lead.governs is not None and lead.governs == passage.list
            if lead.depth < passage.depth or governed or _hangs_below(lead, passage):
                kept.append(lead)
            elif lead.fresh and passage.list not in (None, lead.list):
                # A list that is not indented below the item that announced it.
                lead.governs = passage.list
                kept.append(lead)
        for lead in kept:
            lead.fresh = False
        self._leads = kept

    def _lead(self, passage: Passage, spans: list[Span], *, leads: bool) -> None:
        last = spans[-1]
        if leads or passage.opens_item:
            text = f"{last.label}: {last.text}" if last.label else last.text
            if not leads and len(spans) > 1:
                text = spans[0].label or spans[0].text
            self._leads.append(
                _Lead(passage.depth, passage.indent, text, passage.list, fresh=leads)
            )

    def _table(self, table: Table) -> list[Statement]:
        head = table.head.cells if table.head else ()
        return [
            self._row(head, row) for row in table.rows if any(map(str.strip, row.cells))
        ]

    def _row(self, head: tuple[str, ...], row: Row) -> Statement:
        cells = [one_line(without_emphasis(cell)) for cell in row.cells]
        heads = [one_line(without_emphasis(cell)) for cell in head]
        heads += [""] * (len(cells) - len(heads))
        pairs = tuple(zip(heads, cells, strict=False))
        named = next(
            (
                at
                for at, (name, cell) in enumerate(pairs)
                if cell and not _RANKING.match(name) and not cell.isdecimal()
            ),
            0,
        )
        others = [
            (name, cell)
            for at, (name, cell) in enumerate(pairs)
            if at != named and cell
        ]
        if len(pairs) <= _PAIR:
            text = "; ".join(cell for _, cell in others)
        else:
            text = "; ".join(
                f"{name}: {cell}" if name else cell for name, cell in others
            )
        label = pairs[named][1] if text else None
        statement = self._statement(
            text or pairs[named][1], row.first, row.last, label=label, cells=pairs
        )
        return replace(statement, placeholders=find_placeholders(" | ".join(cells)))

    def _code(self, code: Code) -> Statement:
        return self._statement(one_line(code.text), code.first, code.last, code=True)


def _section(headings: tuple[str, ...]) -> str:
    for heading in reversed(headings):
        number, _ = split_number(heading)
        if number:
            return number
    return split_number(headings[-1])[1] if headings else ""


def _hangs_below(lead: _Lead, passage: Passage) -> bool:
    # Indented by less than Markdown asks for, but clearly meant as below it.
    return (
        lead.text.endswith(":")
        and lead.depth == passage.depth > 0
        and lead.indent < passage.indent
    )


def _leads_on(passage: Passage, spans: list[Span], following: Block | None) -> bool:
    if not spans or following is None:
        return False
    colon = spans[-1].text.endswith(":")
    match following:
        case Table() | Code():
            return colon or bool(_LEADS.search(spans[-1].text))
        case Passage():
            deeper = following.depth > passage.depth or (
                following.depth == passage.depth > 0
                and following.indent > passage.indent
            )
            other = following.list not in (None, passage.list)
            if colon and (deeper or other):
                return True
            follows = any("following" in span.text for span in spans)
            return deeper and (passage.opens_item or follows)
        case _:
            return False
