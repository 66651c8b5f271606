"""A real node and a real witness: an older database is put back, and it is seen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import tomli_w
from tests.operations.company import entries, texts
from tests.warm import warm
from typer.testing import CliRunner

from holdfast.assembly.keys import create_key, write_private
from holdfast.assembly.reading import SystemClock, open_log
from holdfast.cli.ledger import app as ledger
from holdfast.cli.witness import app
from holdfast.demo import northwind
from holdfast.demo.slack_server import TOKEN_VARIABLE, messages
from holdfast.demo.spawn import Spawned
from holdfast.domain.events.witness import WitnessCosigned, WitnessDisagreed
from holdfast.operations.govern import adopt
from holdfast.settings import Home
from holdfast.storage.opening import open_store
from holdfast.storage.witness import WitnessStore

TOKEN = "xoxb-of-a-test"
PATIENCE_SECONDS = 120
DATABASE = "holdfast.sqlite"


def run(*words: object) -> str:
    """Run a command of the witness."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


@contextmanager
def running(*words: str) -> Iterator[str]:
    """Run a server of Holdfast's own as a process, and yield its address."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
    with subprocess.Popen(
        [warm().folder / "holdfast", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=plain,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield str(json.loads(process.stdout.readline())["address"])
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == 0


def wait_for(happened: Callable[[], bool], what: str) -> None:
    """Look again and again until it happened."""
    looked = threading.Event()
    end = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < end, f"never happened: {what}"
        looked.wait(0.1)


def make_home(folder: Path, slack: int) -> Home:
    """Make the node's home, with Slack and without witnesses; adopt the policy."""
    folder.mkdir(mode=0o700)
    key = create_key(folder / "ledger.key", northwind.ORIGIN)
    (folder / "ledger.vkey").write_text(f"{key}\n", "utf-8")
    write_private(folder / "session.key", "00" * 32)
    write_private(folder / "slack.token", TOKEN)
    configure(folder, slack, [])
    home = Home(folder)
    reader = open_log(home, create=True)
    adopt(reader.log, SystemClock(), texts(), "ana")
    reader.store.close()
    return home


def configure(folder: Path, slack: int, witnesses: list[Mapping[str, object]]) -> None:
    """Write the node's settings."""
    values = {
        "beat_every": 0.1,
        "web": {"port": 0},
        "slack": {
            "token": "slack.token",
            "irt_channel": "C0IRT",
            "base_url": f"http://127.0.0.1:{slack}/api/",
        },
        "witnesses": witnesses,
    }
    (folder / "holdfast.toml").write_text(tomli_w.dumps(values), "utf-8")


def recorded(home: Home, kind: type) -> list[object]:
    """Return the events of a kind that the node's log holds."""
    with closing(open_store(home.store_url, create=False)) as store:
        found = [entry.event for entry in entries(store)]
    return [event for event in found if isinstance(event, kind)]


def cosigned(witness: Path) -> int:
    """Return the size that the witness cosigned last."""
    with closing(WitnessStore(witness / "witness.sqlite")) as memory:
        latest = memory.latest(northwind.ORIGIN)
    return latest.size if latest else 0


def alerts(folder: Path) -> list[str]:
    """Return what the team was told of the witness."""
    said = [str(message["text"]) for message in messages(folder)]
    return [text for text in said if "witness auditor: " in text]


def standing_of_the_log(home: Home) -> tuple[str | None, str]:
    """Return how Standing shows the promise of the audit log."""
    reader = open_log(home)
    view = reader.window.standing(SystemClock().now())
    reader.store.close()
    (found,) = {
        (sentence.standing, sentence.reason)
        for sentence in view.sentences
        if sentence.control == "audit_log"
    }
    return found


def newest_signed(home: Home) -> bytes | None:
    """Return the newest checkpoint that the node's log keeps."""
    with closing(open_store(home.store_url, create=False)) as store:
        return store.checkpoint()


@pytest.mark.parametrize("whole", [True, False])
def test_an_older_database_is_put_back(tmp_path: Path, whole: bool) -> None:
    """The witness refuses, nothing is signed, the log is breached, the team alerted.

    Also where the whole home was put back, with its own mark of what was signed.
    """
    witness, token = tmp_path / "w", {TOKEN_VARIABLE: TOKEN}
    run("init", "--home", witness, "--name", "auditor.example/w1")
    with (
        Spawned("slack_server", "--folder", tmp_path, environment=token) as slack,
        running("witness", "serve", "--home", str(witness), "--port", "0") as url,
    ):
        home = make_home(tmp_path / "home", slack.port)
        run("trust", (home.folder / "ledger.vkey").read_text(), "--home", witness)
        vkey = (witness / "witness.vkey").read_text().strip()
        at = {"name": "auditor", "url": url, "key": vkey}
        configure(home.folder, slack.port, [at])
        saved, database = tmp_path / "saved", home.folder / DATABASE
        with running("serve", "--home", str(home.folder)):
            wait_for(lambda: bool(recorded(home, WitnessCosigned)), "a cosignature")
        shutil.copy(database, saved)
        shutil.copy(home.folder / "ledger.signed", tmp_path / "saved.signed")
        with closing(open_store(home.store_url, create=False)) as store:
            size = store.size()
        with running("serve", "--home", str(home.folder)):
            wait_for(lambda: cosigned(witness) > size, "growth")
        exported = CliRunner().invoke(
            ledger, ["export", str(tmp_path / "log"), "--home", str(home.folder)]
        )
        assert exported.exit_code == 0
        shown = (tmp_path / "log" / "checkpoint").read_text("utf-8")
        assert "— auditor.example/w1 " in shown
        assert standing_of_the_log(home)[0] == "unproven"
        put_back(saved, database)
        if whole:
            shutil.copy(tmp_path / "saved.signed", home.folder / "ledger.signed")
        before, signed = cosigned(witness), newest_signed(home)
        with running("serve", "--home", str(home.folder)):
            wait_for(lambda: bool(recorded(home, WitnessDisagreed)), "a refusal")
            wait_for(lambda: len(alerts(tmp_path)) > 0, "an alert")
        assert cosigned(witness) == before
        assert newest_signed(home) == signed
        standing, reason = standing_of_the_log(home)
        assert standing == "breached"
        assert "witness auditor disagrees: " in reason
        assert len(alerts(tmp_path)) == 1


def put_back(saved: Path, database: Path) -> None:
    """Put an older copy in the place of the database."""
    for beside in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{database}{beside}").unlink()
    shutil.copy(saved, database)
