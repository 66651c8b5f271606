"""Runs the real beat over simulated time: the same policy and code as every day.

Nothing is random: the same story gives the same log, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.domain.controls.all import owed_by_all
from holdfast.domain.controls.judging import Duty, Situation
from holdfast.domain.events.notice import ChannelName
from holdfast.domain.events.observation import VantageChanged
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer
from holdfast.operations.beat import beat
from holdfast.operations.govern import Texts, adopt
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports.channel import Channel
from holdfast.operations.world import Inbox, World
from holdfast.simulation.clock import JumpingClock
from holdfast.simulation.parts import Draws, KeepingChannel, KeptPage, PromptHands
from holdfast.storage.keyring import HomeKeyring
from holdfast.storage.memory import MemoryStore

SEED = bytes(32)
BEAT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Outage:
    """A service that is red from ``after`` the start on, for ``lasts``."""

    service: str
    after: timedelta
    lasts: timedelta


@dataclass(slots=True)
class Simulation:
    """A simulated node: its world, its clock, and what it told."""

    world: World
    clock: JumpingClock
    kept: Mapping[ChannelName, KeepingChannel]

    def situation(self) -> Situation:
        """Return the situation at the simulated moment."""
        situation = self.world.situation()
        assert situation is not None, "a simulation begins with an adoption"
        return situation

    def duties(self) -> tuple[Duty, ...]:
        """Return every duty, settled ones included."""
        return owed_by_all(self.situation())


def begin(
    texts: Texts,
    person: str,
    start: datetime,
    channels: Mapping[ChannelName, Channel] | None = None,
) -> Simulation:
    """Adopt the texts in a fresh simulated world.

    ``channels`` replace simulated ones: a real relay can receive simulated letters.
    """
    clock = JumpingClock(start)
    store = MemoryStore()
    ring = HomeKeyring(SEED, "simulated.invalid", Draws())
    log = Log(store, "simulated", clock, lambda: ring)
    adopt(log, clock, texts, person)
    names: tuple[ChannelName, ...] = ("slack", "email", "status_page")
    kept = {name: KeepingChannel(name, clock) for name in names}
    inbox = Inbox()
    signer = Signer("simulated.invalid/log", SEED)
    world = World(
        log=log,
        store=store,
        clock=clock,
        inbox=inbox,
        hands=PromptHands(inbox),
        channels={**kept, **(channels or {})},
        engines={},
        notary=Notary(store, signer),
        lookout=KeptPage(kept["status_page"]),
        addresses={"channel:irt": "C0IRT", "page:status": "page"},
        host="simulated",
    )
    return Simulation(world, clock, kept)


def run(
    simulation: Simulation,
    outages: Sequence[Outage],
    length: timedelta,
    progress: Callable[[timedelta], None] | None = None,
) -> None:
    """Beat through the length, with the outages seen from every vantage point."""
    start = simulation.clock.now()
    turns = _turns(simulation, outages, start)
    passed = timedelta(0)
    while passed < length:
        now = simulation.clock.now()
        due = [turn for turn in turns if turn.since <= now]
        turns = [turn for turn in turns if turn.since > now]
        simulation.world.inbox.put([Fact(turn, turn.since) for turn in due])
        beat(simulation.world)
        simulation.clock.advance(BEAT)
        passed += BEAT
        if progress is not None:
            progress(passed)


def _turns(
    simulation: Simulation, outages: Sequence[Outage], start: datetime
) -> list[VantageChanged]:
    catalogue = simulation.situation().rules.catalogue
    turns = [
        VantageChanged(service.id, vantage.id, True, start, "green")
        for service in catalogue.services
        for vantage in catalogue.vantage_points
    ]
    for outage in outages:
        red = start + outage.after
        for ok, since in ((False, red), (True, red + outage.lasts)):
            word = "green" if ok else "red"
            turns.extend(
                VantageChanged(outage.service, vantage.id, ok, since, word)
                for vantage in catalogue.vantage_points
            )
    return sorted(turns, key=lambda turn: turn.since)
