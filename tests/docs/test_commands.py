"""The commands that people are told to type are typed here, page by page, in order.

A fenced `sh` block after the line ``<!-- run -->`` is run as it stands, in one shell
for the page, in a folder of its own. What the page says about it is looked up in what
it printed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.warm import warm

from holdfast.assembly.keys import create_key, signer_of, write_private
from holdfast.assembly.reading import SystemClock, open_log
from holdfast.cli.adopting import read_folder
from holdfast.demo import northwind
from holdfast.domain.events.incident import IncidentOpened
from holdfast.domain.events.observation import BackupSeen
from holdfast.domain.events.runner import RunnerSeen
from holdfast.journal import Fact
from holdfast.operations.govern import adopt
from holdfast.operations.notary import Notary
from holdfast.settings import Home
from holdfast.storage.passwords import hash_password

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
QUICK_START = ROOT / "docs" / "operating" / "quick-start.md"
WORST_DAY = ROOT / "docs" / "operating" / "worst-day.md"
RUNNABLE = re.compile(
    r"^<!-- run -->\n```sh\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL
)
# Each command starts a process of its own; a busy machine takes its time.
pytestmark = pytest.mark.timeout(600)
BETWEEN = "-- next block --"
INCIDENT = "inc-20261123T140500-app"


class Typist:
    """Types the blocks of a page into one shell; what it started ends with it.

    Its `holdfast` is the warm one, unless the page is typed to see it installed.
    """

    def __init__(
        self, folder: Path, *, installed: bool = False, **environment: str
    ) -> None:
        places = [str(Path(sys.executable).parent), os.environ["PATH"]]
        if not installed:
            places.insert(0, str(warm().folder))
        programs = os.pathsep.join(places)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
        self._environment = {**kept, "PATH": programs, "COLUMNS": "160", **environment}
        self._folder = folder
        self._shell: subprocess.Popen[str] | None = None

    def type(self, page: Path) -> list[str]:
        """Return what each block of the page printed; all must succeed."""
        blocks = RUNNABLE.findall(page.read_text(encoding="utf-8"))
        assert blocks, f"{page.name} has no block to run"
        script = f"echo '{BETWEEN}'\n".join(blocks)
        self._shell = subprocess.Popen(
            ["sh", "-ec", script],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        printed, _ = self._shell.communicate(timeout=540)
        assert self._shell.returncode == 0, printed
        return printed.split(BETWEEN)

    def stop(self) -> None:
        """End what a page left running, by the session that it was started in."""
        if self._shell is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
        if self._shell.stdout is not None:
            self._shell.stdout.close()


@pytest.fixture(name="typist")
def _typist(tmp_path: Path) -> Iterator[Typist]:
    """Return a typist in an empty folder."""
    typist = Typist(tmp_path)
    yield typist
    typist.stop()


@pytest.fixture(name="on_call")
def _on_call(tmp_path: Path) -> Iterator[Typist]:
    """Return a typist on the worst day: the company is adopted, an incident runs."""
    home = _home(tmp_path)
    reader = open_log(home, create=True)
    resilience = tmp_path / "resilience"
    northwind.write_resilience(resilience, 1, engine="scripted")
    adopt(reader.log, SystemClock(), read_folder(resilience), "ana")
    now = datetime.now(UTC)
    opened = IncidentOpened(
        incident=INCIDENT,
        services=(northwind.SERVICE,),
        began_at=now - timedelta(minutes=20),
        detected_at=now - timedelta(minutes=19),
        vantages=("melbourne",),
        reason="red from 3 of 3 vantage points",
    )
    off_site = BackupSeen(
        datastore=northwind.DATASTORE,
        repository=2,
        off_site=True,
        label="20261123-020000F",
        kind="full",
        started_at=now - timedelta(hours=3),
        finished_at=now - timedelta(hours=2),
        size_bytes=1,
        cipher="aes-256-cbc",
        error=False,
    )
    runner = RunnerSeen("runner-1", "here", "1", ("scripted",), now)
    reader.log.record([Fact(each, now) for each in (opened, off_site, runner)])
    write_private(tmp_path / "password.txt", "three plain words\n")
    write_private(home.folder / "session.key", "0" * 64 + "\n")
    write_private(home.folder / "password-chi", hash_password("three plain words"))
    settings = home.folder / "holdfast.toml"
    passwords = '[web]\npasswords = { chi = "password-chi" }\n'
    settings.write_text(settings.read_text("utf-8") + passwords, "utf-8")
    # As a node would, so that there is a checkpoint to publish.
    Notary(reader.store, signer_of(home)).sign()
    reader.store.close()
    typist = Typist(
        tmp_path,
        HOLDFAST_HOME=str(home.folder),
        HOLDFAST_PERSON="chi",
        HOLDFAST_SESSIONS=str(tmp_path / "sessions"),
        INCIDENT=INCIDENT,
        DATASTORE=northwind.DATASTORE,
    )
    yield typist
    typist.stop()


def _home(folder: Path) -> Home:
    place = folder / "home"
    place.mkdir(mode=0o700)
    key = create_key(place / "ledger.key", northwind.ORIGIN)
    (place / "ledger.vkey").write_text(f"{key}\n", encoding="utf-8")
    (place / "holdfast.toml").write_text('key = "ledger.key"\n', encoding="utf-8")
    (place / "runner.toml").write_text('runner = "runner-1"\n', encoding="utf-8")
    return Home(place)


def test_the_readme_reads_a_policy(tmp_path: Path) -> None:
    """The README's commands make a home and show how its policy is read."""
    typist = Typist(tmp_path, installed=True)
    try:
        (printed,) = typist.type(README)
    finally:
        typist.stop()
    assert "verified by this public key" in printed
    assert "Contradictions" in printed
    assert "Unparsed: none" in printed


def test_the_quick_start_leads_to_a_verified_log(
    typist: Typist, tmp_path: Path
) -> None:
    """The quick start ends with a published log that holds its incident."""
    home, policy, adopted, simulated, node, incident, page, proof = typist.type(
        QUICK_START
    )
    assert "log.acme.example/holdfast+" in home
    assert "Open questions" in policy
    assert "In force:" in adopted
    assert "nobody approved" in adopted
    assert "e-mail the affected customers" in simulated
    assert '"address": "http://127.0.0.1:' in node
    assert "disaster declared; services are due back by" in incident
    assert "acknowledged by ana" in incident
    assert "Disaster declared by ana" in page
    assert "owed now: update the public status page" in page
    assert proof.count("entries, all sound") == 2
    published = tmp_path / "first" / "published" / "tile" / "entries"
    entries = b"".join(part.read_bytes() for part in published.rglob("*/[0-9]*"))
    assert b'"type":"incident.declared"' in entries


def test_the_worst_day_can_be_typed(on_call: Typist) -> None:
    """Each command of the worst day does what its step says, in that order."""
    known, taken, declared, ordered, said, timeline, proof = on_call.type(WORST_DAY)
    assert INCIDENT in known
    assert "overdue" in known
    assert f"{INCIDENT} acknowledged by chi" in taken
    assert "services are due back by" in declared
    assert f"ordered: {INCIDENT}-orders-1" in ordered
    assert "Check that the restore can work" in ordered
    assert "approval" in ordered
    assert f"recorded: {INCIDENT}/status/update-1" in said
    for word in ("Acknowledged by chi", "Disaster declared by chi"):
        assert word in timeline
    assert "entries, all sound" in proof
    assert "Published" in proof


def test_only_blocks_that_are_marked_are_run() -> None:
    """The commands that install or remove things are left to `make`."""
    blocks = [
        block
        for page in (README, QUICK_START, WORST_DAY)
        for block in RUNNABLE.findall(page.read_text(encoding="utf-8"))
    ]
    assert not [block for block in blocks if re.search(r"\b(make|sudo|rm)\b", block)]
