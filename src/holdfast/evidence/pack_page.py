"""The pack as one file of HTML that stands alone: no script, no file beside it."""

from __future__ import annotations

from typing import assert_never

import htpy as h
from markupsafe import Markup

from holdfast.evidence.pack import (
    WARNING,
    Block,
    Boxes,
    Grid,
    Pack,
    Section,
    Typed,
    Words,
)
from holdfast.evidence.report_style import STYLE

_OWN = """
.warning { border: 1px solid var(--line); border-left: 6px solid var(--bad);
  border-radius: .4rem; padding: .6rem .9rem; background: var(--wash); }
.boxes { list-style: none; padding: 0; }
.boxes li { display: flex; gap: .6rem; }
.boxes li::before { content: ""; flex: none; width: .85em; height: .85em;
  margin-top: .3em; border: 1.5px solid currentColor; border-radius: 2px; }
thead th { white-space: nowrap; }
.long { overflow-wrap: anywhere; }
.contents { columns: 2; padding-left: 1.4rem; margin: .8rem 0; }
.contents li { margin: .15rem 0; break-inside: avoid; }
.contents a { color: inherit; }
@media (max-width: 40rem) { .contents { columns: 1; } }
@media print { pre { break-inside: auto; } section { break-before: page; }
  section:first-of-type { break-before: auto; } }
"""


# What has no place to break, such as a key or a path, may be broken anywhere.
_LONG, _LONGEST = ".long", 34


def render_page(pack: Pack) -> str:
    """Render it as one file of HTML."""
    return "".join(_document(pack).iter_chunks())


def _document(pack: Pack) -> h.Element:
    numbered = list(enumerate(pack.sections, 1))
    return h.html(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.meta(name="color-scheme", content="light dark"),
            h.title[pack.title],
            h.style[Markup(STYLE + _OWN)],  # noqa: S704 - our own constants.
        ],
        h.body[
            h.header[
                h.h1[pack.title],
                h.p(".quiet")[pack.made],
                h.p(".warning")[WARNING],
                h.ol(".contents")[
                    (
                        h.li[h.a(href=f"#s{number}")[one.title]]
                        for number, one in numbered
                    )
                ],
            ],
            h.main[(_section(number, one) for number, one in numbered)],
        ],
    ]


def _section(number: int, section: Section) -> h.Element:
    return h.section(id=f"s{number}")[
        h.h2[f"{number}. {section.title}"], (_block(one) for one in section.blocks)
    ]


def _block(block: Block) -> h.Element:
    match block:
        case Words(text):
            return h.p[text]
        case Typed(lines):
            return h.pre["\n".join(lines)]
        case Boxes(items):
            return h.ul(".boxes")[(h.li[h.span[item]] for item in items)]
        case Grid():
            return _grid(block)
        case _:
            assert_never(block)


def _grid(grid: Grid) -> h.Element:
    return h.table(".stack")[
        h.thead[h.tr[(h.th(scope="col")[head] for head in grid.heads)]],
        h.tbody[
            (
                h.tr[
                    h.th(scope="row")[row[0]],
                    (
                        h.td(_LONG if _is_long(cell) else "", data_name=head)[cell]
                        for head, cell in list(zip(grid.heads, row, strict=True))[1:]
                    ),
                ]
                for row in grid.rows
            )
        ],
    ]


def _is_long(cell: str) -> bool:
    return any(len(word) > _LONGEST for word in cell.split())
