"""The main job, as a newcomer runs it: on real parts, to its end or interrupted."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from holdfast.demo.accounts import Accounts, lend
from holdfast.demo.sweep import processes_of

# A busy machine takes its time for so many processes.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
HOLDFAST = [sys.executable, "-m", "holdfast"]
VERIFY = [*HOLDFAST, "ledger", "verify"]
MINUTES_10 = 600


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Provide a temporary folder of one's own, which other accounts can pass."""
    with tempfile.TemporaryDirectory(prefix="holdfast-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


def boxes(temporary: Path) -> set[Path]:
    """Return the boxes that lie there."""
    return set(temporary.glob("holdfast-box-*"))


def test_the_demo_survives_a_disaster_and_proves_it(tmp_path, temporary) -> None:
    """One run gives every figure, a log that verifies, a report, and leaves nothing."""
    output = tmp_path / "evidence"

    ran = subprocess.run(
        [*HOLDFAST, "demo", "--yes", "--json", "--output", str(output)],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=MINUTES_10,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert 0 < found["recovery_time_seconds"] < 4 * 3600
    assert 0 <= found["data_loss_seconds"] < 3600
    assert 0 <= found["acknowledged_writes_lost"] < found["acknowledged_writes"]
    duties = found["communications"]
    assert {"Slack", "status page"} <= {duty["channel"] for duty in duties}
    for duty in duties:
        assert datetime.fromisoformat(duty["done_at"]) <= datetime.fromisoformat(
            duty["due_at"]
        )
    letters = [d for d in found["simulated_communications"] if d["channel"] == "e-mail"]
    assert [letter["recipients"] for letter in letters] == [12, 12]
    assert "pgbackrest" in found["engine"].lower()
    assert found["two_accounts"] == isinstance(lend(temporary), Accounts)
    assert "Northwind" in Path(found["report"]).read_text(encoding="utf-8")
    ledger = found["ledger"]
    assert Path(ledger["export"]) == output / "ledger"
    verified = subprocess.run(
        [*VERIFY, ledger["export"], "--key", ledger["verifier_key"], "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["size"] == ledger["size"]
    assert not boxes(temporary)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_demo_leaves_nothing(number, tmp_path, temporary) -> None:
    """Ended at a random moment, it leaves no process, no box and no evidence."""
    seed = int.from_bytes(os.urandom(4))
    moment = random.Random(seed).uniform(0.5, 14.0)  # noqa: S311 - No secret.
    output = tmp_path / "evidence"
    demo = subprocess.Popen(
        [*HOLDFAST, "demo", "--yes", "--output", str(output)],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    time.sleep(moment)
    demo.send_signal(number)
    try:
        demo.wait(20)
    except subprocess.TimeoutExpired:
        # Python loses one that falls into a finalizer, as while it imports. A person
        # presses again.
        demo.send_signal(number)
    demo.wait(120)

    deadline = time.monotonic() + 120
    left = True
    # The sweeper outlives the demo by a moment; then it is gone as well.
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = bool(boxes(temporary) or processes_of(tmp_path))
    assert not left, f"seed {seed}: {boxes(temporary)}, {processes_of(tmp_path)}"
    assert not output.exists(), f"seed {seed}"
    assert not output.with_name("evidence.partial").exists(), f"seed {seed}"


def test_where_nobody_can_be_asked_it_does_not_begin(temporary: Path) -> None:
    """Without a terminal and without a yes it says so, and makes nothing."""
    ran = subprocess.run(
        [*HOLDFAST, "demo"],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MINUTES_10,
        check=False,
    )

    assert ran.returncode == 1
    assert "nobody is here to be asked" in ran.stderr
    assert "--yes" in ran.stderr
    assert not list(temporary.iterdir())


@pytest.mark.drills
def test_without_a_yes_nothing_is_restored(temporary: Path) -> None:
    """Who says no at the terminal sees no disaster declared, and nothing is left."""
    ours, theirs = os.openpty()
    os.write(ours, b"n\n")
    with os.fdopen(theirs) as terminal:
        ran = subprocess.run(
            [*HOLDFAST, "demo"],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=MINUTES_10,
            check=False,
        )
    os.close(ours)

    assert ran.returncode == 1
    assert "no disaster was declared" in ran.stderr
    assert "disaster declared by" not in ran.stdout
    assert "Traceback" not in ran.stderr + ran.stdout
    assert not boxes(temporary)
