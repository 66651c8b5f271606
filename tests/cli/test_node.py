"""A node's life by the real commands: made, opened, signed in to, ended in order."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomli_w
from pydantic import BaseModel
from tests.cli.running import configure, environment, holdfast
from tests.operations.company import turns

from holdfast.assembly.reading import open_log
from holdfast.demo.ports import free_port
from holdfast.domain.events.notice import DeliveryFailed, NoticeDue
from holdfast.engines.places import S3At, SftpAt
from holdfast.engines.protected import (
    Cluster,
    Deadlines,
    Protected,
    RepositoryAt,
    Schedule,
)
from holdfast.journal import read
from holdfast.settings import Home, RunnerSettings, Settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "operating" / "settings.md"
EXAMPLE = re.compile(r"```toml\n(.*?)```", re.DOTALL)
PASSWORD = "three plain words"
DEADLINE_SECONDS = 120.0


@contextmanager
def node(home: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a node; it is ended by the test, or here."""
    log = (home / "node.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast", "serve", "--home", str(home), *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (home / "node.log").read_text()
        yield process, json.loads(line)["address"]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        log.close()


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for the condition while the process lives."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_life(home: Path) -> None:
    """Password, serve, sign in, see Standing, and and end in order."""
    said = holdfast("password", "eli", "--home", home, given=PASSWORD + "\n")
    assert said.status == 0
    assert "password-eli" in said.out
    assert (home / "password-eli").stat().st_mode & 0o77 == 0
    configure(home, web={"port": 0, "passwords": {"eli": "password-eli"}})
    with node(home) as (process, address), httpx.Client(base_url=address) as client:
        assert "Northwind" not in client.get("/", follow_redirects=True).text
        form = {"user": "eli", "password": PASSWORD}
        headers = {"Origin": address}
        assert client.post("/sign-in", data=form, headers=headers).status_code == 303
        page = client.get("/")
        assert page.status_code == 200
        assert "Northwind Ledgers" in page.text
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "Traceback" not in (home / "node.log").read_text()
    verified = holdfast("ledger", "verify", "--home", home, "--json")
    assert verified.status == 0, verified.errors
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))


def test_unreachable_relay(home: Path) -> None:
    """A node whose relay and Slack are out of reach runs, and records each failure."""
    (home / "slack.token").write_text("xoxb-1")
    (home / "slack.token").chmod(0o600)
    configure(
        home,
        beat_every=0.2,
        slack={
            "token": "slack.token",
            "irt_channel": "C0IRT",
            "base_url": f"http://127.0.0.1:{free_port()}/api/",
        },
        mail={"host": "127.0.0.1", "port": free_port(), "sender": "a@b.example"},
    )
    reader = open_log(Home(home))
    reader.log.record(turns(datetime.now(UTC) - timedelta(hours=2), ok=False))

    def failed() -> bool:
        store = reader.store
        known = [read(i, data) for i, data in enumerate(store.read(0, store.size()))]
        due = {e.event.notice: e.event for e in known if isinstance(e.event, NoticeDue)}
        failures = [e.event for e in known if isinstance(e.event, DeliveryFailed)]
        assert all("refused" in e.reason or "connected" in e.reason for e in failures)
        return {due[e.notice].channel for e in failures} == {
            "slack",
            "email",
            "status_page",
        }

    with node(home) as (process, _):
        until(failed, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    reader.store.close()
    assert "Traceback" not in (home / "node.log").read_text()


def examples() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the examples of the operators' page: the node's and the runner's."""
    pages = (DOCUMENT, DOCUMENT.with_name("runner-settings.md"))
    node, runner = (EXAMPLE.findall(page.read_text("utf-8"))[0] for page in pages)
    return tomllib.loads(node), tomllib.loads(runner)


def test_example_is_whole() -> None:
    """The example of the operators' page is read, and shows every key there is."""
    given, theirs = examples()
    assert list(_missing(Settings.model_validate(given), given)) == []
    settings = RunnerSettings.model_validate(theirs)
    assert settings.pgbackrest[0].cluster.port == 5432
    assert list(_missing(settings, theirs)) == []
    assert list(_missing_protected(theirs["pgbackrest"][0])) == []


def _missing(model: BaseModel, given: dict[str, Any]) -> Iterator[str]:
    for name in type(model).model_fields:
        if name not in given:
            yield name
        value = getattr(model, name)
        if isinstance(value, BaseModel) and isinstance(given.get(name), dict):
            yield from _missing(value, given[name])
        if isinstance(value, list) and name in given:
            for part, values in zip(value, given[name], strict=True):
                if isinstance(part, BaseModel):
                    yield from _missing(part, values)


def _missing_protected(given: dict[str, Any]) -> Iterator[str]:
    parts = (
        (Protected, given),
        (Cluster, given["cluster"]),
        (RepositoryAt, set().union(*given["repositories"])),
        (S3At, given["repositories"][1]["s3"]),
        (SftpAt, given["repositories"][2]["sftp"]),
        (Schedule, given["schedule"]),
        (Deadlines, given["deadlines"]),
    )
    for kind, values in parts:
        yield from set(kind.__dataclass_fields__) - set(values)


def test_example_runs(home: Path) -> None:
    """A node starts with the example, once its secrets are there and tools left out."""
    given, _ = examples()
    for outside in ("witnesses", "witness_quorum", "next_key"):
        del given[outside]
    given["web"] |= {"port": 0}
    for name in ("slack.token", "mail.password"):
        (home / name).write_text("xoxb-1\n")
        (home / name).chmod(0o600)
    holdfast("password", "eli", "--home", home, given=PASSWORD + "\n")
    configure(home, **given)
    with node(home) as (process, address):
        answer = httpx.get(f"{address}/sign-in")
        assert answer.status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    log = (home / "node.log").read_text()
    assert "Traceback" not in log
    assert (home / "ledger.signed").exists()


def test_a_newcomer_starts_both(home: Path) -> None:
    """`serve --with-runner` has a runner at work beside it, which ends with it even
    when the node is killed.
    """
    runner = {"work_every": 0.2, "scripted": {"folder": "shelf", "datastores": ["x"]}}
    (home / "runner.toml").write_text(tomli_w.dumps(runner), encoding="utf-8")
    configure(home, beat_every=0.2)
    reader = open_log(Home(home))
    with node(home, "--with-runner") as (process, _):
        until(lambda: bool(reader.log.state().runners), process)
        assert reader.log.state().runners["runner-1"].engines == ("scripted",)
        said = (home / "node.log").read_text()
        found = re.search(r"works beside it, as process (\d+)", said)
        assert found is not None, said
        process.kill()
        process.wait()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while Path(f"/proc/{found[1]}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    reader.store.close()
