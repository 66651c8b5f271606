"""Commands that are imported when they are typed: all there, each with its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from holdfast.cli.main import app

# What only a node needs, what reads a policy, and what only that server needs.
SHUN = {
    "policy check": ("fastapi", "sqlalchemy", "psycopg"),
    "ledger verify": ("fastapi", "psycopg", "holidays"),
    "standing": ("fastapi", "psycopg", "holidays"),
    "serve": ("psycopg", "holidays", "holdfast.engines.pgbackrest"),
}


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Return every command below one, with the words that lead to it."""
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), *words, name)


def test_every_command_is_there() -> None:
    """Each name leads to a command that says what it does."""
    found = dict(commands(get_command(app)))
    assert {("ledger", "key", "rotate"), ("serve",), ("policy", "adopt")} <= set(found)
    assert [words for words, command in found.items() if not command.help] == []


@pytest.mark.parametrize("words", SHUN)
def test_a_command_loads_what_it_needs(words: str) -> None:
    """A start costs nothing of what other commands need."""
    script = (
        "import sys\nfrom holdfast.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    argv = (sys.executable, "-c", script, *words.split(), "--help")
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    assert "Usage" in said.stdout
    assert set(said.stderr.split()) & set(SHUN[words]) == set()


def test_an_unknown_command_is_told_with_what_it_may_have_been() -> None:
    """A slip of the finger is answered with the name of a command, wherever it is."""
    for typed, meant in (("standng", "standing"), ("ledger publsh", "publish")):
        said = CliRunner().invoke(app, typed.split())
        assert said.exit_code == 2
        assert f"'{meant}'" in said.output
