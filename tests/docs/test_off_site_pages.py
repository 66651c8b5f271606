"""The pages on the copy off-site and the way back are typed, one after the other."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.test_commands import ROOT, Typist, _home

from holdfast.assembly.keys import signer_of
from holdfast.assembly.reading import SystemClock, open_log
from holdfast.cli.adopting import read_folder
from holdfast.demo import northwind
from holdfast.operations.govern import adopt
from holdfast.operations.notary import Notary

OFF_SITE = ROOT / "docs" / "operating" / "off-site-copy.md"
PACK = ROOT / "docs" / "operating" / "pack.md"
RECOVER = ROOT / "docs" / "operating" / "recover-holdfast.md"


@pytest.fixture(name="typist")
def _typist(tmp_path: Path) -> Iterator[Typist]:
    """Return a typist beside a home whose company is adopted and signed."""
    home = _home(tmp_path)
    reader = open_log(home, create=True)
    resilience = tmp_path / "resilience"
    northwind.write_resilience(resilience, 1, engine="scripted")
    adopt(reader.log, SystemClock(), read_folder(resilience), "ana")
    Notary(reader.store, signer_of(home)).sign()
    reader.store.close()
    typist = Typist(tmp_path, HOLDFAST_HOME=str(home.folder))
    yield typist
    typist.stop()


def test_the_pages_lead_to_a_copy_and_back(typist: Typist, tmp_path: Path) -> None:
    """Set up a copy by its page, lose the machine, and recover by the other page."""
    escrow, published, verified = typist.type(OFF_SITE)
    written, opened = typist.type(PACK)
    typist.stop()
    assert "paper" in written
    assert "off-site/personal/pack.sealed" in written
    assert "opened/pack.html" in opened
    page = (tmp_path / "opened" / "pack.html").read_text("utf-8")
    assert page == (tmp_path / "paper" / "pack.html").read_text("utf-8")
    assert "escrow.key" in escrow
    (size,) = re.findall(r": (\d+) entries, \d+ files written", published)
    assert "rows saved at" in published
    assert "entries, all sound" in verified
    (tmp_path / "home").rename(tmp_path / "safe")
    (tmp_path / "safe" / "holdfast.sqlite").unlink()
    _, recovered, again, quarantine = typist.type(RECOVER)
    assert f"added       {size} entries" in recovered
    assert "texts, receipts and results of jobs" in recovered
    assert f"are back, as of {size} entries" in recovered
    assert "entries, all sound" in again
    assert "nothing is in quarantine" in quarantine
    shutil.rmtree(tmp_path / "new")
