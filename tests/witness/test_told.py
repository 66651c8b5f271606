"""A real node and a stand-in for Slack: a witness that dies, a weekly checkpoint."""

from __future__ import annotations

import html
from contextlib import closing
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
from holdfast.domain.events.witness import (
    QuorumMissed,
    WitnessCosigned,
    WitnessSilent,
)
from holdfast.ledger.checkpoint import verify_checkpoint
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.govern import adopt
from holdfast.settings import Home
from holdfast.simulation.clock import JumpingClock


def said(folder: Path) -> list[str]:
    """Return what the stand-in for Slack was told."""
    return [html.unescape(str(one["text"])) for one in messages(folder)]


def test_a_witness_that_dies_is_told(tmp_path: Path) -> None:
    """Past its limit its silence is an entry, a risk, an alert, and a missed quorum."""
    witness, token = tmp_path / "w", {TOKEN_VARIABLE: TOKEN}
    run("init", "--home", witness, "--name", "auditor.example/w1")
    with Spawned("slack_server", "--folder", tmp_path, environment=token) as slack:
        home = make_home(tmp_path / "home", slack.port)
        run("trust", (home.folder / "ledger.vkey").read_text(), "--home", witness)
        with running("witness", "serve", "--home", str(witness), "--port", "0") as url:
            key = (witness / "witness.vkey").read_text().strip()
            at = {"name": "auditor", "url": url, "key": key}
            configure(home.folder, slack.port, [at])
            settings = home.folder / "holdfast.toml"
            lines = settings.read_text("utf-8")
            settings.write_text(f"witness_silent_after = 1\n{lines}", "utf-8")
            with running("serve", "--home", str(home.folder)):
                wait_for(lambda: bool(recorded(home, WitnessCosigned)), "cosigned")
        # The witness is gone; the node is not.
        with running("serve", "--home", str(home.folder)):
            wait_for(lambda: bool(recorded(home, WitnessSilent)), "silence")
            wait_for(lambda: bool(recorded(home, QuorumMissed)), "a missed quorum")
            wait_for(
                lambda: any("auditor is silent" in text for text in said(tmp_path)),
                "an alert",
            )
        standing, reason = standing_of_the_log(home)
        assert standing == "at_risk"
        assert "no checkpoint has its quorum of 1" in reason
        assert "witness auditor has cosigned nothing since" in reason


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
