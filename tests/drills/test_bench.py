"""The bench of recovery runs to its end, and refuses what it cannot measure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BENCH = ROOT / "bench" / "recovery.py"


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the bench as `make bench-recovery` does."""
    return subprocess.run(
        [sys.executable, str(BENCH), *options],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.engine
@pytest.mark.drills
def test_the_bench_runs_to_its_end(tmp_path: Path) -> None:
    """The quick one measures all three, and writes page and plots where it is told."""
    page, plots = tmp_path / "page.md", tmp_path / "plots"
    page.write_text(
        "# Page\n<!-- recovery: begin -->\nold\n<!-- recovery: end -->\nend\n"
    )

    ran = bench("--quick", f"--page={page}", f"--plots={plots}")

    assert ran.returncode == 0, ran.stderr
    text = page.read_text()
    assert text.startswith("# Page\n<!-- recovery: begin -->")
    assert text.endswith("<!-- recovery: end -->\nend\n")
    assert "old" not in text
    assert "GiB | 1 |" in text
    assert {
        line.split(",")[0] for line in text.splitlines() if "commits a" in line
    } == {
        "| busy",
        "| quiet",
    }
    drawn = {path.name: path.read_text() for path in plots.iterdir()}
    assert set(drawn) == {"losses.svg", "recovery-times.svg"}
    assert all("prefers-color-scheme: dark" in svg for svg in drawn.values())


@pytest.mark.parametrize("size", ["", "fast", "0G", "-1M", "1K"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    """A slip of the pen is named; nothing is measured or written."""
    ran = bench(f"--size={size or 'G'}")
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
