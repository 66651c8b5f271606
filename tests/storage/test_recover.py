"""Recovery: from the copy alone, the same log and the same standing, and no fork."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.operations.company import (
    DATASTORE,
    SEED,
    SERVICE,
    START,
    Company,
    company,
    signed,
)
from tests.storage.logs import FakeTarget, Kept

from holdfast.domain.controls.all import judge_all
from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.governance import NodeStarted
from holdfast.domain.events.job import JobLost, JobRequested, JobStarted
from holdfast.domain.events.quarantine import NoticeReleased
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.approving import approve
from holdfast.operations.authority import ForbiddenError
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError, Notary
from holdfast.operations.ports.store import Store
from holdfast.operations.quarantine import give_up_jobs, release, waiting
from holdfast.operations.respond import Desk
from holdfast.simulation.clock import JumpingClock
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.evidence import Restored, digests_of
from holdfast.storage.folder import Folder
from holdfast.storage.memory import MemoryStore
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import open_store
from holdfast.storage.rebuilding import Rebuilt, rebuild
from holdfast.storage.recover import Pulled, pull

SIGNER = Signer("northwind.example/log", SEED)
KEY = parse_verifier_key(SIGNER.verifier_key)
ESCROW = Escrow(bytes(range(32)))


def live(store: Store | None = None) -> Company:
    """Let a company live through an outage, with its notices delivered or owed."""
    made = company(store)
    made.turn(ok=True)
    made.beat(2)
    made.clock.advance(timedelta(minutes=5))
    made.turn(ok=False)
    made.beat(6)
    return made


def publish(made: Company, target: FakeTarget) -> OffSite:
    """Publish the company's log."""
    made.world.notary.sign()
    copy = OffSite(made.world.store, target, lambda: [KEY], Kept(), ESCROW)
    copy.publish()
    return copy


def recovered(
    target: FakeTarget, spool: Path, store: Store, mark: Kept | None = None
) -> Rebuilt:
    """Recover a store from the target."""
    clock = JumpingClock(START + timedelta(days=1))
    log = Log(store, "recovery", clock)
    pulled = pull(target, [KEY], Folder(spool))
    return rebuild(log, pulled, mark or Kept(), escrow=ESCROW)


def sent_by(made: Company) -> set[str]:
    """Return the notices that the company's node sent."""
    return {
        one.message.key.partition(">")[0]
        for channel in made.kept.values()
        for one in channel.sent
    }


def standing(store: Store) -> object:
    """Return how every promise stands at one moment, from the store alone."""
    log = Log(store, "n", JumpingClock(START))
    state = log.state()
    rules = log.rules(state)
    assert rules is not None
    return judge_all(Situation(rules, state, START + timedelta(days=1)))


@pytest.fixture(name="target")
def _target() -> FakeTarget:
    """Return an empty place for a copy."""
    return FakeTarget()


@pytest.fixture(name="fresh")
def _fresh(tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Return the function that opens one database of a new machine."""
    opened: list[Store] = []

    def open_it() -> Store:
        store = open_store(f"sqlite://{tmp_path / 'recovered.sqlite'}")
        opened.append(store)
        return store

    yield open_it
    for store in opened:
        store.close()


def test_an_empty_machine(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """The recovered log has the same root, folds to the same standing, and is signed
    on by the same key.
    """
    made = live()
    publish(made, target)
    before = made.world.store
    store, mark = fresh(), Kept()
    done = recovered(target, tmp_path / "spool", store, mark)
    assert store.root() == before.root()
    assert store.read(0, 999) == before.read(0, 999)
    assert standing(store) == standing(before)
    named = set(digests_of(before.read(0, 999), 0))
    kinds = {entry.event.TYPE for entry in made.entries()}
    assert {"policy.adopted", "notice.delivered"} <= kinds
    assert (done.added, done.evidence) == (before.size(), Restored(len(named)))
    for digest in named:
        assert store.blob(digest) == before.blob(digest) is not None
    notary = Notary(store, SIGNER, mark)
    made = company(store, adopted=False)
    made.clock.advance(timedelta(days=1))
    made.turn(ok=True)
    made.beat(3)
    assert notary.sign() is not None
    assert notary.refusal is None
    copy = OffSite(store, target, lambda: [KEY], Kept(), ESCROW)
    assert copy.publish().size > before.size()


def test_again_changes_nothing(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """A second recovery of the same machine finds nothing to do."""
    publish(live(), target)
    store, mark = fresh(), Kept()
    recovered(target, tmp_path / "spool", store, mark)
    size, held = store.size(), len(store.held())
    done = recovered(target, tmp_path / "spool", store, mark)
    assert (done.added, done.held, store.size(), len(store.held())) == (
        0, 0, size, held,
    )  # fmt: skip


def test_what_is_owed_waits_for_a_person(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """Notices that the ledger owes are made again and not sent; a release sends them
    under a name.
    """
    made = live()
    owed = made.owe(channel="slack", recipients=["channel:irt"])
    publish(made, target)
    store = fresh()
    recovered(target, tmp_path / "spool", store)
    again = company(store, adopted=False)
    again.clock.advance(timedelta(days=1))
    log, clock = again.world.log, again.clock

    def desk(person: str) -> Desk:
        return Desk(log, clock, person, signed(person, clock.now()))

    assert owed.notice in {one.notice for one in waiting(log)}
    again.beat(3)
    assert owed.notice not in sent_by(again)
    assert owed.notice in log.state().notices.undelivered
    with pytest.raises(ForbiddenError):
        release(desk("nobody"), owed.notice)
    with pytest.raises(HoldfastError, match="no delivery of x is in quarantine"):
        release(desk("dora"), "x")
    assert release(desk("dora"), owed.notice) is None
    (order,) = log.state().orders
    with pytest.raises(HoldfastError, match="waits for a second person"):
        release(desk("dora"), owed.notice)
    approve(desk("eli"), order)
    # What was agreed to then says nothing of another hour.
    clock.advance(timedelta(hours=1))
    assert release(desk("dora"), owed.notice) is None
    (later,) = set(log.state().orders) - {order}
    approve(desk("eli"), later)
    assert release(desk("dora"), owed.notice) == 1
    again.beat(3)
    assert owed.notice not in log.state().notices.undelivered
    assert owed.notice in sent_by(again)
    (released,) = again.events(NoticeReleased)
    assert isinstance(released, NoticeReleased)
    assert (released.by, released.deliveries) == ("dora", 1)


def test_an_old_database_is_brought_forward(target: FakeTarget, tmp_path: Path) -> None:
    """A restored database gets what it lacks; what its old outbox has open and was
    delivered since is never sent again.
    """
    file, old = tmp_path / "ledger.sqlite", tmp_path / "old.sqlite"
    store = open_store(f"sqlite://{file}")
    made = live(store)
    owed = made.owe(channel="slack", recipients=["channel:irt"])
    made.world.notary.sign()
    store.close()
    shutil.copy(file, old)
    store = open_store(f"sqlite://{file}")
    made = company(store, adopted=False)
    made.clock.advance(timedelta(hours=1))
    made.beat(3)
    assert owed.notice not in made.world.log.state().notices.undelivered
    publish(made, target)
    restored = open_store(f"sqlite://{old}")
    behind = store.size() - restored.size()
    assert behind > 0
    done = recovered(target, tmp_path / "spool", restored)
    assert done.added == behind
    assert restored.read(0, store.size()) == store.read(0, 9_999)
    again = company(restored, adopted=False)
    again.clock.advance(timedelta(days=1))
    assert owed.notice not in {one.notice for one in waiting(again.world.log)}
    again.beat(3)
    assert owed.notice not in sent_by(again)
    store.close()
    restored.close()


def test_a_forked_database_is_refused(target: FakeTarget, tmp_path: Path) -> None:
    """A database that went another way is named by its first other entry."""
    made = live()
    publish(made, target)
    other = company(MemoryStore())
    other.turn(ok=False)
    other.beat(2)
    before = other.world.store.read(0, 999)
    first = next(
        at
        for at, pair in enumerate(
            zip(before, made.world.store.read(0, 999), strict=False)
        )
        if pair[0] != pair[1]
    )
    with pytest.raises(ForkError, match=f"entry {first} of the database is not"):
        recovered(target, tmp_path, other.world.store)
    assert other.world.store.read(0, 999) == before


def test_open_jobs_are_given_up(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """A job that was open is lost after a recovery, and nothing starts it again."""
    made = live()
    job = "backup-1"
    now = made.clock.now()
    asked = JobRequested(job, DATASTORE, "backup", 1, None, None, now)
    made.world.log.record([Fact(asked, now)])
    publish(made, target)
    store = fresh()
    done = recovered(target, tmp_path, store)
    assert job in done.jobs
    again = company(store, adopted=False)
    again.clock.advance(timedelta(days=1))
    assert give_up_jobs(again.world.log, again.clock) == done.jobs
    again.beat(3)
    assert job not in again.world.log.state().jobs.open
    assert job in {e.job for e in again.events(JobLost) if isinstance(e, JobLost)}
    assert job not in {
        e.job for e in again.events(JobStarted) if isinstance(e, JobStarted)
    }


def test_the_larger_checkpoint_counts(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """A crash before `checkpoint` was replaced loses nothing that was published."""
    made = live()
    copy = publish(made, target)
    old = target.files["checkpoint"]
    made.world.log.record([Fact(NodeStarted("n", "1", START), START)])
    publish_again = OffSite(
        made.world.store, target, lambda: [KEY], copy.record, ESCROW
    )
    made.world.notary.sign()
    publish_again.publish()
    target.files["checkpoint"] = old
    store = fresh()
    recovered(target, tmp_path, store)
    assert store.root() == made.world.store.root()


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/000"])
def test_an_altered_copy_is_not_recovered(
    path: str, target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """Nothing is written down of a copy that does not verify."""
    publish(live(), target)
    files = [f for f in target.files if f == path or f.startswith(f"{path}.p/")]
    name = max(files, key=lambda file: len(target.files[file]))
    data = target.files[name]
    target.files[name] = data[:60] + bytes([data[60] ^ 1]) + data[61:]
    store = fresh()
    with pytest.raises(LedgerError):
        recovered(target, tmp_path, store)
    assert store.size() == 0


def test_what_was_fetched_before_is_not_believed(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """After a copy that does not verify, a good one is recovered all the same."""
    made = live()
    publish(made, target)
    good = dict(target.files)
    name = max(file for file in good if file.startswith("tile/entries/000"))
    target.files[name] = good[name][:-1] + bytes([good[name][-1] ^ 1])
    with pytest.raises(LedgerError):
        recovered(target, tmp_path / "spool", fresh())
    assert (tmp_path / "spool" / name).exists()
    target.files = good
    store = fresh()
    recovered(target, tmp_path / "spool", store)
    assert store.root() == made.world.store.root()


def test_a_false_checkpoint_prevents_nothing(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """Whoever may put, but has no key, cannot keep us from our log."""
    made = live()
    publish(made, target)
    target.files["checkpoint"] = b"nonsense"
    target.files["checkpoints/99999"] = target.files["checkpoints/0"] = b"x"
    store = fresh()
    recovered(target, tmp_path, store)
    assert store.root() == made.world.store.root()
    pulled = pull(target, [KEY], Folder(tmp_path))
    assert "checkpoint" in pulled.ignored
    assert "checkpoints/99999" in pulled.ignored


def test_an_escrow_key_that_came_late(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """Where a copy was begun without a key, the evidence follows once there is one."""
    made = live()
    made.world.notary.sign()
    OffSite(made.world.store, target, lambda: [KEY], Kept()).publish()
    assert not [path for path in target.files if "evidence/" in path]
    copy = publish(made, target)
    assert recovered(target, tmp_path, fresh()).evidence.found > 4
    copy.edge = None
    copy.publish()
    assert copy.files == 0


def test_another_escrow_key(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """Without the key from escrow the texts stay sealed, and the name tells nothing."""
    publish(live(), target)
    clock = JumpingClock(START)
    log = Log(fresh(), "recovery", clock)
    pulled: Pulled = pull(target, [KEY], Folder(tmp_path))
    for escrow, words in ((Escrow(bytes(32)), "under this"), (None, "no escrow key")):
        with pytest.raises(StoreError, match=words):
            rebuild(log, pulled, Kept(), escrow=escrow)
    sealed = [data for path, data in target.files.items() if "evidence/" in path]
    assert len(sealed) > 4
    assert not [data for data in sealed if SERVICE.encode() in data]


def test_what_was_signed_here_is_not_given_up(
    target: FakeTarget, fresh: Callable[[], Store], tmp_path: Path
) -> None:
    """A copy older than what this machine signed is refused: it would be a fork."""
    made = live()
    publish(made, target)
    made.turn(ok=True)
    made.beat(2)
    mark = Kept(made.world.store.checkpoint())
    with pytest.raises(StoreError, match="were signed on this machine"):
        recovered(target, tmp_path, fresh(), mark)


def test_an_empty_place(target: FakeTarget, tmp_path: Path) -> None:
    """Where nothing was published, that is said."""
    with pytest.raises(StoreError, match="shows no checkpoint"):
        pull(target, [KEY], Folder(tmp_path))
