"""Every process of the company in a box starts, says so, and ends the same way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from holdfast.demo.faults import Fault, Faults, ask, parse
from holdfast.demo.slack_server import TOKEN_VARIABLE
from holdfast.demo.spawn import Spawned
from holdfast.errors import HoldfastError

RIGHT = "xoxb-1"
ENVIRONMENT = {TOKEN_VARIABLE: RIGHT, "HOLDFAST_SHOP_DSN": "host=/nowhere"}
SERVERS = ["slack_server", "mail_relay", "static_server", "shop"]
PROCESSES = [*SERVERS, "customers"]


def arguments(module: str, folder: object) -> list[str]:
    """Return what a process needs besides its port."""
    more = ["--url", "http://127.0.0.1:9"] if module == "customers" else []
    return ["--folder", str(folder), *more]


def end_of(module: str, *more: str, folder: object, **environment: str) -> tuple:
    """Run a process to its end; return exit status and what it said."""
    argv = [sys.executable, "-m", f"holdfast.demo.{module}"]
    done = subprocess.run(
        [*argv, *arguments(module, folder), *more],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("module", PROCESSES)
def test_process_says_ready_and_ends_cleanly_on_sigterm(module, tmp_path):
    """SIGTERM ends a process with exit 0 and nothing to say."""
    log = tmp_path / "log"
    more = arguments(module, tmp_path)
    with Spawned(module, *more, environment=ENVIRONMENT, log=log) as process:
        if module in SERVERS:
            socket.create_connection(("127.0.0.1", process.port), 5).close()
        assert process.stop() == 0
    assert log.read_text() == ""


@pytest.mark.parametrize("module", PROCESSES)
def test_process_ends_when_its_parent_is_gone(module, tmp_path):
    """A parent that was killed leaves no process behind."""
    more = arguments(module, tmp_path)
    with Spawned(module, *more, environment=ENVIRONMENT) as process:
        process.process.stdin.close()
        assert process.process.wait(60) == 0


@pytest.mark.parametrize("module", SERVERS)
def test_occupied_port_is_told_with_a_way_out(module, tmp_path):
    """A port in use ends a process with exit 2, a message and a hint."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        code, said, told = end_of(
            module, "--port", port, folder=tmp_path, **ENVIRONMENT
        )
    assert (code, said) == (2, "")
    assert told.startswith(f"error: port {port} on 127.0.0.1 is occupied\nhint: ")
    assert "Traceback" not in told


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_impossible_port_is_told_with_a_way_out(port, tmp_path):
    """A number that is no port is an error in words."""
    code, _, told = end_of("static_server", f"--port={port}", folder=tmp_path)
    assert code == 2
    assert "hint: " in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("module", "variable"),
    [("slack_server", TOKEN_VARIABLE), ("shop", "HOLDFAST_SHOP_DSN")],
)
def test_missing_secret_is_named(module, variable, tmp_path):
    """A process without its secret says where it should be, and ends."""
    code, _, told = end_of(module, folder=tmp_path, **{variable: ""})
    assert code == 2
    assert told.startswith(f"error: {variable} is not set\nhint: ")


def test_failed_start_tells_what_the_process_said(tmp_path):
    """Whoever starts a process that cannot start hears why."""
    with pytest.raises(HoldfastError, match=f"{TOKEN_VARIABLE} is not set"):
        Spawned(
            "slack_server",
            *("--folder", tmp_path),
            environment={TOKEN_VARIABLE: ""},
            log=tmp_path / "log",
        )


def test_hanging_request_does_not_keep_a_process(tmp_path):
    """SIGTERM ends a process that is busy hanging on purpose."""
    ask(tmp_path, Fault("hang", seconds=600))
    folder = ("--folder", tmp_path)
    with (
        Spawned("slack_server", *folder, environment=ENVIRONMENT) as process,
        socket.create_connection(("127.0.0.1", process.port), 5) as peer,
    ):
        body = b'{"channel": "C0IRT", "text": "x"}'
        head = (
            "POST /api/chat.postMessage HTTP/1.1\r\nHost: x\r\n"
            "Authorization: Bearer xoxb-1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        peer.sendall(head.encode() + body)
        while (tmp_path / "faults.json").exists():
            time.sleep(0.01)
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(60) == 0


def test_slack_history_shows_what_was_posted(tmp_path):
    """Messages come back newest first, by form or JSON, only with the right token."""
    folder = ("--folder", tmp_path)
    with Spawned("slack_server", *folder, environment=ENVIRONMENT) as process:
        base = f"http://127.0.0.1:{process.port}/api"

        def call(method: str, body: bytes, token: str = RIGHT) -> dict:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            request = urllib.request.Request(f"{base}/{method}", body, headers)
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())

        for text in ("first", "second"):
            assert call("chat.postMessage", f"channel=C0IRT&text={text}".encode())["ok"]
        history = call("conversations.history", b"channel=C0IRT")
        assert [m["text"] for m in history["messages"]] == ["second", "first"]
        assert len({m["ts"] for m in history["messages"]}) == 2
        errors = {
            "not_authed": call("auth.test", b"", token=""),
            "invalid_auth": call("auth.test", b"", token="wrong"),
            "channel_not_found": call("chat.postMessage", b"channel=x&text=x"),
            "no_text": call("chat.postMessage", b"channel=C0IRT"),
            "unknown_method": call("chat.destroy", b""),
        }
        assert all(said["error"] == error for error, said in errors.items())


def test_faults_can_be_asked_for_over_http(tmp_path):
    """The Slack endpoint takes faults by request, or says what it did not grasp."""
    folder = ("--folder", tmp_path)
    with Spawned("slack_server", *folder, environment=ENVIRONMENT) as process:
        url = f"http://127.0.0.1:{process.port}/faults"
        good = urllib.request.Request(url, b'[{"kind": "answer", "code": 429}]')
        with urllib.request.urlopen(good, timeout=60) as answer:
            assert json.loads(answer.read())["ok"]
        bad = urllib.request.Request(url, b'[{"kind": "sulk"}]')
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(bad, timeout=60)
        with refused.value:
            assert "unknown fault" in json.loads(refused.value.read())["error"]


def test_faults_come_in_order_and_as_often_as_asked(tmp_path):
    """A fault is committed as many times as it says; -1 lasts until cleared."""
    faults = Faults(tmp_path)
    ask(tmp_path, Fault("drop", times=2), Fault("answer", 451, times=-1))
    kinds = [fault.kind for fault in (faults.next() for _ in range(5)) if fault]
    assert kinds == ["drop", "drop", "answer", "answer", "answer"]
    ask(tmp_path)
    assert faults.next() is None


@pytest.mark.parametrize("wanted", [{}, [1], [{"kind": "drop", "colour": "red"}]])
def test_faults_that_are_none_are_refused(wanted):
    """What is no fault is told in words."""
    with pytest.raises(HoldfastError):
        parse(wanted)
