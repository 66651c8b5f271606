"""The page for witnesses: its commands are typed as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.docs.test_commands import ROOT, Typist, _home
from tests.docs.test_tampering_page import node_of

from holdfast.assembly.keys import create_key, write_private
from holdfast.assembly.reading import SystemClock
from holdfast.cli.adopting import read_folder
from holdfast.demo import northwind
from holdfast.domain.events.witness import WitnessSilent
from holdfast.journal import Fact
from holdfast.operations.beat import beat
from holdfast.operations.govern import adopt
from holdfast.storage.opening import open_store

PAGE = ROOT / "docs" / "operating" / "witness.md"
RUNBOOK = ROOT / "docs" / "operating" / "runbook-witness.md"
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


@pytest.fixture(name="on_call")
def _on_call(tmp_path: Path) -> Iterator[Typist]:
    """Return a typist beside a home whose only witness fell silent."""
    home = _home(tmp_path)
    resilience = tmp_path / "resilience"
    northwind.write_resilience(resilience, 1, engine="scripted")
    world = node_of(home)
    adopt(world.log, SystemClock(), read_folder(resilience), "ana")
    now = SystemClock().now()
    since = now - timedelta(minutes=11)
    silent = WitnessSilent("auditor", since, "it cannot be reached", now)
    world.log.record([Fact(silent, now)])
    beat(world)
    incident = world.log.state().lapses.running
    assert incident is not None
    beat(world)
    world.store.close()
    typist = Typist(
        tmp_path,
        HOLDFAST_HOME=str(home.folder),
        HOLDFAST_PERSON="dora",
        INCIDENT=incident,
    )
    yield typist
    typist.stop()


def test_the_runbook_leads_to_what_lapsed(on_call: Typist) -> None:
    """It is listed, taken on, and its timeline names part, moment and reason."""
    seen, checked = on_call.type(RUNBOOK)
    assert "acknowledged by dora" in seen
    assert "Not witnessed: witness auditor: it has cosigned nothing since " in seen
    assert "sound  database: " in checked
