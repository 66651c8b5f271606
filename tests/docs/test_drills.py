"""The page on drills, typed as it stands: a real database, a node, and its commands."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.docs.test_commands import ROOT, Typist

from holdfast.demo import northwind
from holdfast.demo.box import Box
from holdfast.errors import HoldfastError
from holdfast.operations.rehearse import order_drill

pytestmark = pytest.mark.engine

PAGE = ROOT / "docs" / "operating" / "drills.md"
PATIENCE_SECONDS = 150


@pytest.fixture(name="box")
def _box() -> Iterator[Box]:
    """Return a company whose node has taken its first off-site backup."""
    made = Box.make()
    try:
        made.prepare()
        made.start_database()
        made.start_node()
        made.start_runner()
        limit, pause = time.monotonic() + PATIENCE_SECONDS, threading.Event()
        while not _backed_up(made):
            assert time.monotonic() < limit, "no backup was taken"
            pause.wait(0.2)
        yield made
    finally:
        made.close()
        if made.node is not None and made.node.stdout is not None:
            made.node.stdout.close()


def _backed_up(box: Box) -> bool:
    reader = box.reader()
    with suppress(HoldfastError):
        known = reader.log.state().datastores.get(northwind.DATASTORE)
        return any(seen.backup.off_site for seen in (known.backups if known else ()))
    return False


@pytest.mark.timeout(900)
def test_the_page_on_drills_can_be_typed(box: Box, tmp_path: Path) -> None:
    """A drill passes, a broken one fails with its reason, the retest passes again."""
    typist = Typist(
        tmp_path,
        HOLDFAST_HOME=str(box.home),
        HOLDFAST_PERSON="chi",
        DATASTORE=northwind.DATASTORE,
    )
    try:
        first, listed, region, everything, broken, again = typist.type(PAGE)
    finally:
        typist.stop()

    assert ": passed" in first
    assert "data loss" in first
    assert "passed" in listed
    [view] = json.loads((tmp_path / "drills.json").read_text())
    assert (view["phase"], view["findings"]) == ("passed", [])
    assert view["recovery_time_seconds"] > 0
    assert view["commits_lost"] is not None
    assert (view["fence"], view["rank"]) == ("namespaces", 1)
    assert ": passed" in region
    assert "the region" in region
    assert "with the key from escrow" in region
    assert ": passed" in everything
    assert "rehearsal-" in everything
    assert ": failed" in broken
    assert "it does not open the repository" in broken
    assert "failed, as it must" in broken
    assert ": passed" in again
    assert f"{northwind.DATASTORE}: the last drill passed" in again
    with pytest.raises(HoldfastError, match="may not order drill"):
        order_drill(box.reader().desk("gus"), northwind.DATASTORE)
