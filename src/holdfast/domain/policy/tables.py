"""Tables as rows of plain cells: pipe tables come from the parser, grid tables here.

A grid table is pandoc's: borders of `+---+`, cells that go over several lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from holdfast.domain.policy.lines import Page

_BORDER = re.compile(r"\s*\+(?:[-=:]+\+)+\s*")


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells, with the first and last line, counted from 0."""

    cells: tuple[str, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its head may be empty, its rows may be too."""

    head: Row | None
    rows: tuple[Row, ...]
    first: int
    last: int


def claim_grid_tables(page: Page) -> list[Table]:
    """Take the grid tables out of the page, and return them."""
    found: list[Table] = []
    index = 0
    while index < len(page.lines):
        end = _grid_end(page.lines, index)
        if end is None:
            index += 1
            continue
        table = _read_grid(page.lines[index:end], index)
        page.claim(index, end, "markup")
        if table.head is not None:
            page.claim(table.head.first, table.head.last + 1, "heading")
        found.append(table)
        index = end
    return found


def _grid_end(lines: list[str], start: int) -> int | None:
    if not _BORDER.fullmatch(lines[start]):
        return None
    end, last_border = start + 1, start
    while end < len(lines) and lines[end].lstrip()[:1] in ("+", "|"):
        if _BORDER.fullmatch(lines[end]):
            last_border = end
        end += 1
    return last_border + 1 if last_border > start + 1 else None


def _read_grid(lines: list[str], offset: int) -> Table:
    posts = [at for at, sign in enumerate(lines[0].rstrip()) if sign == "+"]
    rows: list[Row] = []
    head: Row | None = None
    body: list[int] = []
    for number, line in enumerate(lines):
        if not _BORDER.fullmatch(line):
            body.append(number)
            continue
        if body:
            cells = _cells([lines[at] for at in body], posts)
            rows.append(Row(cells, offset + body[0], offset + body[-1]))
            if "=" in line and head is None:
                head = rows.pop()
        body = []
    return Table(head, tuple(rows), offset, offset + len(lines) - 1)


def _cells(lines: list[str], posts: list[int]) -> tuple[str, ...]:
    columns: list[list[str]] = [[] for _ in posts[1:]]
    for line in lines:
        parts = line.strip().strip("|").split("|")
        if len(parts) != len(columns):
            parts = [line[a + 1 : b] for a, b in pairwise(posts)]
        for column, part in zip(columns, parts, strict=False):
            column.append(part.strip())
    return tuple(" ".join(part for part in column if part) for column in columns)
