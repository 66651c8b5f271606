"""The weekly checkpoint, and a log that is not signed: owed, told, judged."""

from __future__ import annotations

from datetime import timedelta

from tests.operations.company import Company, ScriptedChannel, company, with_channels

from holdfast.domain.controls.all import CONTROLS
from holdfast.domain.controls.judging import Verdict
from holdfast.domain.events.custody import (
    LedgerCheckpointTaken,
    LedgerSigningFailing,
    LedgerSigningResumed,
)
from holdfast.domain.events.notice import DutyEscalated
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import verify_checkpoint
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.ports.channel import Rejected

DAY = timedelta(days=1)
STEP = timedelta(hours=3)


def live(made: Company, length: timedelta) -> None:
    """Let the company beat every three hours."""
    end = made.clock.now() + length
    while made.clock.now() < end:
        made.beat()
        made.clock.advance(STEP)


def verdict(made: Company) -> Verdict:
    """Return how the audit log stands."""
    situation = made.world.situation()
    assert situation is not None
    return CONTROLS["audit_log"].judge(situation)


def posted(made: Company, channel: str = "slack") -> list[str]:
    """Return the texts of the posted checkpoints."""
    sent = made.kept[channel].sent  # type: ignore[index]
    return [one.message.text for one in sent if "checkpoint" in one.message.key]


def test_a_checkpoint_is_posted_every_week() -> None:
    """Each week one, with the signed note itself, which verifies as it was posted."""
    made = company()
    live(made, 6 * DAY)
    assert posted(made) == []
    live(made, 16 * DAY)
    texts = posted(made)
    assert len(texts) == 3
    key = parse_verifier_key(made.world.notary.verifier_key)
    taken = made.events(LedgerCheckpointTaken)
    for text, event in zip(texts, taken, strict=True):
        note = text.split("```\n")[1].removesuffix("```")
        signed = verify_checkpoint(note.encode(), [key])
        assert signed.checkpoint.size == event.size  # type: ignore[union-attr]
        assert event.root in text  # type: ignore[union-attr]
        assert key.id.hex() in text
    assert verdict(made).standing == "unproven"  # Nobody verified it in this test.


def test_a_channel_that_is_down_shows_and_escalates() -> None:
    """It falls back to e-mail, and where that fails too it is overdue and escalated."""
    made = company()
    made = with_channels(made, slack=_down(made), email=_down(made))
    live(made, 8 * DAY + timedelta(hours=3))
    assert verdict(made).standing == "at_risk"
    assert "the weekly checkpoint is not posted" in verdict(made).reason
    escalated = made.events(DutyEscalated)
    assert any("ledger/checkpoint" in e.duty for e in escalated)  # type: ignore[union-attr]


def test_slack_refuses_and_e_mail_takes_it() -> None:
    """The team has the note by e-mail, in time."""
    made = company()
    made = with_channels(made, slack=_down(made, permanent=True))
    live(made, 7 * DAY + timedelta(hours=13))
    assert posted(made, "email")
    assert "posted" not in verdict(made).reason


def test_a_node_that_slept_is_late_and_catches_up() -> None:
    """One checkpoint, not one for each week missed; and that it was late is seen."""
    made = company()
    made.beat()
    made.clock.advance(30 * DAY)
    made.beat()
    live(made, timedelta(hours=4))
    assert len(posted(made)) == 1
    assert "was posted late" in verdict(made).reason
    live(made, 8 * DAY)
    assert "posted late" not in verdict(made).reason


def test_a_log_that_stays_unsigned_alerts_after_minutes() -> None:
    """It is a risk at once, an alert after five minutes, and over when mended."""
    made = company()
    made.beat()
    now = made.clock.now()
    made.world.log.record([Fact(LedgerSigningFailing("module locked", now), now)])
    # The node would say itself that it signs: it is kept from it here.
    made.world.notary.fault = None
    made.world.notary._frontier = None
    assert verdict(made).standing == "at_risk"
    assert "module locked" in verdict(made).reason
    made.world.notary.refusal = _Refusal  # type: ignore[assignment]
    for _ in range(20):
        made.beat()
    alerts = [s.message for s in made.kept["slack"].sent]
    assert [a.subject for a in alerts if "not signed" in a.subject] == [
        "The audit log is not signed any more"
    ]
    back = LedgerSigningResumed("o", 9, made.clock.now())
    made.world.log.record([Fact(back, made.clock.now())])
    assert "module locked" not in verdict(made).reason


_Refusal = RuntimeError("kept from signing by the test")


def _down(made: Company, *, permanent: bool = False) -> ScriptedChannel:
    channel = ScriptedChannel("down", made.clock)
    channel.script.extend([Rejected("it is down", permanent)] * 2_000)
    return channel
