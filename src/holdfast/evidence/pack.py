"""The pack for the day on which Holdfast is dead itself: what it says, and as text.

It is for paper, and for people who have nothing else: whom to call, what to do by hand,
where keys are, how Holdfast comes back. It names places of keys, never a key that
is secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import wrap
from typing import TypeAlias, assert_never

WIDTH = 76


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What is typed, or printed as it stands."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the first column is what a row is about."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Things to tick off, by hand."""

    items: tuple[str, ...]


Block: TypeAlias = Words | Typed | Grid | Boxes


@dataclass(frozen=True, slots=True)
class Section:
    """One page's worth under a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """All of it, as of a log of ``size`` entries."""

    company: str
    size: int
    made_at: datetime
    sections: tuple[Section, ...]

    @property
    def title(self) -> str:
        """What stands on the first page."""
        return f"{self.company}: when Holdfast is dead"

    @property
    def made(self) -> str:
        """As of when it is true."""
        at = self.made_at.astimezone(UTC)
        return f"Made {at:%Y-%m-%d %H:%M} UTC, of a log of {self.size:,} entries."


WARNING = (
    "Holds names and addresses: keep it as you keep a list of staff, and destroy the "
    "older one. It holds no password and no private key."
)


def render_text(pack: Pack) -> str:
    """Render it as plain text."""
    lines = [pack.title, "=" * len(pack.title), "", pack.made, *wrap(WARNING, WIDTH)]
    for number, section in enumerate(pack.sections, 1):
        head = f"{number}. {section.title}"
        lines += ["", "", head, "-" * len(head)]
        for block in section.blocks:
            lines += ["", *_lines(block)]
    return "\n".join(lines) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Words(text):
            yield from wrap(text, WIDTH)
        case Typed(lines):
            yield from (f"    {line}" for line in lines)
        case Grid():
            yield from _grid(block)
        case Boxes(items):
            yield from (f"[ ] {item}" for item in items)
        case _:
            assert_never(block)


def _grid(grid: Grid) -> Iterator[str]:
    """Lay a narrow table out in columns, and a wide one row by row."""
    rows = (grid.heads, *grid.rows)
    widths = [max(len(row[at]) for row in rows) for at in range(len(grid.heads))]
    if sum(widths) + 2 * len(widths) <= WIDTH:
        for row in rows:
            cells = zip(row, widths, strict=True)
            yield "  ".join(cell.ljust(width) for cell, width in cells).rstrip()
        return
    for row in grid.rows:
        yield f"* {row[0]}"
        for head, cell in list(zip(grid.heads, row, strict=True))[1:]:
            yield f"    {head}: {cell}"
