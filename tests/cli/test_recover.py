"""`holdfast recover`, as it is typed: a node, a runner and an engine that follows a
script; two people, and whatever is killed on the way.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from tests.cli.running import configure, environment, write_folder
from tests.operations.company import DATASTORE, turns
from typer.testing import CliRunner

from holdfast.assembly.reading import Reader, SystemClock, open_log
from holdfast.cli.main import app
from holdfast.demo import northwind
from holdfast.domain.events.authority import StepConfirmed
from holdfast.domain.events.job import JobStarted
from holdfast.engines.scripted import Script, Scripted
from holdfast.engines.shelf import FolderShelf
from holdfast.errors import FaultsError, HoldfastError
from holdfast.journal import read
from holdfast.operations.ports.engine import Job
from holdfast.settings import Home
from holdfast.simulation.clock import JumpingClock
from holdfast.storage.passwords import hash_password

# Each command starts a process of its own; a busy machine takes its time.
pytestmark = pytest.mark.timeout(600)
DEADLINE_SECONDS = 120.0
PASSWORD = "three plain words"
ORDERED = ("--repository", "2")


class Place:
    """A home with a node and a runner, each to be killed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self) -> None:
        """Give two people passwords; let the database have died an hour ago."""
        for person in ("chi", "eli"):
            secret(self.home / f"password-{person}", hash_password(PASSWORD))
        secret(self.home / "word", PASSWORD)
        company = write_folder(self.home / "company")
        northwind.write_runbook(company)
        self.run("policy", "adopt", str(company), "--as", "ana")
        passwords = {person: f"password-{person}" for person in ("chi", "eli")}
        web = {"port": 0, "passwords": passwords}
        configure(self.home, beat_every=0.1, web=web)
        scripted = {"folder": "shelf", "datastores": [DATASTORE], "job_length": 0.3}
        settings = {"work_every": 0.1, "scripted": scripted}
        (self.home / "runner.toml").write_text(tomli_w.dumps(settings), "utf-8")
        now = datetime.now(UTC)
        clock = JumpingClock(now - timedelta(hours=2))
        shelf = FolderShelf(self.home / "shelf")
        engine = Scripted(clock, (DATASTORE,), Script(), shelf)
        engine.start(Job("first", DATASTORE, "backup"))
        clock.advance(timedelta(hours=1))
        engine.strike(DATASTORE)
        reader = self.reader()
        reader.log.record(turns(now - timedelta(hours=1), ok=False))
        reader.store.close()

    def reader(self) -> Reader:
        """Return a view of the log."""
        return open_log(Home(self.home))

    def start(self, what: str) -> None:
        """Start the node or the runner."""
        with (self.home / f"{what}.log").open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "holdfast", what, "--home", str(self.home)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(),
            )
        assert process.stdout is not None
        assert process.stdout.readline(), (self.home / f"{what}.log").read_text()
        process.stdout.close()
        self.processes[what] = process

    def kill(self, what: str) -> None:
        """End one of them as a power cut does."""
        process = self.processes.pop(what)
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def run(self, *words: str) -> str:
        """Run a command of a person; raise what it raises."""
        result = CliRunner().invoke(app, [*words, "--home", str(self.home)])
        if isinstance(result.exception, HoldfastError):
            raise result.exception
        assert result.exit_code == 0, (words, result.output, result.exception)
        return str(result.stdout)

    def sign_in(self, person: str) -> None:
        """Sign in."""
        given = ("--password-file", str(self.home / "word"))
        self.run("sign-in", "--as", person, *given)

    def until(self, holds: Callable[[Reader], object]) -> None:
        """Wait until it holds of the log."""
        reader, limit = self.reader(), time.monotonic() + DEADLINE_SECONDS
        while not holds(reader):
            assert time.monotonic() < limit, (self.home / "runner.log").read_text()
            time.sleep(0.05)
        reader.store.close()


def secret(path: Path, text: str) -> None:
    """Write a private file."""
    path.write_text(f"{text}\n", encoding="utf-8")
    path.chmod(0o600)


@pytest.fixture(name="place")
def _place(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Return a place where the database is lost and both processes run."""
    monkeypatch.setenv("HOLDFAST_SESSIONS", str(tmp_path / "sessions"))
    place = Place(home)
    place.prepare()
    place.start("serve")
    place.start("runner")

    def is_known(reader: Reader) -> bool:
        state = reader.log.state()
        seen = state.datastores.get(DATASTORE)
        return bool(state.running and seen and seen.of_repository(2))

    place.until(is_known)
    yield place
    for what in tuple(place.processes):
        place.kill(what)


def events(place: Place, kind: type[Any]) -> list[Any]:
    """Return every event of that kind."""
    reader = place.reader()
    store = reader.store
    found = [read(i, d).event for i, d in enumerate(store.read(0, store.size()))]
    store.close()
    return [event for event in found if isinstance(event, kind)]


def test_from_the_plan_to_the_figures(place: Place) -> None:
    """A dry run changes nothing; then two people recover it, whoever is killed, and no
    job runs twice.
    """
    said = json.loads(place.run("recover", "--dry-run", "--json", "--as", "chi"))
    assert [(p["ok"], p["repository"], p["datastore"]) for p in said] == [
        (True, 2, DATASTORE)
    ]
    assert said[0]["loss_seconds"] >= 0
    assert not place.reader().log.state().recoveries
    words = ("recover", DATASTORE, "--yes", "--as", "chi", *ORDERED)
    with pytest.raises(HoldfastError, match="chi must sign in"):
        place.run(*words)
    place.sign_in("chi")
    place.run(*words, "--no-wait")
    name = place.run("approvals", "--json")
    order = json.loads(name)[0]["order"]
    with pytest.raises(HoldfastError, match="cannot approve it"):
        place.run("approve", order, "--as", "chi")
    place.kill("runner")
    place.kill("serve")
    place.start("serve")
    place.sign_in("eli")
    place.run("approve", order, "--as", "eli")
    typed = subprocess.Popen(
        [sys.executable, "-m", "holdfast", *words, "--home", str(place.home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment(),
    )
    place.start("runner")
    place.until(lambda r: f"{order}-restore" in r.log.state().jobs.all)
    typed.kill()
    typed.wait()
    place.kill("runner")
    place.start("runner")
    (told,) = json.loads(place.run(*words, "--json"))
    assert told["recovery"] == order
    assert told["from_fault_seconds"] > told["from_declaration_seconds"] > 0
    assert told["data_loss_seconds"] is not None
    started = [e.job for e in events(place, JobStarted) if order in e.job]
    assert started == [f"{order}-restore", f"{order}-failover"]
    confirmed = [e.step for e in events(place, StepConfirmed)]
    # The runbook's own steps, and the two that destroy, each by a person's word, once.
    assert sorted(confirmed) == ["1", "3", "7", "8", "failover", "restore"]
    assert json.loads(place.run(*words, "--json"))[0]["recovery"] == order


def test_a_moment_before_the_damage(place: Place) -> None:
    """A moment outside of the window is refused with the window; one inside is taken,
    and what is lost by it is told.
    """
    dry = ("recover", DATASTORE, "--dry-run", "--json", "--as", "chi", *ORDERED)
    for moment in ("2020-01-01T00:00:00", "2100-01-01T00:00:00"):
        with pytest.raises(HoldfastError, match="outside of what") as told:
            place.run(*dry, "--to", moment)
        assert "Its window is" in told.value.hint
    inside = datetime.now(UTC) - timedelta(minutes=90)
    (found,) = json.loads(place.run(*dry, "--to", f"{inside:%Y-%m-%dT%H:%M:%SZ}"))
    assert 29 * 60 < found["loss_seconds"] < 31 * 60


def test_bad_input_is_told(place: Place) -> None:
    """An unknown datastore, a repository without a backup, a wrong password."""
    place.sign_in("eli")
    for words, message in (
        (("recover", "cellar", "--yes", "--as", "chi"), "no datastore cellar"),
        (
            ("recover", DATASTORE, "--repository", "7", "--dry-run", "--as", "chi"),
            "no backup of orders has been seen in repository 7",
        ),
        (("recover", DATASTORE, "--as", "chi", *ORDERED), "chi must sign in"),
        (("recover", DATASTORE, "--as", "eli", *ORDERED), "a person must decide"),
        (("recover", DATASTORE, "--to", "soon", "--as", "chi"), "is no moment"),
        (("approve", "nonsense", "--as", "chi"), "must sign in"),
    ):
        with pytest.raises(HoldfastError, match=message) as told:
            place.run(*words)
        assert told.value.hint
    secret(place.home / "word", "a wrong one")
    for _ in range(5):
        with pytest.raises(HoldfastError, match="do not match"):
            place.sign_in("chi")
    secret(place.home / "word", PASSWORD)
    with pytest.raises(HoldfastError, match="too many failures"):
        place.sign_in("chi")


def test_a_runbook_that_cannot_lead_is_not_adopted(home: Path, tmp_path: Path) -> None:
    """All that is wrong with a runbook is told at check and at adoption, and it is not
    put in force; a good one is, and leads.
    """
    folder = write_folder(tmp_path / "company-2")
    (folder / "runbooks").mkdir()
    file = folder / "runbooks" / "orders.md"
    file.write_text(
        "# Recover\n\nOwner: nobody\n\n1. `preflight` Look.\n2. `restor` x\n"
    )
    place = Place(home)
    with pytest.raises(FaultsError) as told:
        place.run("policy", "adopt", str(folder), "--as", "ana")
    words = " ".join(str(fault) for fault in told.value.faults)
    for wrong in ("names no datastore", "owner nobody", "restor", "`failover` stands"):
        assert wrong in words
    result = CliRunner().invoke(app, ["policy", "check", str(folder)])
    assert isinstance(result.exception, FaultsError)
    steps = ("`preflight` A", "call", "`restore` B", "`verify` C", "`failover` D")
    lines = "".join(f"{n}. {text}\n" for n, text in enumerate(steps, 1))
    file.write_text(f"# Recover\n\nDatastore: orders\nOwner: PL\n\n{lines}")
    place.run("policy", "adopt", str(folder), "--as", "ana")
    reader = place.reader()
    adopted = reader.log.state().adopted.runbook_of(DATASTORE)
    assert adopted is not None
    assert (adopted.runbook, adopted.steps) == ("orders.md", 5)
    file.unlink()
    place.run("policy", "adopt", str(folder), "--as", "ana")
    assert reader.log.state().adopted.runbook_of(DATASTORE) is None
    assert SystemClock().now() > adopted.at
    reader.store.close()
