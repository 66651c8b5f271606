"""A few rounds of `make torture-ledger`, one of each trouble, in every test run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# Found by trying: together they draw each trouble, most of them on both databases.
SEEDS = [f"short-{number}" for number in (0, 1, 4, 6, 17, 23, 50)]


@pytest.mark.xdist_group("torture")
def test_a_few_rounds() -> None:
    """All verifies after each trouble, and nothing acknowledged is gone."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.ledger", "--only", *SEEDS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["rounds"] == len(SEEDS)
    troubles = {one.partition(" (")[0] for one in summary["troubles"]}
    wanted = {"broken writes", "clock", "frozen", "full", "killed", "restarted"}
    assert troubles == wanted
    assert summary["entries"] >= summary["acknowledged"] > 0
