"""A new log goes on from a closed one: same knowledge, and repeatable anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.operations.company import START, Company, company, keyring, signed
from tests.witness.test_asking import older

from holdfast.domain.controls.all import judge_all
from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.custody import (
    LedgerCarried,
    LedgerClosed,
    LedgerKeyIntroduced,
    LedgerOpened,
)
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.merkle import fold, leaf_hashes
from holdfast.operations.authority import ForbiddenError, NotSignedInError
from holdfast.operations.beat import beat
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports.store import Settlement, Store
from holdfast.operations.respond import Desk
from holdfast.operations.succession import (
    Succeeded,
    SuccessionError,
    check_succession,
    succeed,
    trusted_checkpoint,
)
from holdfast.storage.memory import MemoryStore

OLD = Signer("northwind.example/log", bytes(32))
ORIGIN = "northwind.example/log-2"
NEW = Signer(ORIGIN, bytes([5]) * 32)


class CutOffError(Exception):
    """The process is gone."""


@dataclass
class Fragile:
    """A store whose process dies before or after its n-th write."""

    store: MemoryStore
    left: int
    after: bool
    writes: int = field(default=0)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if name not in {"append", "put_blob", "claim", "close_log"}:
            return found

        def write(*words: Any, **named: Any) -> Any:
            self.writes += 1
            if self.writes == self.left and not self.after:
                raise CutOffError
            done = found(*words, **named)
            if self.writes == self.left:
                raise CutOffError
            return done

        return write


def lived(store: Store | None = None) -> Company:
    """Return a company with an incident that runs, told and untold notices, signed."""
    made = company(store)
    made.turn(ok=True)
    made.beat(2)
    made.clock.advance(timedelta(minutes=5))
    made.turn(ok=False)
    made.beat(6)
    made.owe(channel="slack", recipients=["channel:irt"])
    partly = made.owe(channel="email", recipients=["person:ana", "person:dora"])
    (first,) = [
        claim
        for claim in made.world.store.claim(
            now=made.clock.now() + timedelta(hours=1),
            lease=timedelta(seconds=1),
            channel="email",
            limit=9,
        )
        if claim.parcel.key == f"{partly.notice}>person:ana"
    ]
    done = Settlement(first, "delivered", receipt="relay-1")
    made.world.store.append([], now=made.clock.now(), settlements=[done])
    made.world.notary.sign()
    return made


def go_on(made: Company, new: Any, old: Any = None) -> Succeeded:
    """Do the whole succession."""
    log = made.world.log
    if old is not None:
        log = Log(old, "node-1", made.clock)
    trusted = trusted_checkpoint(log, [OLD.key])
    desk = Desk(log, made.clock, "ana", signed("ana", made.clock.now()))
    return succeed(desk, Log(new, "node-1", made.clock), ORIGIN, trusted, "a theft")


def standings(store: Any, made: Company) -> dict[str, tuple[str, str]]:
    """Return how every promise stands."""
    log = Log(store, "n", made.clock)
    state = log.state()
    rules = log.rules(state)
    assert rules is not None
    found = judge_all(Situation(rules, state, made.clock.now()))
    return {name: (v.standing, v.reason) for name, v in found.items()}


def test_the_new_log_knows_what_the_old_one_knew() -> None:
    """Same incidents, notices and standings; the old one is closed for good."""
    made, new = lived(), MemoryStore()
    before = standings(made.world.store, made)
    done = go_on(made, new)
    old = made.world.store
    assert standings(new, made) == before
    events = made.events(LedgerClosed)
    assert [(e.by, e.reason, e.signed_in[:8]) for e in events] == [
        ("ana", "a theft", "password")
    ]  # type: ignore[union-attr]
    with pytest.raises(HoldfastError, match="the log is closed"):
        made.world.log.record([Fact(LedgerKeyIntroduced("x", START), START)])
    opened = check_succession(new)
    assert opened == done.opened
    assert opened is not None
    assert opened.continues == OLD.name
    assert new.blob(opened.trusted_note) == old.checkpoint()
    carried = list(new.read(1, 1 + old.size()))
    assert carried == list(old.read(0, old.size()))
    assert fold(leaf_hashes(carried)) == old.root()[1]
    assert new.size() == old.size() + 2


def test_what_is_owed_is_delivered_once_by_the_new_log() -> None:
    """Open deliveries go on; what the old outbox knew as delivered is not repeated."""
    made, new = lived(), MemoryStore()
    done = go_on(made, new)
    assert done.deliveries == 2
    log = Log(new, "node-1", made.clock, keyring)
    notary = Notary(new, NEW)
    kept_before = {name: len(kept.sent) for name, kept in made.kept.items()}
    made.world = replace(made.world, log=log, store=new, notary=notary)
    made.clock.advance(timedelta(hours=2))
    for _ in range(4):
        beat(made.world)
        made.clock.advance(timedelta(seconds=30))
    sent = [one.message.key for one in made.kept["email"].sent[kept_before["email"] :]]
    assert not [key for key in sent if key.endswith("person:ana") and "test/" in key]
    assert [key for key in sent if key.endswith("person:dora") and "test/" in key]
    assert new.checkpoint() is not None
    state = log.state()
    assert not [name for name in state.notices.undelivered if "test/" in name]
    # Its receipt counts both: the one that the old outbox delivered, and the new one's.
    (both,) = [one for one in state.notices.all.values() if one.due.count == 2
               and "test/" in one.due.notice]  # fmt: skip
    assert both.delivered is not None
    assert both.delivered.delivered == 2


def test_cut_off_anywhere_it_goes_on() -> None:
    """Whichever write of either store fails, not done or done but unheard: repeated,
    the end is the same, and no delivery is there twice or missing.
    """
    made, whole = lived(), MemoryStore()
    saved = made.world.store
    assert isinstance(saved, MemoryStore)
    counted = Fragile(whole, 0, after=False)
    go_on(made, counted, older(saved))
    expected = (whole.size(), whole.unsettled())
    for left in range(1, counted.writes + 1):
        for after in (False, True):
            old, new = older(saved), MemoryStore()
            with pytest.raises(CutOffError):
                go_on(made, Fragile(new, left, after=after), old)
            go_on(made, new, old)
            assert (new.size(), new.unsettled()) == expected
            assert check_succession(new) is not None
            kinds = [
                type(entry.event)
                for entry in company(new, adopted=False).entries()
                if isinstance(entry.event, (LedgerOpened, LedgerCarried, LedgerClosed))
            ]
            assert kinds == [LedgerOpened, LedgerClosed, LedgerCarried]
    for left in (1, 2, 3):
        for after in (False, True):
            old, new = older(saved), MemoryStore()
            try:
                go_on(made, new, Fragile(old, left, after=after))
            except CutOffError:
                go_on(made, new, old)
            assert (new.size(), new.unsettled()) == expected


def test_a_whole_one_is_left_alone() -> None:
    """Run again after the new log grew, it changes nothing."""
    made, new = lived(), MemoryStore()
    go_on(made, new)
    log = Log(new, "node-1", made.clock)
    log.record([Fact(LedgerKeyIntroduced(NEW.verifier_key, START), START)])
    before = (new.root(), new.unsettled())
    assert go_on(made, new).entries == made.world.store.size()
    assert (new.root(), new.unsettled()) == before


def test_a_log_goes_on_twice() -> None:
    """A second theft: the third log knows all, and that it continues the second."""
    made, second, third = lived(), MemoryStore(), MemoryStore()
    before = standings(made.world.store, made)
    go_on(made, second)
    log = Log(second, "node-1", made.clock)
    log.record([Fact(LedgerKeyIntroduced(NEW.verifier_key, START), START)])
    Notary(second, NEW).sign()
    trusted = trusted_checkpoint(log, [NEW.key])
    desk = Desk(log, made.clock, "ana", signed("ana", made.clock.now()))
    again = Log(third, "node-1", made.clock)
    succeed(desk, again, "northwind.example/log-3", trusted, "another theft")
    opened = check_succession(third)
    assert opened is not None
    assert opened.continues == ORIGIN
    assert again.state().custody.opened == opened
    assert again.state().custody.carried
    assert again.state().custody.changes == ()
    assert standings(third, made) == before


def test_what_is_refused() -> None:
    """Nothing of either log is changed by what cannot be meant."""
    made = lived()
    log, store = made.world.log, made.world.store
    size = store.size()
    trusted = trusted_checkpoint(log, [OLD.key])
    desk = Desk(log, made.clock, "ana", signed("ana", made.clock.now()))
    stranger, unknown = replace(desk, person="gus"), replace(desk, signed=None)

    def new(at: MemoryStore | None = None) -> Log:
        return Log(at or MemoryStore(), "node-1", made.clock)

    with pytest.raises(ForbiddenError):
        succeed(stranger, new(), ORIGIN, trusted, "a theft")
    with pytest.raises(NotSignedInError, match="to close ledger ana must sign in"):
        succeed(unknown, new(), ORIGIN, trusted, "a theft")
    with pytest.raises(SuccessionError, match="no reason"):
        succeed(desk, new(), ORIGIN, trusted, " ")
    with pytest.raises(SuccessionError, match="the old one's name"):
        succeed(desk, new(), OLD.name, trusted, "a theft")
    taken = company().world.store
    with pytest.raises(SuccessionError, match="holds another log already"):
        succeed(desk, new(taken), ORIGIN, trusted, "a theft")  # type: ignore[arg-type]
    with pytest.raises(SuccessionError, match="no checkpoint of size 1"):
        trusted_checkpoint(log, [OLD.key], 1)
    with pytest.raises(SuccessionError, match="not to be trusted"):
        trusted_checkpoint(log, [NEW.key])
    with pytest.raises(SuccessionError, match="never signed"):
        trusted_checkpoint(company().world.log, [OLD.key])
    assert store.size() == size


def test_a_database_that_was_changed_is_no_beginning() -> None:
    """Neither a changed entry nor a forged checkpoint is carried over as trusted."""
    made = lived()
    store = made.world.store
    assert isinstance(store, MemoryStore)
    good = store._entries[3]
    store._entries[3] = good[:-2] + b"x}"
    with pytest.raises((SuccessionError, HoldfastError)):
        trusted_checkpoint(Log(store, "n", made.clock), [OLD.key])
    store._entries[3] = good
    size, _ = store.root()
    forged = OLD.sign(Checkpoint(OLD.name, size, bytes(32)).text())
    store._checkpoints[size] = forged
    with pytest.raises(SuccessionError, match="does not hold what was signed"):
        trusted_checkpoint(made.world.log, [OLD.key])
    older = min(dict(store.checkpoints()))
    assert trusted_checkpoint(made.world.log, [OLD.key], older).checkpoint.size == older
