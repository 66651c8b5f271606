"""The node's rounds of its copies: facts by turn only, and no wait for a far side."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from tests.operations.company import SEED, START, Company, company
from tests.storage.logs import FakeTarget, Kept

from holdfast.domain.controls.copying import CHECKED_COUNTS_FOR, judge_copies
from holdfast.domain.controls.judging import Verdict
from holdfast.domain.events.copies import (
    CopySeen,
    PublishChecked,
    PublishFailing,
    PublishRecovered,
)
from holdfast.domain.events.governance import NodeStarted
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer, parse_checkpoint
from holdfast.ledger.note import parse_note, parse_verifier_key
from holdfast.operations.copies import Hearsay, Shipper
from holdfast.operations.notary import ForkError, Notary, NotYetError
from holdfast.storage.far_mark import FarMark
from holdfast.storage.off_site import OffSite

SIGNER = Signer("northwind.example/log", SEED)
KEY = parse_verifier_key(SIGNER.verifier_key)


@dataclass(slots=True)
class Altering(FakeTarget):
    """A target whose hashes were altered, from some moment on."""

    altered: bool = False

    def read(self, path: str) -> bytes | None:
        """Return a file, or what became of it."""
        data = FakeTarget.read(self, path)
        changed = self.altered and path.startswith("tile/0/") and data is not None
        return bytes(len(data)) if changed else data


def with_copy(target: FakeTarget) -> Company:
    """Return a company whose log is copied to the target."""
    made = company()
    world = made.world
    copy = OffSite(world.store, target, lambda: [KEY], Kept())
    shipper = Shipper(copy, world.log, world.clock)
    hearsay = Hearsay(world.log, [KEY])
    made.world = replace(world, shippers=[shipper], hearsay=hearsay)
    return made


def judged(made: Company) -> Verdict | None:
    """Return what the control finds wrong with the copies."""
    situation = made.world.situation()
    assert situation is not None
    return judge_copies(situation)


def test_a_copy_follows_the_log() -> None:
    """Each signed checkpoint is published, and reading back is recorded daily."""
    target = FakeTarget()
    made = with_copy(target)
    made.beat(5)
    signed = made.world.store.checkpoint()
    assert target.files["checkpoint"] == signed
    assert len(made.events(PublishChecked)) == 1
    assert judged(made) is None
    made.clock.advance(timedelta(hours=23))
    made.beat(2)
    assert len(made.events(PublishChecked)) == 1
    made.clock.advance(timedelta(hours=2))
    made.beat(2)
    first, second = made.events(PublishChecked)
    assert isinstance(second, PublishChecked)
    assert second.ok
    assert first != second
    assert not made.events(PublishFailing)


def test_failing_and_recovering_are_told_once() -> None:
    """However often it fails, one entry says so; after an hour the promise is at risk,
    and the first success says that it is over.
    """
    target = FakeTarget()
    made = with_copy(target)
    made.beat(2)
    target.fails = lambda _: "lost"
    made.turn(ok=False)
    made.beat(10)
    assert len(made.events(PublishFailing)) == 1
    assert judged(made) is None
    made.clock.advance(timedelta(hours=1))
    verdict = judged(made)
    assert verdict is not None
    assert (verdict.standing, verdict.proofs[0].index is not None) == ("at_risk", True)
    assert "takes nothing since" in verdict.reason
    target.fails = lambda _: ""
    made.beat(3)
    assert len(made.events(PublishRecovered)) == 1
    assert judged(made) is None
    assert target.files["checkpoint"] == made.world.store.checkpoint()


def test_a_copy_that_nobody_reads_back_is_stale() -> None:
    """What was read back counts for two days, and no longer."""
    made = with_copy(FakeTarget())
    made.beat(3)
    (checked,) = made.events(PublishChecked)
    assert isinstance(checked, PublishChecked)
    made.clock.advance(checked.at + CHECKED_COUNTS_FOR - made.clock.now())
    assert judged(made) is None
    made.clock.advance(timedelta(seconds=1))
    verdict = judged(made)
    assert verdict is not None
    assert verdict.standing == "stale"


def test_an_altered_copy_is_a_breach() -> None:
    """What reads back differently is recorded once, named, and breaks the promise."""
    target = Altering()
    made = with_copy(target)
    made.beat(3)
    target.altered = True
    made.clock.advance(timedelta(days=1, hours=1))
    made.beat(4)
    verdict = judged(made)
    assert verdict is not None
    assert verdict.standing == "breached"
    assert len([e for e in made.events(PublishChecked) if not e.ok]) == 1  # type: ignore[union-attr]
    assert made.world.notary.refusal is None


def test_a_copy_that_knows_more_ends_the_signing() -> None:
    """A log that its copy does not show as its past is signed no more."""
    target = FakeTarget()
    made = with_copy(target)
    made.beat(3)
    other = with_copy(target)
    other.turn(ok=False)
    other.beat(4)
    assert other.world.hearsay is not None
    other.world.hearsay.compare(other.world.notary)
    assert isinstance(other.world.notary.refusal, ForkError)
    verdict = judged(other)
    assert verdict is not None
    assert verdict.standing == "breached"


def size_of(note: bytes | None) -> int:
    """Return the size that a note signs."""
    assert note is not None
    return parse_checkpoint(parse_note(note).text).size


@pytest.fixture(name="ahead")
def _ahead() -> bytes:
    """Return a checkpoint that the log signed later, as seen off-site."""
    made = company()
    made.turn(ok=False)
    made.beat(6)
    note = made.world.store.checkpoint()
    assert note is not None
    return note


def heard(made: Company, note: bytes | None) -> FarMark:
    """Return the mark of a node that starts now, and hears of a copy if at all."""
    seen = CopySeen("far", "", START)
    made.world.log.record([Fact(seen, START)])
    hearsay = Hearsay(made.world.log, [KEY])
    mark = FarMark(Kept(), hearsay.told)
    with suppress(NotYetError):
        mark.newest()
    if note is not None:
        seen = CopySeen("far", note.decode(), START + timedelta(seconds=1))
        made.world.log.record([Fact(seen, START)])
    return mark


def test_a_rollback_of_everything_is_seen_off_site(ahead: bytes) -> None:
    """Where database and mark are both old, the copy still prevents a fork."""
    made = company()
    notary = Notary(made.world.store, SIGNER, heard(made, ahead))
    notary.sign()
    assert isinstance(notary.refusal, ForkError)


def test_nothing_waits_for_a_copy_out_of_reach() -> None:
    """Nothing is signed until the copy is heard of; once the patience ends, the own
    mark alone counts.
    """
    made = company()
    notary = Notary(made.world.store, SIGNER, heard(made, None))
    assert notary.sign() is None
    assert notary.refusal is None
    made.clock.advance(timedelta(seconds=11))
    assert size_of(notary.sign()) == made.world.store.size()


def test_nobody_believes_a_checkpoint_that_the_log_did_not_sign(ahead: bytes) -> None:
    """Whoever can write entries, but has no key, does not end the signing."""
    made = company()
    text, _, signature = ahead.decode().rpartition(" ")
    forged = f"{text} {signature[:-6]}AAAA==\n".encode()
    notary = Notary(made.world.store, SIGNER, heard(made, forged))
    notary.sign()
    assert notary.refusal is None


def test_a_node_that_starts_is_told_what_the_copy_shows() -> None:
    """The runner answers each start of a node, once."""
    target = FakeTarget()
    made = with_copy(target)
    made.beat(3)
    assert not made.events(CopySeen)
    for number in (1, 2):
        now = made.clock.now()
        made.world.log.record([Fact(NodeStarted("node-1", "1", now), now)])
        made.beat(3)
        assert len(made.events(CopySeen)) == number
