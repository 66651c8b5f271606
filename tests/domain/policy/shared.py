"""Where third-party policies stand beside the repository, if they do.

They are test data and no part of the project: without them the tests that read them
are not there.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = ROOT.parent / "shared" / "policy"
SEED = sorted(FOLDER.glob("business-resilience-policy.md"))
SEEN = sorted((FOLDER / "seen").glob("*.md"))
EXAMPLE = ROOT / "src" / "holdfast" / "demo" / "company" / "policy.md"


def read(path: Path) -> str:
    """Return a file as the compiler gets it, line endings and all."""
    return path.read_bytes().decode()
