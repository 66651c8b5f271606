"""The company that the use cases are tested on, in a simulated world.

Its texts are those of the company in a box; the world is `simulation.run.begin`, over
a store of choice, with channels that do what a script says.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w

from holdfast.demo import northwind
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.notice import ChannelName, NoticeDue
from holdfast.domain.events.observation import VantageChanged
from holdfast.engines.scripted import Script, Scripted
from holdfast.journal import Fact, Recorded, read
from holdfast.ledger.checkpoint import Signer
from holdfast.operations import respond
from holdfast.operations.approving import approve
from holdfast.operations.authority import SignIn
from holdfast.operations.beat import beat, work
from holdfast.operations.deliver import parcels_of
from holdfast.operations.govern import Texts, adopt
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports.channel import Accepted, Channel, Message, Rejected
from holdfast.operations.ports.engine import Engine
from holdfast.operations.ports.store import Store
from holdfast.operations.respond import Desk
from holdfast.operations.world import Inbox, World
from holdfast.simulation.clock import JumpingClock
from holdfast.simulation.parts import KeepingChannel, KeptPage, PromptHands
from holdfast.storage.keyring import HomeKeyring
from holdfast.storage.memory import MemoryStore

START = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
SERVICE = northwind.SERVICE
DATASTORE = northwind.DATASTORE
COMMITTEE, LEAD, RESPONDER, SUCCESS = "ana", "dora", "eli", "gus"
SEED = bytes(32)


@cache
def texts(engine: str = "scripted") -> Texts:
    """Return the company's policy, catalogue and overlay."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        northwind.write_resilience(folder, shop_port=9, engine=engine)
        return Texts(
            policy=(folder / "policy.md").read_text("utf-8"),
            catalogue=(folder / "catalogue.toml").read_text("utf-8"),
            overlay=(folder / "overlay.toml").read_text("utf-8"),
        )


@dataclass(slots=True)
class ScriptedChannel:
    """Answers as scripted, and takes every message once the script is used up.

    A step that is a function is called, and its answer given, unless it raises.
    """

    name: str
    clock: JumpingClock
    script: deque[Rejected | Callable[[], None]] = field(default_factory=deque)
    tried: list[tuple[str, str]] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)

    def send(self, message: Message, address: str) -> Accepted | Rejected:
        """Answer with the script's next step."""
        self.tried.append((message.key, address))
        step = self.script.popleft() if self.script else None
        if isinstance(step, Rejected):
            return step
        self.taken.append((message.key, address))
        if step is not None:
            step()
        return Accepted(f"{self.name}/{len(self.taken)}", self.clock.now())


@dataclass(slots=True)
class Company:
    """A node of the company, with everything in reach of a test."""

    world: World
    clock: JumpingClock
    kept: Mapping[ChannelName, KeepingChannel]
    engine: Scripted

    def beat(self, times: int = 1) -> None:
        """Beat, half a minute apart."""
        for _ in range(times):
            beat(self.world)
            if self.world.shippers:
                work(self.world)
            self.clock.advance(timedelta(seconds=30))

    def turn(self, *, ok: bool, since: datetime | None = None) -> None:
        """Let every vantage point see the service turn."""
        at = since or self.clock.now()
        self.world.inbox.put(turns(at, ok=ok))

    def entries(self) -> list[Recorded]:
        """Return every entry of the log."""
        return entries(self.world.store)

    def events(self, kind: type[Event]) -> list[Event]:
        """Return every event of one kind."""
        return [e.event for e in self.entries() if isinstance(e.event, kind)]

    def owe(self, *, channel: ChannelName, recipients: Sequence[str]) -> NoticeDue:
        """Record a notice as due, with its parcels."""
        now = self.clock.now()
        notice = NoticeDue(
            notice=f"test/{self.world.store.size()}",
            incident="test",
            duty="alert",
            stage="opened",
            channel=channel,
            recipients=tuple(recipients),
            count=len(recipients),
            subject="Disruption",
            text="It fails.",
            at=now,
            due_at=now + timedelta(minutes=5),
        )
        facts = [Fact(notice, now)]
        situation = self.world.situation()
        assert situation is not None
        self.world.log.record(facts, parcels=parcels_of(facts, situation.rules))
        return notice


def edited(given: Texts, edit: Callable[[dict[str, Any]], None] | None) -> Texts:
    """Return the texts with the catalogue changed."""
    if edit is None:
        return given
    catalogue = tomllib.loads(given.catalogue)
    edit(catalogue)
    return replace(given, catalogue=tomli_w.dumps(catalogue))


def keyring() -> HomeKeyring:
    """Return the key of the company's personal data; the same for every node."""
    return HomeKeyring(bytes(32), "people.key")


def signed(person: str, at: datetime) -> SignIn:
    """Return a sign-in that has just been made."""
    return SignIn(person, "password", at, at + timedelta(minutes=30), "0badcafe")


def recover(made: Company, *, repository: int = 2, by: str = RESPONDER) -> str:
    """Order a recovery and have it approved; return its name."""
    world, now = made.world, made.clock.now()
    desk = Desk(world.log, world.clock, by, signed(by, now))
    ordered = respond.order_recovery(desk, DATASTORE, repository=repository)
    second = LEAD if by != LEAD else RESPONDER
    approve(Desk(world.log, world.clock, second, signed(second, now)), ordered.recovery)
    return ordered.recovery


def turns(at: datetime, *, ok: bool) -> list[Fact]:
    """Return the service's turn as every vantage point sees it."""
    word = "green" if ok else "red"
    names = ("melbourne", "singapore", "frankfurt")
    return [Fact(VantageChanged(SERVICE, name, ok, at, word), at) for name in names]


def entries(store: Store) -> list[Recorded]:
    """Return every entry of a store."""
    return [read(i, data) for i, data in enumerate(store.read(0, store.size()))]


def company(
    store: Store | None = None,
    *,
    adopted: bool = True,
    channels: Mapping[ChannelName, Channel] | None = None,
    script: Script | None = None,
    engine_datastores: tuple[str, ...] = (DATASTORE,),
    edit: Callable[[dict[str, Any]], None] | None = None,
) -> Company:
    """Open the company over a store, on the fourth of November 2026.

    ``edit`` changes its catalogue before it is adopted.
    """
    store = MemoryStore() if store is None else store
    clock = JumpingClock(START)
    log = Log(store, "node-1", clock, keyring)
    if adopted:
        adopt(log, clock, edited(texts(), edit), COMMITTEE)
    names: tuple[ChannelName, ...] = ("slack", "email", "status_page")
    kept = {name: KeepingChannel(name, clock) for name in names}
    engine = Scripted(clock, engine_datastores, script or Script())
    engines: dict[str, Engine] = {"scripted": engine}
    inbox = Inbox()
    world = World(
        log=log,
        store=store,
        clock=clock,
        inbox=inbox,
        hands=PromptHands(inbox),
        channels={**kept, **(channels or {})},
        engines=engines,
        notary=Notary(store, Signer("northwind.example/log", SEED)),
        lookout=KeptPage(kept["status_page"]),
        addresses={"channel:irt": "C0IRT", "page:status": "page"},
        host="here",
    )
    return Company(world, clock, kept, engine)


def with_channels(made: Company, **channels: Channel) -> Company:
    """Return the company with other channels in place."""
    known: dict[str, Channel] = {**made.world.channels, **channels}
    made.world = replace(made.world, channels=known)  # type: ignore[arg-type]
    return made
