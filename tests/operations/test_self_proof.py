"""The log is rebuilt from its copy by itself, and what came of it is an entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.operations.company import COMMITTEE, SEED, Company, company, texts
from tests.storage.logs import FakeTarget, Kept

from holdfast.domain.controls import audit_log
from holdfast.domain.controls.copying import judge_locks, judge_rebuilds
from holdfast.domain.declare import parse_catalogue
from holdfast.domain.events.copies import PublishFailing, PublishRecovered
from holdfast.domain.events.people import PersonErased
from holdfast.domain.events.rehearsal import CopyLockChecked, LedgerRebuilt
from holdfast.domain.separation import contacts_of
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer
from holdfast.ledger.note import VerifierKey, parse_verifier_key
from holdfast.operations.copies import Hearsay, Shipper
from holdfast.operations.keeping import Keeper
from holdfast.operations.locks import Locked
from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import Store
from holdfast.operations.self_proof import (
    REBUILD_EVERY,
    TRY_AGAIN,
    Brought,
    rehearse,
)
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.off_site import OffSite
from holdfast.storage.personal import PersonalPlace
from holdfast.storage.rehearsal import PLACE, CopyRebuilder

KEY = parse_verifier_key(Signer("northwind.example/log", SEED).verifier_key)
ESCROW = Escrow(bytes(32))


def keys() -> Sequence[VerifierKey]:
    """Return the log's key."""
    return [KEY]


@dataclass
class Rig:
    """A company with a copy and what rebuilds from it."""

    made: Company
    target: FakeTarget
    rebuilder: CopyRebuilder

    def outcomes(self) -> list[str]:
        """Return what the rebuilds came to."""
        events = self.made.events(LedgerRebuilt)
        return [event.outcome for event in events if isinstance(event, LedgerRebuilt)]

    def verdict(self) -> tuple[str, str] | None:
        """Return how the promise stands as far as rebuilds go."""
        situation = self.made.world.situation()
        assert situation is not None
        found = judge_rebuilds(situation)
        return (found.standing, found.reason) if found else None


@pytest.fixture(name="rig")
def _rig(tmp_path: Path) -> Rig:
    """Return a company whose log is copied, with its evidence."""
    made, target = company(), FakeTarget()
    world = made.world
    copy = OffSite(world.store, target, keys, Kept(), ESCROW)
    shipper = Shipper(copy, world.log, world.clock)
    rebuilder = CopyRebuilder(target, keys, ESCROW, tmp_path, world.clock)
    made.world = replace(world, shippers=[shipper], rebuilders={target.name: rebuilder})
    return Rig(made, target, rebuilder)


def test_it_rebuilds_by_itself(rig: Rig, tmp_path: Path) -> None:
    """Once there is a copy, and then every week; nothing of it is left behind."""
    rig.made.turn(ok=False)
    rig.made.beat(3)
    assert rig.outcomes() == ["whole"]
    assert rig.verdict() is None
    event = rig.made.events(LedgerRebuilt)[0]
    assert isinstance(event, LedgerRebuilt)
    assert "sentences stand the same" in event.detail
    assert not list(tmp_path.iterdir())
    rig.made.clock.advance(REBUILD_EVERY - timedelta(hours=1))
    rig.made.beat(2)
    assert len(rig.outcomes()) == 1
    rig.made.clock.advance(timedelta(hours=2))
    rig.made.beat(2)
    assert rig.outcomes() == ["whole", "whole"]


def test_a_place_for_people_is_no_copy_of_the_log(rig: Rig) -> None:
    """That it failed once does not have it rebuilt from, locked or waited for."""
    other = company()
    now = other.clock.now()
    failing = PublishFailing("s3://people/log", "it does not answer", now)
    other.world.log.record([Fact(failing, now)])
    assert Hearsay(other.world.log, [KEY]).told() == []
    rig.made.beat(3)
    locked = ScriptedLock(Locked("locked", ("a delete was refused",), 30))
    rig.made.world = replace(rig.made.world, locks={locked.name: locked})
    rig.made.beat(3)
    log, now = rig.made.world.log, rig.made.clock.now()
    log.record([Fact(replace(failing, at=now), now)])
    assert rig.verdict() is None
    log.record([Fact(PublishRecovered(failing.target, 1, now), now)])
    assert rig.verdict() is None
    situation = rig.made.world.situation()
    assert situation is not None
    assert judge_locks(situation) is None


def kept(rig: Rig) -> Keeper:
    """Have the personal data backed up beside the copy, and rebuilt from there."""
    world = rig.made.world
    place = PersonalPlace(rig.target, ESCROW, "personal/")
    keeper = Keeper(place, world.log, world.clock, timedelta(days=28), dict)
    rig.rebuilder = replace(rig.rebuilder, place=place)
    rebuilders = {rig.target.name: rig.rebuilder}
    rig.made.world = replace(world, keepers=[keeper], rebuilders=rebuilders)
    return keeper


def newest(rig: Rig) -> LedgerRebuilt:
    """Return what the last rebuild came to."""
    event = rig.made.events(LedgerRebuilt)[-1]
    assert isinstance(event, LedgerRebuilt)
    return event


def test_people_come_back_too(rig: Rig) -> None:
    """The backup of the personal data is opened and counted, erasures replayed; the
    rebuild waits for a backup of the catalogue in force.
    """
    made, place = rig.made, "personal/newest.sealed"
    kept(rig)
    made.beat(4)
    assert rig.outcomes() == ["whole"]
    assert place in rig.target.files
    contacts = len(contacts_of(parse_catalogue(texts().catalogue)))
    assert f"{contacts} people and customers came back" in newest(rig).detail
    now = made.clock.now()
    erased = PersonErased("customer:c01", "request", "", (), COMMITTEE, now)
    gone = PersonalChange(erase=("customer:c01",))
    before = dict(rig.target.files)
    made.world.log.record([Fact(erased, now)], personal=gone)
    made.beat(2)
    # The older backup, which still holds the one who was erased, opens them to nobody.
    rig.target.files |= {n: d for n, d in before.items() if "personal/" in n}
    told = rehearse(made.world.log, rig.rebuilder)
    assert told.outcome == "whole"
    assert f"{contacts - 1} people and customers came back" in told.detail


def test_people_who_do_not_come_back(rig: Rig) -> None:
    """A backup that is gone, sealed by another key or damaged fails the rebuild and is
    told; credentials that only put are told, and prove nothing.
    """
    kept(rig)
    rig.made.beat(4)
    log, good = rig.made.world.log, dict(rig.target.files)
    names = [name for name in good if name.startswith("personal/")]
    for name in names:
        del rig.target.files[name]
    told = rehearse(log, rig.rebuilder)
    assert told.outcome == "failed"
    assert "of the personal data did not come back" in told.detail
    rig.target.files |= {name: good[name][:-1] + b"?" for name in names}
    told = rehearse(log, rig.rebuilder)
    assert told.outcome == "failed"
    assert "damaged" in told.detail
    rig.target.files |= good
    assert rig.rebuilder.place is not None
    other = replace(rig.rebuilder.place, escrow=Escrow(b"\x09" * 32))
    told = rehearse(log, replace(rig.rebuilder, place=other))
    assert told.outcome == "failed"
    assert "sealed under the escrow key" in told.detail
    blind = replace(rig.rebuilder.place, target=replace(rig.target, readable=False))
    told = rehearse(log, replace(rig.rebuilder, place=blind))
    assert told.outcome == "whole"
    assert "people: the credentials may not get" in told.detail


def test_too_old_is_stale(rig: Rig) -> None:
    """A rebuild proves for as long as the policy's default says, and no longer."""
    situation = rig.made.world.situation()
    assert situation is not None
    assert situation.rules.terms["log_rebuilt_every"].anchor is not None
    rig.made.beat(3)
    rig.made.clock.advance(timedelta(days=32))
    verdict = rig.verdict()
    assert verdict is not None
    assert verdict[0] == "stale"


def test_put_only_is_unproven(rig: Rig) -> None:
    """Where the credentials may not get, it says so and what to do, and no more."""
    rig.target.readable = False
    rig.made.beat(3)
    assert rig.outcomes() == ["unreadable"]
    verdict = rig.verdict()
    assert verdict is not None
    assert verdict[0] == "unproven"
    assert "read_credentials" in verdict[1]


def test_a_copy_that_does_not_come_back(rig: Rig) -> None:
    """An altered copy is tampering; evidence that is gone is a rebuild that failed."""
    rig.made.beat(3)
    kept = dict(rig.target.files)
    for path in [path for path in kept if path.startswith("evidence/")]:
        del rig.target.files[path]
    assert rehearse(rig.made.world.log, rig.rebuilder).outcome == "failed"
    rig.target.files = dict(kept)
    tile = max(path for path in kept if path.startswith("tile/0/"))
    rig.target.files[tile] = bytes(len(kept[tile]))
    rig.made.clock.advance(TRY_AGAIN)
    assert rehearse(rig.made.world.log, rig.rebuilder).outcome == "differs"
    rig.made.beat()
    situation = rig.made.world.situation()
    assert situation is not None
    assert audit_log.judge(situation).standing == "breached"
    assert "rebuild from copy" in rig.made.kept["slack"].sent[-1].message.text


@dataclass
class Other:
    """Brings back something else."""

    store: Store
    name: str = "s3://fake/log"
    asked: list[str] = field(default_factory=list)
    people_at: str | None = None

    @contextmanager
    def rebuilt(self, progress: object = None) -> Iterator[Brought]:
        """Yield it."""
        del progress
        self.asked.append(self.name)
        yield Brought(self.store)


def test_another_log_is_not_ours(rig: Rig) -> None:
    """What comes back sound, but is another log, differs by its root."""
    other = company()
    other.clock.advance(timedelta(days=1))
    other.turn(ok=True)
    other.beat(2)
    rig.made.turn(ok=True)
    rig.made.beat(3)
    done = rehearse(rig.made.world.log, Other(other.world.store))
    assert done.outcome == "differs"
    assert "expected root" in done.detail


def test_no_room(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk prevents the proof; it says nothing against the copy."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("holdfast.storage.rehearsal.pull", full)
    done = rehearse(rig.made.world.log, rig.rebuilder)
    assert (done.outcome, "No space left" in done.detail) == ("failed", True)


def test_what_a_killed_rehearsal_left_is_removed(rig: Rig, tmp_path: Path) -> None:
    """The next one clears its folder first."""
    left = tmp_path / f"{PLACE}old"
    left.mkdir()
    (left / "rebuilt.sqlite").write_bytes(b"half")
    with pytest.raises(StoreError), rig.rebuilder.rebuilt():
        pass
    assert not left.exists()


@dataclass
class ScriptedLock:
    """A lock that is as the script says."""

    found: Locked
    name: str = "s3://fake/log"

    def check(self, now: datetime) -> Locked:
        """Say so."""
        del now
        return self.found


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        (Locked("locked", ("a delete was refused",), 30), None),
        (Locked("open", ("versioning is off",)), "at_risk"),
        (Locked("none", ("a folder has no lock",)), "at_risk"),
        (Locked("unknown", ("S3 does not answer",)), "unproven"),
    ],
)
def test_locks_are_tried_daily(rig: Rig, found: Locked, standing: str | None) -> None:
    """Each day the lock is tried; what is not locked, or not known, is told."""
    lock = ScriptedLock(found)
    rig.made.world = replace(rig.made.world, locks={lock.name: lock})
    rig.made.beat(3)
    (event,) = rig.made.events(CopyLockChecked)
    assert isinstance(event, CopyLockChecked)
    assert event.state == found.state
    situation = rig.made.world.situation()
    assert situation is not None
    verdict = judge_locks(situation)
    assert (verdict.standing if verdict else None) == standing
    rig.made.clock.advance(timedelta(days=1))
    rig.made.beat(2)
    assert len(rig.made.events(CopyLockChecked)) == 2
    rig.made.clock.advance(timedelta(days=3))
    situation = rig.made.world.situation()
    assert situation is not None
    stale = judge_locks(situation)
    assert stale is not None
    assert stale.standing == "unproven"
