"""Evidence off-site: all that entries name, once, and never what was erased."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.operations.company import COMMITTEE, SEED, Company, company
from tests.storage.logs import FakeTarget, Kept

from holdfast.domain.events.governance import CatalogueAdopted
from holdfast.domain.events.people import PersonErased
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.log import Log
from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import Store
from holdfast.simulation.clock import JumpingClock
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.evidence import Restored, digests_of, wanted_of
from holdfast.storage.folder import Folder
from holdfast.storage.memory import MemoryStore
from holdfast.storage.off_site import OffSite
from holdfast.storage.rebuilding import rebuild
from holdfast.storage.recover import pull

KEY = parse_verifier_key(Signer("northwind.example/log", SEED).verifier_key)
ESCROW = Escrow(bytes(range(32)))


def live() -> Company:
    """Let a company live through an outage, delivered and all."""
    made = company()
    made.turn(ok=False)
    made.beat(6)
    return made


def copy_of(made: Company, target: FakeTarget, mark: Kept) -> OffSite:
    """Return the company's copy, as a process that starts now has it."""
    log = made.world.log
    return OffSite(
        log.store,
        target,
        lambda: [KEY],
        Kept(),
        ESCROW,
        lambda: wanted_of(log.state()),
        mark,
    )


def publish(made: Company, target: FakeTarget, mark: Kept) -> list[str]:
    """Publish from a process that starts now; return the evidence it wrote."""
    made.world.notary.sign()
    before = len(target.written)
    copy_of(made, target, mark).publish()
    return [path for path in target.written[before:] if "evidence/" in path]


def recovered(target: FakeTarget, spool: Path, store: Store) -> Restored:
    """Recover into a store."""
    clock = JumpingClock(COPIED)
    log = Log(store, "recovery", clock)
    pulled = pull(target, [KEY], Folder(spool))
    return rebuild(log, pulled, Kept(), escrow=ESCROW).evidence


COPIED = company(adopted=False).clock.now() + timedelta(days=1)


def test_everything_named_is_published_once() -> None:
    """Receipts, samples and texts go along with the entries that name them, and a
    process that starts anew writes none of them again.
    """
    made, target, mark = live(), FakeTarget(), Kept()
    named = set(digests_of(made.world.store.read(0, 999), 0))
    assert sorted(publish(made, target, mark)) == sorted(map(ESCROW.path, named))
    assert publish(made, target, mark) == []
    made.owe(channel="slack", recipients=["channel:irt"])
    made.beat(2)
    more = set(digests_of(made.world.store.read(0, 999), 0)) - named
    assert sorted(publish(made, target, mark)) == sorted(map(ESCROW.path, more))
    mark.note = None
    assert publish(made, target, mark) == []


def test_what_an_older_holdfast_left_out_follows() -> None:
    """Where a copy holds the texts only, the rest is published by the first run."""
    made, target, mark = live(), FakeTarget(), Kept()
    written = publish(made, target, mark)
    for path in written[4:]:
        del target.files[path]
    mark.note = None
    assert sorted(publish(made, target, mark)) == sorted(written[4:])


def old_catalogue(made: Company) -> str:
    """Let a catalogue be adopted whole, and superseded; return its digest."""
    now, store = made.clock.now(), made.world.store
    in_force = made.world.log.state().adopted.catalogue
    assert in_force is not None
    digest = store.put_blob(b"# Ana Alves, ana@northwind.example\n")
    for at, text in enumerate((digest, in_force.digest), 1):
        moment = now + timedelta(microseconds=at)
        adopted = CatalogueAdopted(text, COMMITTEE, moment)
        made.world.log.record([Fact(adopted, moment)])
    return digest


def test_what_was_erased_does_not_come_back(tmp_path: Path) -> None:
    """A text that held somebody erased is taken out of the copy where the place lets
    it, is not published again, and is not brought back even where it is still there.
    """
    made, target, mark = live(), FakeTarget(), Kept()
    digest = old_catalogue(made)
    publish(made, target, mark)
    path = ESCROW.path(digest)
    old = target.files[path]
    now = made.clock.now()
    event = PersonErased("person:ana", "request", "", (digest,), COMMITTEE, now)
    gone = PersonalChange(erase=("person:ana",), texts=(digest,))
    made.world.log.record([Fact(event, now)], personal=gone)
    mark.note = None
    publish(made, target, mark)
    assert path not in target.files
    target.files[path] = old
    store = MemoryStore()
    done = recovered(target, tmp_path, store)
    assert store.blob(digest) is None
    assert (done.absent, done.damaged) == ((), ())
    assert store.root() == made.world.store.root()


def test_a_text_that_is_no_longer_in_force_may_be_gone(tmp_path: Path) -> None:
    """A superseded text that nobody keeps stops neither publication nor recovery; one
    in force stops both, and says so.
    """
    made, target = live(), FakeTarget()
    digest = old_catalogue(made)
    store = made.world.store
    store.append([], now=COPIED, personal=PersonalChange(texts=(digest,)))
    publish(made, target, Kept())
    assert recovered(target, tmp_path, MemoryStore()).absent == (digest,)
    adopted = made.world.log.state().adopted.policy
    assert adopted is not None
    store.append([], now=COPIED, personal=PersonalChange(texts=(adopted.digest,)))
    with pytest.raises(StoreError, match="is not kept beside the log") as told:
        publish(made, FakeTarget(), Kept())
    assert "policy adopt" in told.value.hint
    del target.files[ESCROW.path(adopted.digest)]
    with pytest.raises(StoreError, match="has no evidence"):
        recovered(target, tmp_path, MemoryStore())


def test_damaged_evidence_is_named_and_the_rest_comes_back(tmp_path: Path) -> None:
    """A receipt that was altered in the copy is named; a text in force ends it."""
    made, target = live(), FakeTarget()
    publish(made, target, Kept())
    wanted = wanted_of(made.world.log.state())
    named = list(dict.fromkeys(digests_of(made.world.store.read(0, 999), 0)))
    receipt = next(one for one in named if one not in wanted.in_force)
    target.files[ESCROW.path(receipt)] = b"\x00" * 40
    done = recovered(target, tmp_path, MemoryStore())
    assert (done.found, done.damaged) == (len(named) - 1, (receipt,))
    target.files[ESCROW.path(min(wanted.in_force))] = b"\x00" * 40
    with pytest.raises(StoreError, match="does not open"):
        recovered(target, tmp_path, MemoryStore())
