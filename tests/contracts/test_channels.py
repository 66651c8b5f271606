"""What every channel promises, shown on Slack and mail against real receiving sides.

One suite per promise of `Channel`: accepted means kept by the other side, each fault
is a value, a message that may have been taken is called uncertain, and a repeat is
recognisable by its key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.channels.slack import Slack
from holdfast.channels.smtp import Relay, Smtp
from holdfast.demo import mail_relay, slack_server
from holdfast.demo.faults import Fault, ask
from holdfast.demo.spawn import Spawned
from holdfast.operations.ports.channel import Accepted, Channel, Message, Rejected

TOKEN = "xoxb-not-a-secret-of-anybody"
PATIENCE, HASTE = timedelta(seconds=60), timedelta(seconds=3)
NOTICE = Message("notice/i1/irt/2", "Shop is down", "Since 08:12 <!channel> & more.")


@dataclass(frozen=True, slots=True)
class Side:
    """A channel with the side that receives from it."""

    connect: Callable[[timedelta], Channel]
    address: str
    folder: Path
    kept_keys: Callable[[], list[str]]
    stop: Callable[[], int]

    @property
    def channel(self) -> Channel:
        """Return the channel, with patience for a busy machine."""
        return self.connect(PATIENCE)

    def send_under(
        self, *faults: Fault, patience: timedelta = PATIENCE
    ) -> Accepted | Rejected:
        """Send the notice while the other side misbehaves."""
        ask(self.folder, *faults)
        return self.connect(patience).send(NOTICE, self.address)


@pytest.fixture(params=["slack", "mail"])
def side(request, tmp_path):
    """Give each channel with its receiving side."""
    log = tmp_path / "log"
    if request.param == "slack":
        variable = {slack_server.TOKEN_VARIABLE: TOKEN}
        folder = ("--folder", tmp_path)
        with Spawned("slack_server", *folder, environment=variable, log=log) as process:
            url = f"http://127.0.0.1:{process.port}/api/"
            yield Side(
                lambda patience: Slack(TOKEN, base_url=url, timeout=patience),
                "C0IRT",
                tmp_path,
                lambda: slack_keys(tmp_path),
                process.stop,
            )
    else:
        with Spawned("mail_relay", "--folder", tmp_path, log=log) as process:
            at = ("127.0.0.1", process.port, "status@a.test")
            yield Side(
                lambda patience: Smtp(Relay(*at, timeout=patience)),
                "ana@a.test",
                tmp_path,
                lambda: [mail.key for mail in mail_relay.mails(tmp_path)],
                process.stop,
            )


def slack_keys(folder: Path) -> list[str]:
    """Return the keys of the messages that the endpoint has kept."""
    return [
        message["metadata"]["event_payload"]["key"]
        for message in slack_server.messages(folder)
    ]


def test_accepted_message_is_kept_with_its_key(side):
    """A message that was accepted lies on the other side's disk under its key."""
    answer = side.channel.send(NOTICE, side.address)
    assert isinstance(answer, Accepted)
    assert answer.receipt
    assert side.kept_keys() == [NOTICE.key]


def test_repeat_is_recognisable(side):
    """A message sent twice arrives twice with one and the same key."""
    receipts = [side.channel.send(NOTICE, side.address) for _ in range(2)]
    assert all(isinstance(receipt, Accepted) for receipt in receipts)
    assert side.kept_keys() == [NOTICE.key, NOTICE.key]


def test_lost_answer_is_uncertain_and_the_message_is_there(side):
    """A connection that breaks after the message was taken leaves it uncertain."""
    answer = side.send_under(Fault("drop"))
    assert isinstance(answer, Rejected)
    assert (answer.uncertain, answer.permanent) == (True, False)
    assert side.kept_keys() == [NOTICE.key]


def test_silence_ends_at_the_deadline_and_is_uncertain(side):
    """An other side that never answers costs no more than the deadline."""
    answer = side.send_under(Fault("hang", seconds=600), patience=HASTE)
    assert isinstance(answer, Rejected)
    assert (answer.uncertain, answer.permanent) == (True, False)
    assert "timed out" in answer.reason


def test_message_kept_twice_by_the_other_side_shows(side):
    """A duplicate made by the other side has the same key."""
    assert isinstance(side.send_under(Fault("duplicate")), Accepted)
    assert side.kept_keys() == [NOTICE.key, NOTICE.key]


def test_dead_other_side_certainly_has_nothing(side):
    """A refused connection is worth another try and took nothing."""
    assert side.stop() == 0
    answer = side.channel.send(NOTICE, side.address)
    assert isinstance(answer, Rejected)
    assert (answer.uncertain, answer.permanent) == (False, False)
    assert "connection refused" in answer.reason


def test_channel_works_again_after_faults(side):
    """One call is one attempt: the fault of one leaves no mark on the next."""
    codes = {"slack": 503, "mail": 451}
    code = codes[side.channel.name]
    answers = [side.send_under(Fault("answer", code)), side.send_under()]
    assert [type(answer) for answer in answers] == [Rejected, Accepted]
    assert side.kept_keys() == [NOTICE.key]


@pytest.mark.parametrize(
    ("module", "environment"),
    [
        ("slack_server", {slack_server.TOKEN_VARIABLE: TOKEN}),
        ("mail_relay", {}),
    ],
)
def test_kept_messages_outlive_the_receiving_side(module, environment, tmp_path):
    """What was accepted is still there when the receiving side was killed."""
    arguments = ("--folder", tmp_path)
    log = tmp_path / "log"
    with Spawned(module, *arguments, environment=environment, log=log) as process:
        channel = (
            Slack(TOKEN, base_url=f"http://127.0.0.1:{process.port}/api/")
            if module == "slack_server"
            else Smtp(Relay("127.0.0.1", process.port, "status@a.test"))
        )
        address = "C0IRT" if module == "slack_server" else "ana@a.test"
        assert isinstance(channel.send(NOTICE, address), Accepted)
        process.process.kill()
    kept = slack_keys(tmp_path) + [mail.key for mail in mail_relay.mails(tmp_path)]
    assert kept == [NOTICE.key]
