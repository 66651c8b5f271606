"""The log as use cases see it: facts once by key, state by folding what is new."""

from __future__ import annotations

import threading
from datetime import timedelta

from tests.operations.company import START, company, turns

from holdfast.domain.decide import Conclusion
from holdfast.domain.events.incident import IncidentOpened
from holdfast.domain.events.observation import VantageChanged
from holdfast.operations.log import Log, as_fact
from holdfast.simulation.clock import JumpingClock
from holdfast.storage.memory import MemoryStore


def test_facts_are_recorded_once() -> None:
    """A fact whose key is there already is left as it is."""
    log = Log(MemoryStore(), "node-1", JumpingClock(START))
    first = log.record(turns(START, ok=True))
    again = log.record(turns(START, ok=True))
    assert first.fresh == (True,) * 3
    assert again.fresh == (False,) * 3
    assert again.indices == first.indices
    assert log.state().size == 3


def test_two_nodes_agree() -> None:
    """Two nodes over one store fold the same state."""
    store = MemoryStore()
    made = company(store)
    other = Log(store, "node-2", made.clock)
    other.state()
    made.turn(ok=False)
    made.beat(times=4)
    assert other.state() == made.world.log.state()
    assert other.rules(other.state()) == made.world.log.rules(made.world.log.state())


def test_threads_agree() -> None:
    """Threads that ask at once all get a whole state."""
    store = MemoryStore()
    log = Log(store, "node-1", JumpingClock(START))
    for second in range(60):
        at = START + timedelta(seconds=second)
        log.record(turns(at, ok=bool(second % 2)))
    sizes = []
    asking = [
        threading.Thread(target=lambda: sizes.append(log.state().size))
        for _ in range(8)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert sizes == [180] * 8


def test_clause() -> None:
    """A conclusion bears the anchor of the sentence that demands it."""
    made = company()
    situation = made.world.situation()
    assert situation is not None
    opened = IncidentOpened("inc", ("s",), START, START, (), "red")
    owed = as_fact(Conclusion(opened, "alerting"), situation.rules, START)
    anchors = {s.anchor for s in situation.rules.sentences_of("alerting")}
    assert owed.clause in anchors
    assert as_fact(Conclusion(opened, None), situation.rules, START).clause is None


def test_unmentioned_control() -> None:
    """A conclusion under a promise that the policy does not make has no clause."""
    made = company()
    situation = made.world.situation()
    assert situation is not None
    turned = VantageChanged("s", "v", True, START, "green")
    assert "patching" not in situation.rules.clause("functions")
    assert as_fact(Conclusion(turned, "patching"), situation.rules, START) is not None
