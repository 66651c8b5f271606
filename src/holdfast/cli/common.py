"""What the command groups share: options, output as JSON or for people, progress."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import Progress

from holdfast.errors import HoldfastError
from holdfast.settings import Home

HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="HOLDFAST_HOME",
        help="Holdfast's folder on this machine.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON value and nothing else.")
]
PersonOption = Annotated[
    str,
    typer.Option("--as", envvar="HOLDFAST_PERSON", help="Your id in the catalogue."),
]
PORT_MAX = 65_535
DEFAULT_HOME = Path("holdfast-home")
WIDE = 200


def console() -> Console:
    """Return the console that people read, on standard output.

    Where it goes into a file or to another program there is room for whole keys.
    """
    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if told else WIDE
    return Console(soft_wrap=True, highlight=False, emoji=False, width=width)


def progress_console() -> Console:
    """Return the console for progress: standard error, so that output stays clean."""
    return Console(stderr=True, highlight=False, emoji=False)


@contextmanager
def progress_bar(
    what: str, *, quiet: bool = False
) -> Iterator[Callable[[int, int], None]]:
    """Show how far long work came, on standard error where people look at it."""
    shown = progress_console()
    hidden = quiet or not shown.is_terminal
    with Progress(console=shown, transient=True, disable=hidden) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_json(value: Any) -> None:
    """Print one JSON value."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False, default=str))
    sys.stdout.write("\n")


def home_at(folder: Path) -> Home:
    """Return the home at the folder."""
    return Home(folder)


def read_text(path: Path, what: str) -> str:
    """Return a text that a person wrote; raises `HoldfastError` naming the file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise HoldfastError(
            f"no {what} at {path}", "Name the file or the folder that holds it."
        ) from error
    except UnicodeDecodeError as error:
        raise HoldfastError(
            f"the {what} at {path} is not UTF-8 text", "Save it as UTF-8."
        ) from error
    except OSError as error:
        raise HoldfastError(
            f"the {what} at {path} cannot be read ({error.strerror})",
            "Check the path and its permissions.",
        ) from error


def log_to_stderr() -> None:
    """Send what the process has to say to standard error, for people to read."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(message)s",
        handlers=[RichHandler(console=progress_console(), show_path=False)],
    )
