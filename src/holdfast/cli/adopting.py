"""`holdfast policy adopt`: put a resilience folder in force."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from holdfast.assembly.reading import SystemClock, open_log
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    PersonOption,
    console,
    home_at,
    print_json,
    read_text,
)
from holdfast.operations.govern import Texts, adopt


def read_folder(folder: Path) -> Texts:
    """Read policy, catalogue, overlay and runbooks of a resilience folder."""
    overlay = folder / "overlay.toml"
    return Texts(
        policy=read_text(folder / "policy.md", "policy"),
        catalogue=read_text(folder / "catalogue.toml", "catalogue"),
        overlay=read_text(overlay, "overlay") if overlay.exists() else None,
        runbooks=read_runbooks(folder),
    )


def read_runbooks(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the runbooks of a resilience folder, by name."""
    files = sorted((folder / "runbooks").glob("*.md"))
    return tuple((file.name, read_text(file, "runbook")) for file in files)


def adopt_folder(
    folder: Annotated[Path, typer.Argument(help="The resilience folder.")],
    person: PersonOption,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Put policy, overlay, catalogue and runbooks in force, under your name."""
    reader = open_log(home_at(home), create=True)
    rules = adopt(reader.log, SystemClock(), read_folder(folder), person)
    awaiting = [t.question for t in rules.terms.values() if t.anchor and not t.approved]
    adopted = {
        "title": rules.policy.title,
        "digest": rules.policy.digest,
        "sentences": len(rules.policy.sentences),
        "awaiting_approval": awaiting,
    }
    if json:
        print_json(adopted)
        return
    out = console()
    out.print(
        f"In force: [bold]{escape(rules.policy.title)}[/], "
        f"{adopted['sentences']} sentences"
    )
    if awaiting:
        out.print(f"Defaults that nobody approved yet: {', '.join(awaiting)}")
