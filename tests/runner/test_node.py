"""A node at work: each fault ends one step, and is told once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.operations.company import COMMITTEE, SERVICE, START, Company, company, texts

from holdfast.domain.catalogue import Probe, VantagePoint
from holdfast.domain.events.governance import LedgerChecked, NodeStarted
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.observation import ProbesSealed, VantageChanged
from holdfast.errors import HoldfastError
from holdfast.journal import Fact, seal
from holdfast.operations.govern import adopt
from holdfast.operations.notary import ForkError
from holdfast.operations.ports.source import Sample
from holdfast.operations.ports.store import Appended, Draft
from holdfast.runner.node import Node
from holdfast.sources.prober import Prober, Target
from holdfast.storage.memory import MemoryStore

PROBE = Probe("http://127.0.0.1:9/", timedelta(minutes=1), timedelta(seconds=1))


class Looking:
    """A look that says what it is told to."""

    def __init__(self) -> None:
        self.ok = True
        self.fault: Exception | None = None

    def look(
        self, service_id: str, vantage: VantagePoint, probe: Probe, now: datetime
    ) -> Sample:
        """Look."""
        del probe
        if self.fault is not None:
            raise self.fault
        return Sample(service_id, vantage.id, now, self.ok, 1.0, "said so")


class Stepped(Prober):
    """A prober without a thread, looking when it is told to."""

    def start(self) -> None:
        """Start no thread."""

    def stop(self) -> None:
        """Stop no thread."""

    def look(self) -> None:
        """Look at everything once."""
        for target in self._targets.values():
            self._look(target)


class House:
    """A node over a simulated company, with the probers that it made."""

    def __init__(self, made: Company) -> None:
        self.made = made
        self.looking = Looking()
        self.probers: list[Stepped] = []
        self.node = Node(
            world=made.world,
            make_prober=self._make,
            version="1",
            beat_every=timedelta(milliseconds=1),
            seal_every=timedelta(minutes=10),
        )

    def _make(self) -> Prober:
        vantages = [VantagePoint(name, name) for name in ("melbourne", "singapore")]
        targets = [Target(SERVICE, vantage, PROBE) for vantage in vantages]
        prober = Stepped(targets, self.looking, self.made.clock)
        self.probers.append(prober)
        return prober

    def step(self, times: int = 1) -> None:
        """Beat, half a minute apart, looking in between."""
        for _ in range(times):
            self.node.once()
            if self.probers:
                self.probers[-1].look()
            self.made.clock.advance(timedelta(seconds=30))

    def events(self, kind: type[Event]) -> list[Event]:
        """Return the events of one kind."""
        return self.made.events(kind)


@pytest.fixture
def house() -> House:
    """Return a house."""
    return House(company())


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Return what was told."""
    with caplog.at_level(logging.ERROR):
        yield caplog


def test_probes_are_recorded(house: House) -> None:
    """Turns are recorded at once, samples sealed now and then, without a gap."""
    house.step(times=45)
    turned = house.events(VantageChanged)
    assert len([e for e in turned if e.ok]) == 2
    seals = [e for e in house.events(ProbesSealed) if e.vantage == "melbourne"]
    assert len(seals) == 2
    assert seals[1].first_at == seals[0].last_at
    assert house.made.world.store.blob(seals[0].digest)


def test_follows_the_catalogue() -> None:
    """A node that was there first begins to probe when a catalogue is adopted."""
    house = House(company(adopted=False))
    house.step(times=2)
    assert house.probers == []
    made = house.made
    adopt(made.world.log, made.clock, texts(), COMMITTEE)
    house.step(times=2)
    assert len(house.probers) == 1
    given = texts()
    # A comment is not adopted: names are taken out of the text before it is kept.
    other = given.catalogue.replace("Northwind Ledgers", "Northwind Books", 1)
    changed = replace(given, catalogue=other)
    adopt(made.world.log, made.clock, changed, COMMITTEE)
    house.step()
    assert len(house.probers) == 2


def test_a_blind_node_still_acts(house: House, log: pytest.LogCaptureFixture) -> None:
    """A fault of the prober is told once, and stops neither beat nor courier."""
    house.step()
    house.looking.fault = ZeroDivisionError()
    house.step(times=3)
    house.made.turn(ok=False)
    house.step(times=4)
    assert house.made.kept["slack"].sent
    assert len([r for r in log.records if r.exc_info]) == 1
    assert "look" in house.node.faults.known


def test_unknown_entry(house: House, log: pytest.LogCaptureFixture) -> None:
    """A node that cannot read an entry says so once, and goes on looking."""
    house.step()
    started = Fact(NodeStarted("node-2", "9.0", START), START)
    data = seal(started, "node-2", START).replace(b"node.started", b"node.stunned")
    store = house.made.world.store
    store.append([Draft("new", lambda _: data)], now=START)
    size = store.size()
    house.looking.ok = False
    house.step(times=4)
    added = store.read(size, store.size())
    assert sum(b'"ok":false' in each for each in added) == 2
    told = [r.getMessage() for r in log.records if "unknown here" in r.getMessage()]
    assert 1 <= len(told) <= 2
    assert all("bring this one to the same" in each for each in told)


def test_refusal_is_told(house: House, log: pytest.LogCaptureFixture) -> None:
    """A notary that signs no more is told, once."""
    house.made.world.notary.refusal = ForkError("the log forked", "Look.")
    house.step(times=3)
    told = [r for r in log.records if "the log forked" in r.getMessage()]
    assert len(told) == 1


def test_daily_check(house: House) -> None:
    """The whole log is verified when a node starts, and then each day."""
    house.step()
    assert len(house.events(LedgerChecked)) == 1
    house.made.clock.advance(timedelta(days=1))
    house.step()
    assert len(house.events(LedgerChecked)) == 2


def test_end_in_order(house: House) -> None:
    """At its end a node seals what it saw, records and signs it."""
    house.step(times=3)
    house.node.stopped.set()
    house.node.run()
    assert len(house.events(NodeStarted)) == 1
    assert {e.vantage for e in house.events(ProbesSealed)} == {"melbourne", "singapore"}
    size, _ = house.made.world.store.root()
    assert dict(house.made.world.store.checkpoints())[size]


class Gone(MemoryStore):
    """A store that is gone at some moment."""

    gone = False

    def append(self, drafts: Sequence[Draft], **given: Any) -> Appended:
        """Fail, or append."""
        if self.gone:
            raise HoldfastError("the database is gone", "Wait.")
        return super().append(drafts, **given)


def test_end_without_a_store(log: pytest.LogCaptureFixture) -> None:
    """A node whose store is gone at its end says so, and ends."""
    house = House(company(store := Gone()))
    house.step(times=2)
    store.gone = True
    house.node.faults.attempt("end", house.node.run)
    assert "the database is gone" in log.text


def test_signs_without_waiting_for_a_beat(house: House) -> None:
    """What is recorded is signed at once, though the next beat is far away."""
    world = house.made.world
    house.node.beat_every = timedelta(minutes=5)
    thread = threading.Thread(target=house.node.run)
    thread.start()
    try:
        for number in range(3):
            event = NodeStarted(f"other-{number}", "1", START)
            size = world.log.record([Fact(event, START)]).size
            for _ in range(60_000):
                if max((at for at, _ in world.store.checkpoints()), default=0) >= size:
                    break
                time.sleep(0.001)
            else:
                pytest.fail("not signed")
    finally:
        house.node.stopped.set()
        thread.join()


class BadMark:
    """A mark that cannot be written."""

    def newest(self) -> bytes | None:
        """Return nothing."""
        return None

    def keep(self, note: bytes) -> None:
        """Fail."""
        del note
        raise HoldfastError("the mark cannot be written", "Mend its folder.")


def test_a_fault_of_signing_shows(house: House, log: pytest.LogCaptureFixture) -> None:
    """Where nothing can be signed the node goes on, and the fault is told once."""
    house.made.world.notary._mark = BadMark()
    thread = threading.Thread(target=house.node.run)
    thread.start()
    while "sign" not in house.node.faults.known:
        time.sleep(0.001)
    size = house.made.world.store.size()
    house.node.stopped.set()
    thread.join()
    assert "the mark cannot be written" in house.node.faults.known["sign"]
    assert size
    own = [r for r in log.records if r.name == "holdfast.node"]
    assert len([r for r in own if "the mark cannot be" in r.getMessage()]) == 1
