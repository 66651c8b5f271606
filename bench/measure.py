"""How a figure is measured here: ours and a named peer in turn, medians of several."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

RUNS = 5


@dataclass(frozen=True)
class Row:
    """One figure: how often a second each did it, and the ratio of the medians."""

    name: str
    peer: str
    ours: float
    theirs: float
    unit: str

    @property
    def ratio(self) -> float:
        """Ours over the peer's: 1 is as fast, 2 twice as fast."""
        return self.ours / self.theirs

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the row as a table shows it."""
        return (
            self.name,
            f"{self.ours:,.0f} {self.unit}",
            f"{self.theirs:,.0f} {self.unit}",
            f"{self.ratio:.2f}",
            self.peer,
        )


def compare(
    name: str,
    unit: str,
    amount: float,
    ours: Callable[[], None],
    peer: str,
    theirs: Callable[[], None],
) -> Row:
    """Run both in turn and compare their medians; ``amount`` is done in each run."""
    ours_took, theirs_took = [], []
    for _ in range(RUNS):
        ours_took.append(_timed(ours))
        theirs_took.append(_timed(theirs))
    return Row(
        name,
        peer,
        amount / statistics.median(ours_took),
        amount / statistics.median(theirs_took),
        unit,
    )


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
