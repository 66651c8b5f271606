"""The bench of the ledger: it judges by floor and aim, and runs to its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from measure import Row  # noqa: E402 - Lies beside the package.

FIGURES = (
    "durable append, one per commit (SQLite)",
    "durable append, one per commit (PostgreSQL)",
    "verify 5,000 entries of 200 bytes from disk",
    "memory of verifying 5,000 entries",
    "inclusion proofs of 5,000 entries",
    "opening a node on 5,000 entries of a real mix",
    "memory of a node on 5,000 entries of a real mix",
)


@pytest.mark.parametrize(
    ("ours", "theirs", "less", "words"),
    [
        (9.0, 10.0, False, "floor met"),
        (9.6, 10.0, False, "aim met"),
        (8.0, 10.0, False, "**below the floor**"),
        (15.0, 10.0, True, "**below the floor**"),
        (9.0, 10.0, True, "floor met"),
        (8.5, 10.0, True, "aim met"),
        (0.9, None, False, "floor met"),
        (0.8, None, False, "**below the floor**"),
    ],
)
def test_a_figure_is_held_to_its_floor(
    ours: float, theirs: float | None, less: bool, words: str
) -> None:
    """The ratio, or the plain number, decides; of a time, less is better."""
    floor, aim = (0.9, 0.85) if less else (0.85, 0.95)
    row = Row("f", "p", ours, theirs, "s", floor, aim, less)
    assert row.judged == words
    assert len(row.held_cells()) == 8


@pytest.mark.engine
@pytest.mark.drills
def test_the_bench_runs_to_its_end() -> None:
    """The quick one measures every figure on small logs, and writes no page."""
    page = (ROOT / "docs" / "performance.md").read_bytes()
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "ledger.py"), "--quick"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for figure in FIGURES:
        assert f"| {figure}" in done.stdout
    assert (ROOT / "docs" / "performance.md").read_bytes() == page
