"""The page on protecting a PostgreSQL, typed as it stands on a real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.docs.test_commands import ROOT, Typist
from tests.docs.test_drills import _backed_up
from tests.drills.ports import until

from holdfast.demo import northwind
from holdfast.demo.box import Box

pytestmark = [pytest.mark.engine, pytest.mark.drills]

PAGE = ROOT / "docs" / "operating" / "protect-postgresql.md"


def test_the_page_on_protection_can_be_typed(tmp_path: Path) -> None:
    """A backup by order, the list with its window, raw bytes, a copy that is gone."""
    box = Box.make()
    try:
        box.prepare()
        box.start_database()
        box.start_node()
        box.start_runner()
        until(lambda: _backed_up(box))
        assert box.protected is not None
        typist = Typist(
            tmp_path,
            HOLDFAST_HOME=str(box.home),
            HOLDFAST_PERSON="chi",
            DATASTORE=northwind.DATASTORE,
            OFF_SITE=str(box.protected.repositories[1].path),
        )
        try:
            ordered, raw, gone = typist.type(PAGE)
        finally:
            typist.stop()
    finally:
        box.close()
        if box.node is not None and box.node.stdout is not None:
            box.node.stdout.close()

    assert "-ordered: good" in ordered
    assert "restorable from" in ordered
    [view] = json.loads((tmp_path / "backups.json").read_text())
    assert [place["number"] for place in view["repositories"]] == [1, 2]
    off_site = view["repositories"][1]
    assert off_site["holes"] == []
    assert {"chi", "schedule"} >= {b["started_by"] for b in off_site["backups"]}
    assert raw.split()[1:] == ["Salted__"]
    assert "failed, as it must" in gone
