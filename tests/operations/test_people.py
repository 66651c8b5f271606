"""Names and addresses: apart from what is adopted, and gone once they are erased."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.operations.company import (
    COMMITTEE,
    Company,
    ScriptedChannel,
    company,
    keyring,
    texts,
    with_channels,
)

from holdfast.domain.declare import parse_catalogue
from holdfast.domain.events.governance import CatalogueAdopted
from holdfast.domain.events.notice import CUSTOMERS_OF, DeliveryFailed, NoticeDelivered
from holdfast.domain.events.people import PersonErased
from holdfast.domain.separation import commitments_of, contacts_of, separate
from holdfast.errors import FaultsError, HoldfastError
from holdfast.journal import Fact
from holdfast.operations.deliver import deliver
from holdfast.operations.govern import Texts, adopt
from holdfast.operations.log import Log
from holdfast.operations.people import Kept
from holdfast.operations.ports.channel import Accepted, Message, Rejected
from holdfast.operations.ports.people import PersonalChange, SealedRow
from holdfast.storage.keyring import HomeKeyring
from holdfast.storage.memory import MemoryStore

WRITTEN = parse_catalogue(texts().catalogue)
PERSONAL = {
    word
    for contact in contacts_of(WRITTEN).values()
    for word in (contact.name, contact.email, contact.slack, contact.phone)
    if word
}


def take(made: Company, given: Texts, person: str = COMMITTEE) -> None:
    """Adopt the texts, a moment later."""
    made.clock.advance(timedelta(seconds=1))
    adopt(made.world.log, made.clock, given, person)


def in_force(made: Company) -> str:
    """Return the adopted catalogue's text."""
    adopted = made.world.log.state().adopted.catalogue
    assert adopted is not None
    return (made.world.store.blob(adopted.digest) or b"").decode()


def erase(made: Company, reference: str) -> None:
    """Erase somebody, as the use case does it."""
    now = made.clock.now()
    event = PersonErased(reference, "request", "", (), COMMITTEE, now)
    gone = PersonalChange(erase=(reference,))
    made.world.log.record([Fact(event, now)], personal=gone)


class Store(MemoryStore):
    """A store that shows everything it keeps but the rows under keys."""

    def bytes_beside(self) -> bytes:
        """Return entries, texts and outbox."""
        parcels = [repr(slot.parcel).encode() for slot in self._outbox.values()]
        return b"\n".join([*self._entries, *self._blobs.values(), *parcels])


def test_nothing_personal_is_adopted() -> None:
    """No name, address or number of the catalogue stands in an entry, in a text beside
    the log, or in the outbox; and the rules that follow are the same.
    """
    made = company(store := Store())
    made.owe(channel="email", recipients=[f"{CUSTOMERS_OF}checkout"])
    made.turn(ok=False)
    made.beat(3)
    kept = store.bytes_beside().decode()
    assert [word for word in PERSONAL if word in kept] == []
    sealed = b"".join(row.key + row.data for row in store.people())
    assert [word for word in PERSONAL if word.encode() in sealed] == []
    read = parse_catalogue(in_force(made), adopted=True)
    assert [(p.id, p.roles) for p in read.people] == [
        (p.id, p.roles) for p in WRITTEN.people
    ]
    assert [(c.id, c.services) for c in read.customers] == [
        (c.id, c.services) for c in WRITTEN.customers
    ]
    assert read.services == WRITTEN.services
    assert read.datastores == WRITTEN.datastores


def test_a_commitment_is_salted_and_can_be_opened() -> None:
    """With contact and salt anybody recomputes a commitment; without the salt a guess
    of the contact does not help.
    """
    made = company()
    commitments = commitments_of(parse_catalogue(in_force(made), adopted=True))
    kept = made.world.log.people.all()
    assert commitments.keys() == kept.keys() == contacts_of(WRITTEN).keys()
    for reference, one in kept.items():
        assert one.commitment(reference) == commitments[reference]
        assert len(one.salt) == 64
    ana = kept["person:ana"]
    values = json.loads(ana.as_json())
    salt = values.pop("salt")
    data = f"{salt}\nperson:ana\n{json.dumps(values, sort_keys=True)}"
    assert hashlib.sha256(data.encode()).hexdigest() == commitments["person:ana"]
    bare = Kept(ana.contact, "")
    assert bare.commitment("person:ana") != commitments["person:ana"]
    other = company().world.log.people.all()["person:ana"]
    assert other.commitment("person:ana") != commitments["person:ana"]


def test_again_is_the_same_and_a_change_is_a_new_commitment() -> None:
    """The same catalogue is not adopted twice; another address is another text."""
    made = company()
    size = made.world.store.size()
    take(made, texts())
    assert made.world.store.size() == size
    before = commitments_of(parse_catalogue(in_force(made), adopted=True))
    address = contacts_of(WRITTEN)["person:ana"].email
    changed = texts().catalogue.replace(f'"{address}"', '"ana@elsewhere.example"')
    take(made, replace(texts(), catalogue=changed))
    after = commitments_of(parse_catalogue(in_force(made), adopted=True))
    assert {n for n in after if after[n] != before[n]} == {"person:ana"}
    kept = made.world.log.people.kept("person:ana")
    assert kept is not None
    assert kept.contact.email == "ana@elsewhere.example"


def test_who_is_no_longer_named_is_no_longer_kept() -> None:
    """A customer taken out of the catalogue leaves no row behind."""
    made = company()
    head, *tables = texts().catalogue.split("[[customers]]")
    fewer = "[[customers]]".join([head, *tables[1:]])
    take(made, replace(texts(), catalogue=fewer))
    left = parse_catalogue(fewer)
    assert made.world.log.people.all().keys() == contacts_of(left).keys()


def old_form(made: Company) -> str:
    """Put the catalogue in force as an older Holdfast did: whole, beside the log."""
    now = made.clock.advance(timedelta(seconds=1)) or made.clock.now()
    digest = made.world.store.put_blob(texts().catalogue.encode())
    rows = tuple(row.reference for row in made.world.store.people())
    made.world.log.record(
        [Fact(CatalogueAdopted(digest, COMMITTEE, now), now)],
        personal=PersonalChange(erase=rows),
    )
    return digest


def test_an_old_log_works_and_is_moved_by_adopting_anew() -> None:
    """A catalogue adopted whole by an older Holdfast is read and written to; adopting
    the same folder anew takes the details out of it.
    """
    made = company()
    old_form(made)
    mail = ScriptedChannel("email", made.clock)
    made = with_channels(made, email=mail)
    made.owe(channel="email", recipients=["person:ana"])
    deliver(made.world, "email")
    assert mail.taken[0][1] == contacts_of(WRITTEN)["person:ana"].email
    take(made, texts())
    read = parse_catalogue(in_force(made), adopted=True)
    assert contacts_of(read) == {}
    made.owe(channel="email", recipients=["person:ana"])
    deliver(made.world, "email")
    assert mail.taken[1][1] == mail.taken[0][1]


def test_who_was_erased_gets_nothing_and_may_nothing() -> None:
    """Their deliveries are abandoned for that reason, the others go out; their role is
    gone; and everything still folds and decides.
    """
    made = company()
    mail = ScriptedChannel("email", made.clock)
    made = with_channels(made, email=mail)
    made.owe(channel="email", recipients=["person:ana", "person:dora"])
    erase(made, "person:ana")
    deliver(made.world, "email")
    (failed,) = made.events(DeliveryFailed)
    assert isinstance(failed, DeliveryFailed)
    assert failed.reason == "person:ana was erased"
    assert failed.permanent
    (closed,) = made.events(NoticeDelivered)
    assert isinstance(closed, NoticeDelivered)
    assert (closed.delivered, closed.abandoned) == (1, 1)
    situation = made.world.situation()
    assert situation is not None
    assert "ana" not in [p.id for p in situation.rules.catalogue.people]
    with pytest.raises(HoldfastError, match="may not adopt"):
        take(made, replace(without(texts(), "ana"), overlay=None), "ana")
    made.turn(ok=False)
    made.beat(4)


def without(given: Texts, person: str) -> Texts:
    """Return the texts without a person."""
    head, *tables = given.catalogue.split("[[people]]")
    kept = [one for one in tables if f'id = "{person}"' not in one]
    return replace(given, catalogue="[[people]]".join([head, *kept]))


def test_who_was_erased_is_not_adopted_again() -> None:
    """A catalogue that names an erased person is refused, and nothing changes."""
    made = company()
    erase(made, "person:eli")
    size = made.world.store.size()
    with pytest.raises(FaultsError) as told:
        take(made, texts())
    (fault,) = told.value.faults
    assert fault.message.startswith("person:eli was erased on 2026-11-04")
    assert fault.hint
    assert made.world.store.size() == size
    assert made.world.store.person("person:eli") is None
    take(made, replace(without(texts(), "eli"), overlay=None))


def test_an_erased_customer_is_not_replaced_by_everybody() -> None:
    """If the only customer of a service was erased, the others get no letter for it."""
    catalogue = replace(
        WRITTEN,
        customers=tuple(
            replace(c, services=("checkout",) if n == 0 else ("other",))
            for n, c in enumerate(WRITTEN.customers)
        ),
    )
    name = catalogue.customers[0].id
    left = catalogue.without({f"customer:{name}"})
    service = frozenset({"checkout"})
    assert [c.id for c in catalogue.affected_customers(service)] == [name]
    assert left.affected_customers(service) == ()
    assert [c.id for c in left.affected_customers(service, erased=True)] == [name]


def test_what_a_restored_database_brings_back_is_read_by_nobody() -> None:
    """A row of somebody erased is not used, and is destroyed when a node starts."""
    made = company(store := MemoryStore())
    row = store.person("person:ana")
    assert row is not None
    erase(made, "person:ana")
    store.append([], now=made.clock.now(), personal=PersonalChange(keep=(row,)))
    mail = ScriptedChannel("email", made.clock)
    made = with_channels(made, email=mail)
    made.owe(channel="email", recipients=["person:ana"])
    deliver(made.world, "email")
    assert mail.tried == []
    log = Log(store, "node-2", made.clock, keyring)
    assert log.people.replay(log.state().erasures) == 1
    assert store.person("person:ana") is None
    assert log.people.replay(log.state().erasures) == 0


@pytest.mark.parametrize("how", ["no row", "another key", "altered"])
def test_an_address_that_is_only_missing_is_waited_for(how: str) -> None:
    """Where the row or its key is not there, the letter waits; it is not given up."""
    made = company(store := MemoryStore())
    row = store.person("person:ana")
    assert row is not None
    spoiled = {
        "no row": PersonalChange(erase=("person:ana",)),
        "another key": PersonalChange(
            keep=(HomeKeyring(b"\x01" * 32, "").seal("person:ana", b"{}"),)
        ),
        "altered": PersonalChange(
            keep=(SealedRow("person:ana", row.key, row.data[:-1] + b"\x00"),)
        ),
    }
    store.append([], now=made.clock.now(), personal=spoiled[how])
    mail = ScriptedChannel("email", made.clock)
    made = with_channels(made, email=mail)
    made.owe(channel="email", recipients=["person:ana"])
    deliver(made.world, "email")
    (failed,) = made.events(DeliveryFailed)
    assert isinstance(failed, DeliveryFailed)
    assert not failed.permanent
    assert "person:ana" in failed.reason
    store.append([], now=made.clock.now(), personal=PersonalChange(keep=(row,)))
    made.clock.advance(timedelta(minutes=10))
    deliver(made.world, "email")
    assert len(mail.taken) == 1


class Quoting(ScriptedChannel):
    """A relay that quotes whom it writes to, in its receipt and in its refusals."""

    def send(self, message: Message, address: str) -> Accepted | Rejected:
        """Quote."""
        del message
        quoted = f"550 <{address}> Ana Alves aka alias@corp.example {'0a' * 20}@we"
        if self.script:
            self.script.popleft()
            return Rejected(quoted)
        return Accepted(f"250 queued for {quoted}", self.clock.now())


def test_what_relays_quote_stays_out() -> None:
    """Neither entries nor receipts hold an address or a name that a relay quoted; the
    message's own id stays.
    """
    made = company(store := Store())
    relay = Quoting("email", made.clock, deque([Rejected("")]))
    made = with_channels(made, email=relay)
    made.owe(channel="email", recipients=["person:ana", "person:ben"])
    for _ in range(2):
        deliver(made.world, "email")
        made.clock.advance(timedelta(minutes=10))
    assert made.events(DeliveryFailed)
    (closed,) = made.events(NoticeDelivered)
    assert isinstance(closed, NoticeDelivered)
    receipts = (store.blob(closed.receipts) or b"").decode()
    assert "person:ana" in receipts
    assert "0a" * 20 + "@we" in receipts
    kept = store.bytes_beside().decode()
    assert [w for w in (*PERSONAL, "alias@corp") if w in kept] == []


def test_the_adopted_form_is_not_what_people_write() -> None:
    """A commitment in a file that people wrote is a fault: it is made at adoption."""
    made = company()
    with pytest.raises(FaultsError) as told:
        take(made, replace(texts(), catalogue=in_force(made)))
    assert any("contact" in fault.message for fault in told.value.faults)
    text = separate(texts().catalogue, dict.fromkeys(contacts_of(WRITTEN), "c0"))
    assert separate(texts().catalogue, dict.fromkeys(contacts_of(WRITTEN), "c0")) == (
        text
    )


@pytest.mark.parametrize("text", ["", "7", "[]", "{}", '{"salt": 1}', '{"salt": "a"}'])
def test_what_is_not_ours_is_told(text: str) -> None:
    """A row whose content is none is told with a way out."""
    with pytest.raises(HoldfastError, match="not as Holdfast writes it") as told:
        Kept.from_json(text)
    assert told.value.hint
