"""`holdfast standing`: every clause and how it stands."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from holdfast.assembly.reading import open_log
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    home_at,
    print_json,
)
from holdfast.evidence.as_json import as_json
from holdfast.evidence.views import StandingView

GLYPHS = {
    "met": ("✓", "green"),
    "at_risk": ("!", "yellow"),
    "breached": ("✗", "bold red"),
    "stale": ("~", "yellow"),
    "unproven": ("?", "cyan"),
    "unbound": ("○", "magenta"),
}


def standing(
    home: HomeOption = DEFAULT_HOME,
    only: Annotated[
        str | None, typer.Option(help="Show one standing only, such as breached.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the policy sentence by sentence, each with how it stands and why."""
    window = open_log(home_at(home)).window
    view = window.standing(window.now())
    if json:
        print_json(as_json(view))
        return
    console().print(standing_table(view, only))


def standing_table(view: StandingView, only: str | None = None) -> Table:
    """Return the table that terminals show."""
    table = Table(
        title=f"{view.policy_title or 'no policy adopted'} · {view.company}",
        title_justify="left",
        show_lines=False,
        box=None,
        padding=(0, 1),
    )
    table.add_column("", no_wrap=True)
    table.add_column("Clause", max_width=30)
    table.add_column("Why", ratio=1)
    for sentence in view.sentences:
        if sentence.standing is None or (only and sentence.standing != only):
            continue
        glyph, style = GLYPHS[sentence.standing]
        word = sentence.standing.replace("_", " ")
        clause = sentence.label or sentence.text.partition(":")[0]
        table.add_row(
            f"[{style}]{glyph} {word}[/]",
            escape(f"{_number(sentence.section)} {clause}".strip()),
            escape(sentence.reason),
        )
    return table


def _number(section: str) -> str:
    """Return the number that a heading begins with, as people cite the clause."""
    first = section.partition(" ")[0].rstrip(".")
    return first if first.replace(".", "").isdigit() else ""
