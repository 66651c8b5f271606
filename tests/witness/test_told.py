"""A real node and a stand-in for Slack: a witness that dies, a weekly checkpoint."""

from __future__ import annotations

import html
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from tests.operations.company import texts
from tests.witness.test_end_to_end import (
    TOKEN,
    configure,
    make_home,
    recorded,
    run,
    running,
    standing_of_the_log,
    wait_for,
)

from holdfast.assembly.reading import SystemClock, open_log
from holdfast.demo.slack_server import TOKEN_VARIABLE, messages
from holdfast.demo.spawn import Spawned
from holdfast.domain.events.custody import LedgerCheckpointTaken
from holdfast.domain.events.notice import NoticeDelivered
from holdfast.domain.events.unwitnessed import WitnessingLapsed, WitnessingResumed
from holdfast.domain.events.witness import WitnessCosigned
from holdfast.ledger.checkpoint import verify_checkpoint
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.govern import adopt
from holdfast.settings import Home
from holdfast.simulation.clock import JumpingClock


def said(folder: Path) -> list[str]:
    """Return what the stand-in for Slack was told."""
    return [html.unescape(str(one["text"])) for one in messages(folder)]


def test_a_witness_that_freezes_and_dies_is_an_incident(tmp_path: Path) -> None:
    """Frozen, it opens an incident; thawed, it ends that; killed, it opens another."""
    witness, token = tmp_path / "w", {TOKEN_VARIABLE: TOKEN}
    run("init", "--home", witness, "--name", "auditor.example/w1")
    with Spawned("slack_server", "--folder", tmp_path, environment=token) as slack:
        home = make_home(tmp_path / "home", slack.port)
        run("trust", (home.folder / "ledger.vkey").read_text(), "--home", witness)
        with serving(witness) as (process, url):
            key = (witness / "witness.vkey").read_text().strip()
            at = {"name": "auditor", "url": url, "key": key, "timeout": 1}
            configure(home.folder, slack.port, [at])
            settings = home.folder / "holdfast.toml"
            lines = settings.read_text("utf-8")
            settings.write_text(f"witness_silent_after = 2\n{lines}", "utf-8")
            with running("serve", "--home", str(home.folder)):
                wait_for(lambda: bool(recorded(home, WitnessCosigned)), "cosigned")
                process.send_signal(signal.SIGSTOP)
                wait_for(lambda: lapsed(home, "witness auditor"), "an incident")
                wait_for(lambda: lapsed(home, "quorum"), "a missed quorum in it")
                wait_for(lambda: "auditor is silent" in heard(tmp_path), "an alert")
                standing, reason = standing_of_the_log(home)
                assert standing == "at_risk"
                assert "incident unwitnessed-" in reason
                assert "no checkpoint has its quorum of 1" in reason
                assert "witness auditor has cosigned nothing since" in reason
                process.send_signal(signal.SIGCONT)
                wait_for(lambda: not running_lapse(home), "the end of it")
                wait_for(lambda: "cosigns again" in heard(tmp_path), "word of that")
                process.kill()
                wait_for(lambda: running_lapse(home) is not None, "a second one")
    events = recorded(home, WitnessingLapsed)
    parts = [(e.incident, e.part) for e in events if isinstance(e, WitnessingLapsed)]
    # On a machine under load a slow answer may be a lapse more, never a repeated one.
    assert len(parts) == len(set(parts))
    assert len({incident for incident, _ in parts}) >= 2


@contextmanager
def serving(witness: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a real witness that may be stopped and killed; yield it and its address."""
    words = ["witness", "serve", "--home", str(witness), "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "holdfast", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, str(json.loads(process.stdout.readline())["address"])
        finally:
            process.kill()


def heard(folder: Path) -> str:
    """Return all that the stand-in for Slack was told."""
    return "\n".join(said(folder))


def lapsed(home: Home, part: str) -> bool:
    """Say whether the log holds a lapse of that part."""
    return any(
        isinstance(event, WitnessingLapsed) and event.part == part
        for event in recorded(home, WitnessingLapsed)
    )


def running_lapse(home: Home) -> str | None:
    """Return the incident of witnesses that is open now."""
    opened = recorded(home, WitnessingLapsed)
    ended = {
        event.incident
        for event in recorded(home, WitnessingResumed)
        if isinstance(event, WitnessingResumed)
    }
    names = [e.incident for e in opened if isinstance(e, WitnessingLapsed)]
    return next((name for name in names if name not in ended), None)


def test_the_weekly_checkpoint_reaches_the_channel(tmp_path: Path) -> None:
    """What is posted is the signed note itself, and its receipt is in the log."""
    token = {TOKEN_VARIABLE: TOKEN}
    with Spawned("slack_server", "--folder", tmp_path, environment=token) as slack:
        home = make_home(tmp_path / "home", slack.port)
        begun_long_ago(home)
        with running("serve", "--home", str(home.folder)):
            wait_for(lambda: len(delivered(home)) > 0, "a receipt")
        (text,) = [one for one in said(tmp_path) if "Weekly checkpoint" in one]
        note = text.split("```\n")[1].partition("```")[0]
        key = parse_verifier_key((home.folder / "ledger.vkey").read_text("utf-8"))
        signed = verify_checkpoint(note.encode(), [key])
        (taken,) = recorded(home, LedgerCheckpointTaken)
        assert isinstance(taken, LedgerCheckpointTaken)
        assert signed.checkpoint.size == taken.size
        assert f"size {taken.size}" in text
        assert key.id.hex() in text


def begun_long_ago(home: Home) -> None:
    """Put a log in place whose policy was adopted eight days ago."""
    for file in home.folder.glob("holdfast.sqlite*"):
        file.unlink()
    with closing(open_log(home, create=True).store):
        reader = open_log(home)
        clock = JumpingClock(SystemClock().now() - timedelta(days=7, hours=1))
        reader.log._clock = clock
        adopt(reader.log, clock, texts(), "ana")
        reader.store.close()


def delivered(home: Home) -> list[object]:
    """Return the receipts of posted checkpoints."""
    return [
        event
        for event in recorded(home, NoticeDelivered)
        if isinstance(event, NoticeDelivered) and "checkpoint" in event.notice
    ]
