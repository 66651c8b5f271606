"""The node's rounds of its copies: facts by turn only, and no wait for a far side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
from tests.operations.company import SEED, Company, company
from tests.storage.logs import FakeTarget, Kept

from holdfast.domain.controls.copying import judge_copies
from holdfast.domain.controls.judging import Verdict
from holdfast.domain.events.copies import (
    PublishChecked,
    PublishFailing,
    PublishRecovered,
)
from holdfast.ledger.checkpoint import Signer, parse_checkpoint
from holdfast.ledger.note import parse_note, parse_verifier_key
from holdfast.operations.copies import OutOfReachError, Shipper
from holdfast.operations.notary import ForkError, Notary
from holdfast.storage.far_mark import FarMark
from holdfast.storage.off_site import OffSite

SIGNER = Signer("northwind.example/log", SEED)
KEY = parse_verifier_key(SIGNER.verifier_key)


def with_copy(target: FakeTarget) -> Company:
    """Return a company whose log is copied to the target."""
    made = company()
    world = made.world
    copy = OffSite(world.store, target, lambda: [KEY], Kept())
    shipper = Shipper(copy, world.log, world.clock, world.notary)
    made.world = replace(world, shippers=[shipper])
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


def test_an_altered_copy_is_a_breach() -> None:
    """What reads back differently is recorded once, named, and breaks the promise."""
    target = FakeTarget()
    made = with_copy(target)
    made.beat(3)
    bundle = max(path for path in target.files if path.startswith("tile/0/"))
    target.files[bundle] = bytes(len(target.files[bundle]))
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


def test_a_rollback_of_everything_is_seen_off_site(ahead: bytes) -> None:
    """Where database and mark are both old, the copy still prevents a fork."""
    made = company()
    mark = FarMark(Kept(), [lambda: ahead])
    notary = Notary(made.world.store, SIGNER, mark)
    until(lambda: notary.sign() is not None or notary.refusal is not None)
    assert isinstance(notary.refusal, ForkError)


def test_nothing_waits_for_a_copy_out_of_reach(ahead: bytes) -> None:
    """While a copy is asked nothing is signed; once the patience ends, the own mark
    alone counts.
    """
    made = company()
    asked = Event()

    def slow() -> bytes | None:
        asked.wait(60)
        return ahead

    notary = Notary(made.world.store, SIGNER, FarMark(Kept(), [slow]))
    assert notary.sign() is None
    assert notary.refusal is None
    hasty = Notary(made.world.store, SIGNER, FarMark(Kept(), [slow], timedelta(0)))
    assert size_of(hasty.sign()) == made.world.store.size()
    asked.set()


def test_a_copy_that_fails_is_left_out() -> None:
    """An error of the far side leaves the own mark."""

    def broken() -> bytes | None:
        raise OutOfReachError("no route", "Look at the network.")

    made = company()
    notary = Notary(made.world.store, SIGNER, FarMark(Kept(), [broken]))
    until(lambda: notary.sign() is not None)


def until(holds: Callable[[], bool]) -> None:
    """Ask again until it holds, or a test's own deadline ends it."""
    while not holds():
        pass
