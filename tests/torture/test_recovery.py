"""Publishing and recovery killed at a few of their writes, in every test run.

All of their writes, and random moments: `make torture-recovery`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.torture.points import At
from tests.torture.recovery import Yard, publication, recovery

pytestmark = pytest.mark.xdist_group("torture")


@pytest.fixture(scope="module", name="yard")
def _yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    """Return a home with a copy."""
    return Yard.make(tmp_path_factory.mktemp("yard"))


def test_a_publication_that_is_killed(yard: Yard, tmp_path: Path) -> None:
    """Between bundles, tiles, checkpoints' copies and `checkpoint`, the copy that is
    shown is whole; the next run brings what is missing, in order.
    """
    with publication(yard, tmp_path / "round") as (one, _):
        for at in (
            At("bundle", 1, after=True),
            At("level 0", 1, after=True),
            At("checkpoints", 2),
            At("checkpoint", 1),
            At("checkpoint", 1, after=True),
        ):
            assert one.killed(at), at
        one.through()


def test_a_recovery_that_is_killed(yard: Yard, tmp_path: Path) -> None:
    """Wherever it is cut off, no node works on what is left; run again, it ends with
    the same log, people, evidence, quarantine and settings, and signs on.
    """
    with recovery(yard, tmp_path / "round") as (one, _):
        for at in (
            At("pulled", 2, after=True),
            At("entries", 1, after=True),
            At("blob", 3, after=True),
            At("people", 1, after=True),
            At("write runner.toml", 1),
            At("people", 1),
        ):
            assert one.killed(at), at
        one.through()
