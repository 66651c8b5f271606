"""Looks at every service from every vantage point, again and again, on time.

The rhythm follows the monotonic clock: a slow look delays no other, and a missed turn
is left out, not made up for. What is found is handed over by `transitions` and
`seals`; single samples go to ``on_sample`` only.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.domain.catalogue import Probe, VantagePoint
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.source import Sample
from holdfast.sources.samples import Seal, Stretch, Transition, Turning

THREADS = 8
MISSED_LOOKS_MAX = 3
Key = tuple[str, str]


class Looking(Protocol):
    """One look, which never raises; `HttpProbe` is one that looks."""

    def look(
        self, service_id: str, vantage: VantagePoint, probe: Probe, now: datetime
    ) -> Sample:
        """Look once."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """A service to look at from a vantage point."""

    service: str
    vantage: VantagePoint
    probe: Probe

    @property
    def key(self) -> Key:
        """What tells this target from the others."""
        return (self.service, self.vantage.id)


class Book:
    """What was seen of each target since it was last asked for. Thread-safe."""

    def __init__(self, targets: Iterable[Target], *, steady: int = 1) -> None:
        self._lock = threading.Lock()
        self._pages = {
            target.key: _Page(_pause_max(target.probe), steady) for target in targets
        }
        self._transitions: list[Transition] = []

    def add(self, sample: Sample) -> None:
        """Take in a sample; those of one target come in order."""
        with self._lock:
            turned = self._pages[sample.service, sample.vantage].add(sample)
            if turned is not None:
                self._transitions.append(turned)

    def transitions(self) -> tuple[Transition, ...]:
        """Return the transitions since the last call, oldest first."""
        with self._lock:
            found, self._transitions = tuple(self._transitions), []
        return found

    def seal(self, service: str, vantage: str) -> Seal | None:
        """Close the oldest open stretch of the target and return it."""
        with self._lock:
            return self._pages[service, vantage].seal()

    def seals(self) -> tuple[Seal, ...]:
        """Close every stretch of every target and return them all."""
        with self._lock:
            return tuple(
                seal for page in self._pages.values() for seal in iter(page.seal, None)
            )


class Prober:
    """Runs the looks on a few threads, from `start` to `stop`."""

    def __init__(
        self,
        targets: Iterable[Target],
        looking: Looking,
        clock: Clock,
        *,
        steady: int = 1,
        threads: int = THREADS,
        on_sample: Callable[[Sample], None] = lambda _: None,
    ) -> None:
        self._targets = {target.key: target for target in targets}
        self._looking = looking
        self._clock = clock
        self._threads = threads
        self._on_sample = on_sample
        self._book = Book(self._targets.values(), steady=steady)
        self._busy: set[Key] = set()
        self._fault: Exception | None = None
        self._ended = threading.Event()
        self._conductor = threading.Thread(
            target=self._conduct, name="prober", daemon=True
        )

    def start(self) -> None:
        """Begin to look; the first look at every target comes at once."""
        self._conductor.start()

    def stop(self) -> None:
        """End; a look under way comes to its own deadline first."""
        self._ended.set()
        if self._conductor.ident is not None:
            self._conductor.join()

    def transitions(self) -> tuple[Transition, ...]:
        """Return the transitions since the last call, oldest first.

        Raises what went wrong in ourselves on a thread, so that no fault of ours
        passes for a service that is merely quiet.
        """
        if self._fault is not None:
            raise self._fault
        return self._book.transitions()

    def seal(self, service: str, vantage: str) -> Seal | None:
        """Close the oldest open stretch of the target; ``None`` if there is none."""
        return self._book.seal(service, vantage)

    def seals(self) -> tuple[Seal, ...]:
        """Close every open stretch of every target."""
        return self._book.seals()

    def _conduct(self) -> None:
        """Start each look on its beat, until the end."""
        began = time.monotonic()
        turns = [(began, key) for key in sorted(self._targets)]
        with ThreadPoolExecutor(self._threads, "probe") as pool:
            while turns and not self._ended.wait(max(0.0, _wait(turns))):
                due, key = turns[0]
                every = self._targets[key].probe.every.total_seconds()
                heapq.heapreplace(turns, (next_turn(due, every, time.monotonic()), key))
                # Still busy with the last look: a missed turn is left out.
                if key not in self._busy:
                    self._busy.add(key)
                    pool.submit(self._look, self._targets[key])

    def _look(self, target: Target) -> None:
        try:
            sample = self._looking.look(
                target.service, target.vantage, target.probe, self._clock.now()
            )
            self._book.add(sample)
            self._on_sample(sample)
        except Exception as fault:  # noqa: BLE001 - raised again by `transitions`.
            self._fault = fault
        finally:
            self._busy.discard(target.key)


def next_turn(due: float, every: float, now: float) -> float:
    """Return the first beat of the rhythm after ``now``."""
    missed = max(0, math.floor((now - due) / every))
    return due + (missed + 1) * every


def _pause_max(probe: Probe) -> timedelta:
    """Return the pause after which nobody was looking any more.

    A look that hangs holds up the next ones, and is still somebody looking.
    """
    return probe.every * MISSED_LOOKS_MAX + probe.timeout


def _wait(turns: list[tuple[float, Key]]) -> float:
    return turns[0][0] - time.monotonic()


class _Page:
    """What the book holds of one target."""

    def __init__(self, pause_max: timedelta, steady: int) -> None:
        self._pause_max = pause_max
        self._turning = Turning(steady)
        self._stretches = [Stretch(pause_max)]

    def add(self, sample: Sample) -> Transition | None:
        if not self._stretches[-1].continues(sample):
            self._stretches.append(Stretch(self._pause_max))
        self._stretches[-1].add(sample)
        return self._turning.see(sample)

    def seal(self) -> Seal | None:
        oldest = self._stretches.pop(0)
        if not self._stretches:
            self._stretches.append(Stretch(self._pause_max))
        return oldest.seal()
