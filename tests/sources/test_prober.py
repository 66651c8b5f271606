"""The prober with its threads, on looks that are told what to find."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.domain.catalogue import Probe, VantagePoint
from holdfast.operations.ports.source import Sample
from holdfast.sources.prober import Prober, Target

PROBE = Probe("http://x", timedelta(milliseconds=5), timedelta(seconds=1))
HERE = VantagePoint("here", "eu")
THERE = VantagePoint("there", "us")


class Wall:
    """The real clock."""

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.now(UTC)


class Told:
    """Looks that find what a function says."""

    def __init__(self, find: Callable[[str], bool]) -> None:
        self.find = find

    def look(
        self, service_id: str, vantage: VantagePoint, probe: Probe, now: datetime
    ) -> Sample:
        """Look once."""
        del probe
        found = self.find(vantage.id)
        return Sample(service_id, vantage.id, now, found, 1.0, str(found))


@contextmanager
def probing(
    find: Callable[[str], bool], on_sample: Callable[[Sample], None]
) -> Iterator[Prober]:
    """Run a prober over one service and two vantage points."""
    targets = [Target("shop", vantage, PROBE) for vantage in (HERE, THERE)]
    prober = Prober(targets, Told(find), Wall(), on_sample=on_sample)
    prober.start()
    try:
        yield prober
    finally:
        prober.stop()


def take(source: queue.Queue[Sample], vantage: str, *, ok: bool) -> Sample:
    """Wait for a sample of that kind."""
    while True:
        sample = source.get(timeout=60)
        if (sample.vantage, sample.ok) == (vantage, ok):
            return sample


def test_each_vantage_point_tells_its_own_transitions():
    """What one vantage point sees does not change what the other says."""
    red: set[str] = set()
    seen: queue.Queue[Sample] = queue.Queue()
    with probing(lambda vantage: vantage not in red, seen.put) as prober:
        take(seen, "here", ok=True)
        take(seen, "there", ok=True)
        assert {(t.vantage, t.ok) for t in prober.transitions()} == {
            ("here", True),
            ("there", True),
        }
        red.add("there")
        first = take(seen, "there", ok=False)
        (turned,) = prober.transitions()
    assert (turned.vantage, turned.ok, turned.since) == ("there", False, first.at)


def test_look_that_hangs_delays_no_other():
    """While one vantage point waits for its deadline, the other goes on looking."""
    seen: queue.Queue[Sample] = queue.Queue()
    released = threading.Event()

    def find(vantage: str) -> bool:
        return vantage == "here" or released.wait(60)

    with probing(find, seen.put):
        for _ in range(5):
            take(seen, "here", ok=True)
        released.set()


def test_every_sample_is_under_a_seal():
    """Whatever was seen until the end is in the seals."""
    seen: queue.Queue[Sample] = queue.Queue()
    with probing(lambda _: True, seen.put) as prober:
        for _ in range(6):
            seen.get(timeout=60)
    # Clocks may step while a test runs, which ends a stretch; samples are never lost.
    assert sum(seal.samples for seal in prober.seals()) == 6 + seen.qsize()


def test_fault_of_ours_is_raised_not_swallowed():
    """A mistake on a thread does not pass for a service that is merely quiet."""
    broken = threading.Event()

    def mistake(sample: Sample) -> None:
        broken.set()
        raise ZeroDivisionError(sample.detail)

    with probing(lambda _: True, mistake) as prober:
        assert broken.wait(60)
    with pytest.raises(ZeroDivisionError):
        prober.transitions()


def test_prober_that_never_started_stops():
    """Stopping is always allowed."""
    Prober([], Told(lambda _: True), Wall()).stop()
