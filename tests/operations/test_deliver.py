"""Delivery: at least once under a stable key, every failure recorded, nothing lost."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from tests.operations.company import (
    SERVICE,
    START,
    Company,
    ScriptedChannel,
    company,
    with_channels,
)

from holdfast.domain.events.notice import (
    CUSTOMERS_OF,
    ChannelName,
    DeliveryFailed,
    NoticeDelivered,
)
from holdfast.operations.deliver import deliver as deliver_by
from holdfast.operations.ports.channel import Accepted, Message, Rejected
from holdfast.operations.ports.store import Store
from holdfast.operations.world import World
from holdfast.storage.memory import MemoryStore
from holdfast.storage.opening import open_store


class CrashError(BaseException):
    """The node dies at this very moment."""


def crash() -> None:
    """Die."""
    raise CrashError


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Return a store; transactions matter here, so SQLite is one."""
    if request.param == "memory":
        yield MemoryStore()
        return
    opened = open_store(f"sqlite://{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def made(store: Store) -> Company:
    """Return a company whose three channels follow a script."""
    ours = company(store)
    channels = {
        name: ScriptedChannel(name, ours.clock)
        for name in ("slack", "email", "status_page")
    }
    return with_channels(ours, **channels)


def deliver(world: World) -> None:
    """Deliver by every channel."""
    for name in get_args(ChannelName):
        deliver_by(world, name)


def channel(made: Company, name: ChannelName) -> ScriptedChannel:
    """Return a channel's script."""
    found = made.world.channels[name]
    assert isinstance(found, ScriptedChannel)
    return found


def failures(made: Company) -> list[DeliveryFailed]:
    """Return the recorded failures."""
    return [e for e in made.events(DeliveryFailed) if isinstance(e, DeliveryFailed)]


def delivered(made: Company) -> list[NoticeDelivered]:
    """Return the notices recorded as delivered."""
    return [e for e in made.events(NoticeDelivered) if isinstance(e, NoticeDelivered)]


def test_taken_at_once(made: Company) -> None:
    """A message that is taken is sent once, and closed with its sealed receipts."""
    notice = made.owe(channel="slack", recipients=["channel:irt"])
    deliver(made.world)
    deliver(made.world)
    assert channel(made, "slack").tried == [(f"{notice.notice}>channel:irt", "C0IRT")]
    (closed,) = delivered(made)
    assert (closed.delivered, closed.abandoned, closed.possible_repeats) == (1, 0, 0)
    sealed = json.loads(made.world.store.blob(closed.receipts) or b"")
    assert [row["receipt"] for row in sealed] == ["slack/1"]
    assert [row["recipient"] for row in sealed] == ["channel:irt"]
    assert made.world.store.unsettled() == 0


def test_transient_failure(made: Company) -> None:
    """A message not taken is tried again at the recorded moment, not before."""
    made.owe(channel="slack", recipients=["channel:irt"])
    channel(made, "slack").script.append(Rejected("Slack answered 503"))
    deliver(made.world)
    (failed,) = failures(made)
    assert failed.retry_at == made.clock.now() + timedelta(seconds=2)
    assert (failed.permanent, failed.uncertain, failed.attempt) == (False, False, 1)
    made.clock.advance(timedelta(seconds=1))
    deliver(made.world)
    assert len(channel(made, "slack").tried) == 1
    made.clock.advance(timedelta(seconds=1))
    deliver(made.world)
    (closed,) = delivered(made)
    assert (closed.delivered, closed.possible_repeats) == (1, 0)


def test_retry_after(made: Company) -> None:
    """The other side's wish for a later retry is followed."""
    made.owe(channel="slack", recipients=["channel:irt"])
    wish = timedelta(minutes=3)
    channel(made, "slack").script.append(Rejected("slow down", retry_after=wish))
    deliver(made.world)
    assert failures(made)[0].retry_at == START + wish
    made.clock.advance(wish - timedelta(seconds=1))
    deliver(made.world)
    assert len(channel(made, "slack").tried) == 1
    made.clock.advance(timedelta(seconds=1))
    deliver(made.world)
    assert len(channel(made, "slack").taken) == 1


def test_pauses_grow(made: Company) -> None:
    """Pauses between attempts double, up to two minutes, and every one is recorded."""
    made.owe(channel="slack", recipients=["channel:irt"])
    channel(made, "slack").script.extend([Rejected("no")] * 9)
    for _ in range(10):
        deliver(made.world)
        made.clock.advance(timedelta(minutes=2))
    pauses = [f.retry_at - f.at for f in failures(made) if f.retry_at is not None]
    expected = [2, 4, 8, 16, 32, 64, 120, 120, 120]
    assert [pause.total_seconds() for pause in pauses] == expected
    assert [failed.attempt for failed in failures(made)] == list(range(1, 10))
    assert delivered(made)[0].possible_repeats == 0


def test_permanent_failure(made: Company) -> None:
    """A message refused for good is abandoned, and its notice is closed as such."""
    made.owe(channel="email", recipients=["person:ana", "person:eli"])
    channel(made, "email").script.append(Rejected("550 no such user", permanent=True))
    deliver(made.world)
    (failed,) = failures(made)
    assert failed.permanent
    assert failed.retry_at is None
    (closed,) = delivered(made)
    assert (closed.delivered, closed.abandoned) == (1, 1)
    made.clock.advance(timedelta(hours=1))
    deliver(made.world)
    assert len(channel(made, "email").tried) == 2


def test_uncertain_failure(made: Company) -> None:
    """A message that may have been taken is tried again under the same key."""
    made.owe(channel="slack", recipients=["channel:irt"])
    channel(made, "slack").script.append(Rejected("cut off", uncertain=True))
    deliver(made.world)
    made.clock.advance(timedelta(minutes=1))
    deliver(made.world)
    assert failures(made)[0].uncertain
    first, second = channel(made, "slack").tried
    assert first == second
    assert delivered(made)[0].possible_repeats == 1


def test_no_channel(made: Company) -> None:
    """A channel that is not connected is a failure on record, and is asked again."""
    world = made.world
    made.world = replace(world, channels={})
    made.owe(channel="email", recipients=["person:ana"])
    deliver(made.world)
    assert failures(made)[0].reason == "no email is connected"
    assert failures(made)[0].retry_at is not None


def test_no_address(made: Company) -> None:
    """A recipient who left the catalogue is abandoned, not waited for."""
    made.owe(channel="email", recipients=["person:nobody", "customer:c99", "odd"])
    deliver(made.world)
    assert channel(made, "email").tried == []
    assert delivered(made)[0].abandoned == 3


def test_customers(made: Company) -> None:
    """A letter to a service's customers goes to each of them once."""
    made.owe(channel="email", recipients=[f"{CUSTOMERS_OF}{SERVICE}"])
    deliver(made.world)
    addresses = [address for _, address in channel(made, "email").taken]
    assert len(addresses) == len(set(addresses)) == 12
    assert delivered(made)[0].delivered == 12
    assert len(delivered(made)) == 1


REASONS = (
    "550 5.1.1 <ANA@northwind.example>: no such user",
    "550 relaying denied for postmaster@other.example",
    f"{'x' * 280} ana@northwind.example",
    f"{'x' * 492} ana@northwind.example",
    "553 'ana@northwind.exam",
)


def test_no_personal_data() -> None:
    """Whatever a relay quotes, no entry of the log ever holds an e-mail address."""
    made = company()
    email = ScriptedChannel("email", made.clock, deque(map(Rejected, REASONS)))
    with_channels(made, email=email)
    made.turn(ok=True)
    made.beat()
    made.turn(ok=False)
    made.beat(times=200)
    made.turn(ok=True)
    made.beat(times=5)
    store = made.world.store
    assert len(failures(made)) == len(REASONS)
    assert not [data for data in store.read(0, store.size()) if b"@" in data]


def test_no_address_in_receipts(made: Company) -> None:
    """A relay that quotes the recipient brings no address into the receipts."""

    class Quoting(ScriptedChannel):
        """Takes everything, and quotes the address."""

        def send(self, message: Message, address: str) -> Accepted:
            """Take it."""
            said = f"250 queued for <{address.upper()}> as 7"
            del message
            return Accepted(said, self.clock.now())

    with_channels(made, email=Quoting("email", made.clock))
    made.owe(channel="email", recipients=["person:ana"])
    deliver(made.world)
    sealed = made.world.store.blob(delivered(made)[0].receipts) or b""
    assert b"northwind" not in sealed.lower()
    assert b"person:ana" in sealed
    assert b"as 7" in sealed


def test_lease_lost_while_sending(made: Company) -> None:
    """A courier whose lease ran out leaves the parcel to the one who took it over."""
    notice = made.owe(channel="slack", recipients=["channel:irt"])

    def overtaken() -> None:
        made.clock.advance(made.world.lease + timedelta(seconds=1))
        deliver(made.world)

    channel(made, "slack").script.append(overtaken)
    deliver(made.world)
    assert (
        channel(made, "slack").tried == [(f"{notice.notice}>channel:irt", "C0IRT")] * 2
    )
    (closed,) = delivered(made)
    assert (closed.delivered, closed.possible_repeats) == (1, 1)


@pytest.mark.parametrize("name", ["slack", "email", "status_page"])
def test_crash_after_sending(made: Company, name: ChannelName) -> None:
    """A node that dies after sending repeats under the same key, on record."""
    recipient = {
        "slack": "channel:irt",
        "email": "person:ana",
        "status_page": "page:status",
    }[name]
    made.owe(channel=name, recipients=[recipient])
    channel(made, name).script.append(crash)
    with pytest.raises(CrashError):
        deliver(made.world)
    deliver(made.world)
    assert len(channel(made, name).tried) == 1, "the lease still lives"
    made.clock.advance(made.world.lease)
    deliver(made.world)
    first, second = channel(made, name).tried
    assert first == second
    (closed,) = delivered(made)
    assert (closed.delivered, closed.possible_repeats) == (1, 1)


def test_crash_before_closing(made: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash after the last receipt is closed by the next courier, without repeat."""
    made.owe(channel="slack", recipients=["channel:irt"])
    with monkeypatch.context() as patch:
        patch.setattr("holdfast.operations.deliver._sealed", lambda *_: crash())
        with pytest.raises(CrashError):
            deliver(made.world)
    assert made.world.store.unsettled() == 0
    assert delivered(made) == []
    deliver(made.world)
    assert len(channel(made, "slack").tried) == 1
    assert delivered(made)[0].possible_repeats == 0


def test_longest_overdue_first(made: Company) -> None:
    """After a standstill the longest overdue goes first."""
    for recipient in ("person:gus", "person:ana", "person:eli"):
        made.owe(channel="email", recipients=[recipient])
        made.clock.advance(timedelta(seconds=1))
    deliver(made.world)
    names = [address.partition("@")[0] for _, address in channel(made, "email").taken]
    assert names == ["gus", "ana", "eli"]


def test_a_hanging_relay_delays_no_other(made: Company) -> None:
    """Letters that nobody takes do not hold up the alert."""
    recipients = [f"{CUSTOMERS_OF}{SERVICE}"]
    made.owe(channel="email", recipients=recipients)

    def hang() -> None:
        made.clock.advance(timedelta(seconds=15))

    channel(made, "email").script = deque([hang] * 12)
    made.clock.advance(timedelta(seconds=1))
    made.owe(channel="slack", recipients=["channel:irt"])
    made.beat()
    taken = channel(made, "slack").taken
    assert len(taken) == 1
