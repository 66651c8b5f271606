"""The runbook for ransomware, typed as it stands after canaries changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.docs.test_commands import ROOT, Typist, _home

from holdfast.assembly.reading import SystemClock, open_log
from holdfast.cli.adopting import read_folder
from holdfast.demo import northwind
from holdfast.domain.events.ransomware import RansomwareSuspected
from holdfast.journal import Fact
from holdfast.operations.govern import adopt

PAGE = ROOT / "docs" / "operating" / "runbook-ransomware.md"
SUSPICION = "ransomware-20261123T140500"


def test_the_runbook_for_ransomware_can_be_typed(tmp_path: Path) -> None:
    """It is found, taken on, read, and ended with a reason by the page's commands."""
    home = _home(tmp_path)
    reader = open_log(home, create=True)
    resilience = tmp_path / "resilience"
    northwind.write_resilience(resilience, 1, engine="scripted")
    adopt(reader.log, SystemClock(), read_folder(resilience), "ana")
    now = datetime.now(UTC)
    suspected = RansomwareSuspected(
        incident=SUSPICION,
        datastore=northwind.DATASTORE,
        sign="canaries",
        detail="rows that nobody has a reason to touch are changed",
        evidence=1,
        seen_at=now,
        untouched_at=now - timedelta(minutes=5),
        restored_at=None,
        at=now,
    )
    reader.log.record([Fact(suspected, now)])
    reader.store.close()
    typist = Typist(
        tmp_path,
        HOLDFAST_HOME=str(home.folder),
        HOLDFAST_PERSON="chi",
        SUSPICION=SUSPICION,
    )
    try:
        first, ended = typist.type(PAGE)
    finally:
        typist.stop()

    assert f"{SUSPICION} acknowledged by chi" in first
    assert "Ransomware suspected: orders: rows that nobody" in first
    assert f"{SUSPICION} resolved by chi" in ended
    assert "resolved" in ended.splitlines()[-1]
