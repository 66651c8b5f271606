"""Backups of personal data: sealed, of one log and moment, erasures replayed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.operations.company import COMMITTEE, SEED, Company, company, texts
from tests.storage.logs import FakeTarget

from holdfast.domain.declare import parse_catalogue
from holdfast.domain.events.copies import PublishFailing, PublishRecovered
from holdfast.domain.events.people import PersonalSaved, PersonErased
from holdfast.domain.separation import contacts_of
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.operations.govern import adopt
from holdfast.operations.keeping import Keeper
from holdfast.operations.log import Log
from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import Store
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.keyring import HomeKeyring
from holdfast.storage.memory import MemoryStore
from holdfast.storage.personal import NEWEST, PersonalPlace, unseal
from holdfast.storage.personal_recovery import Returned, restore_people

ORIGIN = "northwind.example/log"
ESCROW = Escrow(bytes(range(32)))
CONTACTS = contacts_of(parse_catalogue(texts().catalogue))
RETENTION = timedelta(days=28)
DAY = timedelta(days=1)


@pytest.fixture(name="target")
def _target() -> FakeTarget:
    """Return an empty place."""
    return FakeTarget()


def keeper_of(made: Company, target: FakeTarget) -> Keeper:
    """Return what keeps the company's personal data in the place."""
    place = PersonalPlace(target, ESCROW, "personal/")
    return Keeper(place, made.world.log, made.clock, RETENTION, dict)


def sign(made: Company) -> bytes:
    """Sign the company's log."""
    store = made.world.store
    size, root = store.root()
    note = Signer(ORIGIN, SEED).sign(Checkpoint(ORIGIN, size, root).text())
    store.save_checkpoint(size, note)
    return note


def keep(keeper: Keeper, made: Company) -> bool:
    """Save if it is due; record what that turned."""
    if not keeper.is_due(made.world.store.checkpoint(), made.world.log.state()):
        return False
    made.world.log.record(keeper.keep())
    return True


def erase(made: Company, reference: str) -> None:
    """Erase somebody."""
    now = made.clock.now()
    event = PersonErased(reference, "request", "", (), COMMITTEE, now)
    gone = PersonalChange(erase=(reference,))
    made.world.log.record([Fact(event, now)], personal=gone)


def copy_log(old: Store, new: MemoryStore) -> None:
    """Bring entries and texts to another store, as a recovery does."""
    new._entries = list(old.read(0, 9999))
    new._leaves = list(old.leaf_hashes(0, 9999))
    new._frontier = old._frontier  # type: ignore[attr-defined]
    new._blobs = dict(old._blobs)  # type: ignore[attr-defined]


def restore(
    made: Company, target: FakeTarget, escrow: Escrow = ESCROW
) -> tuple[Log, Returned]:
    """Restore onto a new machine; return its log and what came back."""
    store = MemoryStore()
    copy_log(made.world.store, store)
    log = Log(store, "recovery", made.clock, lambda: HomeKeyring(b"\x07" * 32, ""))
    place = PersonalPlace(target, escrow, "personal/")
    return log, restore_people(log, place, ORIGIN)


def files(target: FakeTarget) -> list[str]:
    """Return the names of the dated backups."""
    return [one for one in target.names("personal/") if one != NEWEST]


def test_what_is_kept_comes_back(target: FakeTarget) -> None:
    """Everybody's contact is restored on a machine with another key, salts and all; the
    place shows nothing of it.
    """
    made = company()
    sign(made)
    assert keep(keeper_of(made, target), made)
    (saved,) = made.events(PersonalSaved)
    assert isinstance(saved, PersonalSaved)
    assert (saved.size, saved.rows, saved.left) == (4, len(CONTACTS), 0)
    everything = b"".join(target.files.values())
    assert not any(c.email.encode() in everything for c in CONTACTS.values())
    log, back = restore(made, target)
    assert {n: k.contact for n, k in log.people.all().items()} == CONTACTS
    assert log.people.all() == made.world.log.people.all()
    assert back.rows == len(CONTACTS)
    assert (back.missing, back.older, back.ignored) == ((), (), ())
    assert back.manifest is not None
    assert (back.manifest.origin, back.manifest.size) == (ORIGIN, 4)


def test_it_is_saved_after_changes_and_daily(target: FakeTarget) -> None:
    """At the start, after an adoption or an erasure, and once a day; not otherwise."""
    made = company()
    keeper = keeper_of(made, target)
    assert not keep(keeper, made)  # Nothing is signed yet.
    sign(made)
    assert keep(keeper, made)
    made.clock.advance(timedelta(hours=1))
    sign(made)
    assert not keep(keeper, made)
    address = CONTACTS["person:eli"].email
    changed = texts().catalogue.replace(f'"{address}"', '"eli@elsewhere.example"')
    adopt(made.world.log, made.clock, replace(texts(), catalogue=changed), COMMITTEE)
    assert keep(keeper, made)
    made.clock.advance(timedelta(hours=23))
    assert not keep(keeper, made)
    made.clock.advance(timedelta(hours=2))
    assert keep(keeper, made)
    made.clock.advance(timedelta(minutes=1))
    erase(made, "person:eli")
    assert not keep(keeper, made)  # Not before its entry is signed.
    sign(made)
    assert keep(keeper, made)
    assert len(made.events(PersonalSaved)) == 4


def test_old_backups_are_let_go(target: FakeTarget) -> None:
    """A backup older than its retention is removed; so is one that knows somebody who
    was erased since.
    """
    made = company()
    keeper = keeper_of(made, target)
    for _ in range(33):
        sign(made)
        keep(keeper, made)
        made.clock.advance(DAY)
    assert len(files(target)) == 29
    erase(made, "person:ana")
    sign(made)
    assert keep(keeper, made)
    assert len(files(target)) == 1
    rows = unseal(ESCROW, target.files[f"personal/{NEWEST}"], "").rows
    assert "person:ana" not in rows
    assert "person:ben" in rows


def test_what_the_place_does_not_let_go_is_counted(
    target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where credentials may not delete, the place itself must; the entry says so."""
    made = company()
    keeper = keeper_of(made, target)
    sign(made)
    keep(keeper, made)
    monkeypatch.setattr(FakeTarget, "remove", lambda *_: False)
    made.clock.advance(30 * DAY)
    sign(made)
    keep(keeper, made)
    assert [e.left for e in made.events(PersonalSaved)] == [0, 1]


def test_erasures_are_replayed_over_an_older_backup(target: FakeTarget) -> None:
    """A backup from before an erasure does not bring the person back."""
    made = company()
    sign(made)
    keep(keeper_of(made, target), made)
    before = dict(target.files)
    erase(made, "person:ana")
    sign(made)
    target.files = before
    assert "person:ana" in unseal(ESCROW, before[f"personal/{NEWEST}"], "").rows
    log, back = restore(made, target)
    assert log.store.person("person:ana") is None
    assert back.rows == len(CONTACTS) - 1
    assert (back.missing, back.older) == ((), ())
    assert "person:ana" not in log.people.all()


def test_a_contact_older_than_the_adopted_is_told(target: FakeTarget) -> None:
    """Who has another address since the backup is named: the commitment tells."""
    made = company()
    sign(made)
    keep(keeper_of(made, target), made)
    address = CONTACTS["person:eli"].email
    changed = texts().catalogue.replace(f'"{address}"', '"eli@elsewhere.example"')
    made.clock.advance(DAY)
    adopt(made.world.log, made.clock, replace(texts(), catalogue=changed), COMMITTEE)
    _, back = restore(made, target)
    assert back.older == ("person:eli",)


def damaged(data: bytes) -> dict[str, bytes]:
    """Return the ways in which a backup may be spoiled."""
    form, manifest, body = data.split(b"\n", 2)
    values = json.loads(manifest)
    other = json.dumps({**values, "at": "2030-01-01T00:00:00+00:00"}).encode()
    return {
        "empty": b"",
        "cut": data[: len(data) // 2],
        "cut by one": data[:-1],
        "a bit": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        "its manifest": b"\n".join([form, other, body]),
        "no manifest": b"\n".join([form, b"{}", body]),
        "no form": data[3:],
        "no JSON": b"\n".join([form, b"{", body]),
        "a list": b"\n".join([form, b"[]", body]),
        "a word": b"\n".join([form, manifest.replace(b"4", b'"4"'), body]),
    }


WAYS = [
    "empty", "cut", "cut by one", "a bit", "its manifest", "no manifest", "no form",
    "no JSON", "a list", "a word",
]  # fmt: skip


@pytest.mark.parametrize("how", WAYS)
def test_a_spoiled_backup_is_named_and_an_older_one_taken(
    how: str, target: FakeTarget
) -> None:
    """What does not open is ignored by name; where nothing opens, that is the error."""
    made = company()
    keeper = keeper_of(made, target)
    sign(made)
    keep(keeper, made)
    made.clock.advance(2 * DAY)
    sign(made)
    keep(keeper, made)
    newest = f"personal/{NEWEST}"
    spoiled = damaged(target.files[newest])[how]
    older, newer = files(target)
    target.files[newest] = target.files[f"personal/{newer}"] = spoiled
    _, back = restore(made, target)
    assert back.rows == len(CONTACTS)
    assert [one.partition(":")[0] for one in back.ignored] == [NEWEST, newer]
    assert all("damaged" in one for one in back.ignored)
    target.files[f"personal/{older}"] = spoiled
    with pytest.raises(StoreError, match=r"can be taken: newest\.sealed") as told:
        restore(made, target)
    assert told.value.hint
    assert told.value.where == "s3://fake/log/personal"


def test_another_escrow_key_is_told_apart_from_damage(target: FakeTarget) -> None:
    """The wrong key is named by its id, and the right one too; nothing is written."""
    made = company()
    sign(made)
    keep(keeper_of(made, target), made)
    other = Escrow(bytes(32))
    with pytest.raises(StoreError, match=f"key {ESCROW.id}, this one is {other.id}"):
        restore(made, target, other)
    assert bytes(range(32)).hex() not in ESCROW.id


def test_a_backup_of_another_log_is_not_taken(target: FakeTarget) -> None:
    """Neither another origin, nor another history, nor a longer log's is believed."""
    made = company()
    sign(made)
    keep(keeper_of(made, target), made)
    other = company()
    other.clock.advance(DAY)
    sign(other)
    with pytest.raises(StoreError, match="another history of this log"):
        restore(other, target)
    made.owe(channel="slack", recipients=["channel:irt"])
    sign(made)
    place = PersonalPlace(target, ESCROW, "personal/")
    with pytest.raises(StoreError, match="belongs to another log, northwind"):
        restore_people(made.world.log, place, "other.example/log")
    keep(keeper_of(made, target), made)
    target.files = {p: d for p, d in target.files.items() if "00004-" not in p}
    with pytest.raises(StoreError, match="there are 0: look for a newer copy"):
        restore_people(company(adopted=False).world.log, place, ORIGIN)


def test_no_backup_is_no_error(target: FakeTarget) -> None:
    """Where there never was one, those of whom nothing is kept are named."""
    made = company()
    log, back = restore(made, target)
    assert (back.manifest, back.rows) == (None, 0)
    assert set(back.missing) == set(CONTACTS)
    assert log.people.all() == {}


def test_a_place_out_of_reach_is_told_once(target: FakeTarget) -> None:
    """That saving fails is one entry, that it works again another."""
    made = company()
    keeper = keeper_of(made, target)
    sign(made)
    target.fails = lambda _: "lost"
    assert keep(keeper, made)
    assert not keep(keeper, made)
    made.clock.advance(timedelta(minutes=1))
    assert keep(keeper, made)
    target.fails = lambda _: ""
    made.clock.advance(timedelta(minutes=1))
    assert keep(keeper, made)
    assert len(made.events(PublishFailing)) == 1
    assert len(made.events(PublishRecovered)) == 1
    assert len(made.events(PersonalSaved)) == 1


def test_settings_come_back_too(target: FakeTarget) -> None:
    """A node's settings are among what is saved, and no adoption removes them."""
    made = company()
    made.world.log.people.keep_settings("node-1", "port = 1\n")
    made.world.log.people.keep_settings("node-1", "port = 2\n")
    adopt(made.world.log, made.clock, texts(), COMMITTEE)
    sign(made)
    keep(keeper_of(made, target), made)
    _, back = restore(made, target)
    assert back.settings == {"settings:holdfast.toml:node-1": "port = 2\n"}


def test_nothing_is_saved_before_an_erasure_is_signed(target: FakeTarget) -> None:
    """A backup that could not say that it knows an erasure is not made."""
    made = company()
    sign(made)
    erase(made, "person:ana")
    keeper = keeper_of(made, target)
    with pytest.raises(HoldfastError, match="erasure is not signed yet"):
        keeper.save(made.world.log.state(), made.clock.now())
    assert target.files == {}
