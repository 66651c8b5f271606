"""What holds for every command: JSON, help, and words in place of a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from holdfast.cli.main import app
from holdfast.errors import HoldfastError

# It runs a company for a minute, and is tried by tests of its own.
LONG = "demo"


def _commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    if not hasattr(command, "list_commands"):
        yield path
        return
    for name in command.list_commands(None):
        yield from _commands(command.get_command(None, name), *path, name)


ROOT: Any = typer.main.get_command(app)
COMMANDS = sorted(_commands(ROOT))
# Nonsense of the right kind, where a word would not be looked at any further.
FITTING = {"index": "7", "--reason": "request", "--origin": "example.com/log"}


def _found(path: tuple[str, ...]) -> Any:
    command = ROOT
    for name in path:
        command = command.get_command(None, name)
    return command


def _needed(command: Any) -> Iterator[str]:
    """Yield what must be given."""
    for each in command.params:
        name = each.opts[0]
        if each.required and name.startswith("--"):
            yield name
        if each.required:
            yield FITTING.get(name, "nonsense")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_speaks_json_and_explains_itself(path: tuple[str, ...]) -> None:
    """`--json` is taken everywhere; `--help` says what the command does."""
    command = _found(path)
    assert "--json" in [name for each in command.params for name in each.opts]
    told = CliRunner().invoke(app, [*path, "--help"])
    assert told.exit_code == 0
    assert command.help
    assert command.help.partition(".")[0].split()[0] in told.stdout


@pytest.mark.parametrize("path", [p for p in COMMANDS if p[0] != LONG], ids=" ".join)
def test_nonsense_in_an_empty_place_ends_in_words(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is there and nothing makes sense, there is a message and a hint,
    or what the command prints is JSON; a word too many is told as a wrong command.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    given = [*path, *_needed(_found(path))]
    told = CliRunner().invoke(app, [*given, "--json"], input="nonsense\n")
    match told.exception:
        case None:
            json.loads(told.stdout)
        case HoldfastError() as fault:
            assert fault.message
            assert fault.hint
        case OSError() as fault:
            assert fault.strerror  # Which the command line tells in words.
        case SystemExit(code=code):
            assert code in (1, 2)
        case fault:
            raise fault
    wrong = CliRunner().invoke(app, [*given, "--nonsense"])
    assert wrong.exit_code == 2


def test_a_password_is_for_every_id_of_the_catalogue(tmp_path: Path) -> None:
    """Ids with dashes and underscores have one too; set anew, it replaces the old."""
    home = tmp_path / "home"
    assert CliRunner().invoke(app, ["init", "--home", str(home)]).exit_code == 0
    files = [home / f"password-{user}" for user in ("ana_b", "ana-b")]
    for user in ("ana_b", "ana-b", "ana_b"):
        argv = ["password", user, "--home", str(home)]
        told = CliRunner().invoke(app, argv, input="three plain words\n")
        assert told.exit_code == 0, told.stdout
    assert sorted(home.glob("*password-*")) == sorted(files)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
