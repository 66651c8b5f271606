"""Public policies against readings of them that were written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from tests.domain.policy.scoring import agrees
from tests.domain.policy.shared import SEED, SEEN, read

from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.policy.summary import summarise

FLOOR = 0.90


def scores(path: Path) -> dict[str, bool]:
    """Return which fields of a policy's summary are right."""
    wanted = json.loads(path.with_suffix(".expected.json").read_text())
    found = summarise(compile_policy(read(path)))
    return {
        field: agrees(field, value, found[field])
        for field, value in wanted.items()
        if field != "traps"
    }


if SEEN:

    def test_the_summaries_are_right(capsys: pytest.CaptureFixture[str]) -> None:
        """Nine of ten fields of the seen policies are read as a person reads them."""
        table = Table("policy", "right", "wrong fields", box=None)
        right = total = 0
        for path in SEEN:
            found = scores(path)
            wrong = [field for field, good in found.items() if not good]
            right += len(found) - len(wrong)
            total += len(found)
            share = f"{len(found) - len(wrong)} of {len(found)}"
            table.add_row(path.stem, share, ", ".join(wrong) or "-")
        table.add_row("all", f"{right / total:.0%}", "")
        with capsys.disabled():
            Console(width=110).print("", table)
        assert right / total >= FLOOR

    @pytest.mark.parametrize("path", SEEN, ids=lambda path: path.stem)
    def test_placeholders_are_all_found(path: Path) -> None:
        """Every blank of a seen policy is found, verbatim, and nothing else is one."""
        assert scores(path)["placeholders"]

    @pytest.mark.parametrize("path", SEEN, ids=lambda path: path.stem)
    def test_every_line_is_read(path: Path) -> None:
        """No line of a seen policy is left unparsed."""
        assert compile_policy(read(path)).unparsed == ()


if SEED:

    def test_the_seed_is_summed_up_in_every_field() -> None:
        """Every field of the seed's summary equals the reading of it."""
        assert [field for field, good in scores(SEED[0]).items() if not good] == []
