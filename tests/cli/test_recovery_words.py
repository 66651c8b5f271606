"""What `holdfast recover` shows fits a narrow terminal, and is plain elsewhere."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from holdfast.cli import recovery_words
from holdfast.domain.leading import Stand
from holdfast.domain.runbook import Step

TEXT = "Stop the application's workers, so that nobody writes while the data come back."
FOUND = [
    Stand(Step(1, TEXT, None), "done", by="chi"),
    Stand(Step(2, TEXT, "restore"), "now"),
    Stand(Step(3, TEXT, "verify"), "failed"),
    Stand(Step(4, "Let [the applications] in.", "failover"), "to come"),
]
COLUMNS = 40


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    """Return the steps as they are shown."""
    file = StringIO()
    out = Console(file=file, force_terminal=terminal, width=COLUMNS, soft_wrap=True)
    monkeypatch.setattr(recovery_words, "console", lambda: out)
    recovery_words.tell_steps(FOUND)
    return file.getvalue()


def test_a_narrow_terminal_breaks_between_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Further lines hang under the text; with NO_COLOR there is no colour."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    lines = shown(monkeypatch, terminal=True).replace("\x1b[1m", "")
    lines = lines.replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert "\x1b" not in lines
    assert max(map(len, lines.splitlines())) <= COLUMNS
    first, second = lines.splitlines()[:2]
    assert first.startswith("  done   1. Stop")
    assert second.startswith(" " * 9)
    assert "(chi)" in lines
    assert "failed" in lines
    assert "[the applications]" in lines


def test_elsewhere_a_line_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets one line for each step, without colours."""
    lines = shown(monkeypatch, terminal=False).splitlines()
    assert len(lines) == len(FOUND)
    assert lines[0] == f"  done   1. {TEXT} (chi)"
    assert lines[3] == "  -      4. Let [the applications] in."
