"""The runbook of a log that was tampered with is typed, after it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.docs.test_commands import ROOT, Typist, _home
from typer.testing import CliRunner

from holdfast.assembly.keys import create_escrow_key
from holdfast.assembly.node import join
from holdfast.assembly.reading import SystemClock
from holdfast.cli.adopting import read_folder
from holdfast.cli.main import app
from holdfast.demo import northwind
from holdfast.operations.attest import check_ledger
from holdfast.operations.beat import beat
from holdfast.operations.govern import adopt
from holdfast.operations.world import Inbox, World
from holdfast.settings import Home
from holdfast.simulation.parts import PromptHands

PAGE = ROOT / "docs" / "operating" / "runbook-tampering.md"


def tamper(database: Path) -> None:
    """Change an entry past the triggers."""
    with closing(sqlite3.connect(database)) as intruder:
        intruder.execute("DROP TRIGGER entry_keeps_data")
        (data,) = intruder.execute(
            "SELECT data FROM entry WHERE leaf_index = 2"
        ).fetchone()
        altered = data.replace(b'"person:ana"', b'"person:eve"')
        assert altered != data
        intruder.execute(
            "UPDATE entry_row SET data = ? WHERE leaf_index = 2", (altered,)
        )
        intruder.commit()


def node_of(home: Home) -> World:
    """Return a node that does everything where it stands."""
    inbox = Inbox()
    return join(home, PromptHands(inbox), inbox)


@pytest.fixture(name="typist")
def _typist(tmp_path: Path) -> Iterator[Typist]:
    """Return a typist beside a home whose log was copied, then tampered with."""
    home = _home(tmp_path)
    (tmp_path / "off-site").mkdir()
    url = (tmp_path / "off-site").as_uri()
    settings = f'runner = "runner-1"\n[[publish]]\nurl = "{url}"\n'
    (home.folder / "runner.toml").write_text(settings, "utf-8")
    create_escrow_key(home.folder / "escrow.key")
    resilience = tmp_path / "resilience"
    northwind.write_resilience(resilience, 1, engine="scripted")
    world = node_of(home)
    adopt(world.log, SystemClock(), read_folder(resilience), "ana")
    beat(world)
    done = CliRunner().invoke(app, ["ledger", "publish", "--home", str(home.folder)])
    assert done.exit_code == 0, done.output
    tamper(home.folder / "holdfast.sqlite")
    assert not check_ledger(world).ok
    beat(world)
    incident = world.log.state().tampering.running
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


def test_the_page_leads_from_the_incident_to_its_end(typist: Typist) -> None:
    """See, keep, verify from outside, come back from the copy, and end it."""
    seen, checked, _, verified, recovered, ended = typist.type(PAGE)
    assert "acknowledged by dora" in seen
    assert "database: entry 2 was changed: expected " in seen
    assert "WRONG  database: entry 2 was changed" in checked
    assert "at least one part is wrong" in checked
    assert "sound  copy file://" in checked
    assert "entries, all sound" in verified
    assert "entries, all sound" in recovered
    assert "sound  database: " in ended
    assert "resolved by dora" in ended
