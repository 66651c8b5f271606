"""The page for witnesses: its commands are typed as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.docs.test_commands import ROOT, Typist

from holdfast.assembly.keys import create_key, write_private
from holdfast.storage.opening import open_store

PAGE = ROOT / "docs" / "operating" / "witness.md"
SETTINGS = '[web]\nport = 8460\nsession_key = "session.key"\n'
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(name="typist")
def _typist(tmp_path: Path) -> Iterator[Typist]:
    """Return a typist beside a home that has not run yet."""
    home = tmp_path / "first"
    home.mkdir(mode=0o700)
    key = create_key(home / "ledger.key", "log.acme.example/holdfast")
    (home / "ledger.vkey").write_text(f"{key}\n", "utf-8")
    write_private(home / "session.key", "00" * 32)
    (home / "holdfast.toml").write_text(SETTINGS, "utf-8")
    with closing(open_store(f"sqlite://{home / 'holdfast.sqlite'}")):
        pass
    typist = Typist(tmp_path)
    yield typist
    typist.stop()


def test_the_page_leads_to_a_witnessed_log(typist: Typist, tmp_path: Path) -> None:
    """Every command succeeds, and the published checkpoint bears the cosignature."""
    made, served, configured, asked, verified = typist.type(PAGE)
    assert "auditor.example/w1+" in made
    assert '"address": "http://127.0.0.1:' in served
    assert not configured.strip()
    assert "log.acme.example/holdfast: cosigned at size" in asked
    assert verified.count("entries, all sound") == 2
    assert verified.count("witnessed  up to size") == 2
    note = (tmp_path / "first" / "published" / "checkpoint").read_text("utf-8")
    assert "— auditor.example/w1 " in note
