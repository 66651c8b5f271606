"""How a figure is measured here: ours and a named peer in turn, medians of several."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

RUNS = 5
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


@dataclass(frozen=True)
class Row:
    """One figure: ours, beside the peer's of the same run where it has a peer.

    ``floor`` and ``aim`` are what it is held to: a ratio to the peer, or where there is
    no peer a plain number. ``less`` says that less is better: a time, or memory.
    """

    name: str
    peer: str
    ours: float
    theirs: float | None
    unit: str
    floor: float | None = None
    aim: float | None = None
    less: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's: 1 is the same."""
        return None if self.theirs is None else self.ours / self.theirs

    @property
    def judged(self) -> str:
        """Say whether floor and aim are met, by words."""
        value = self.ours if self.ratio is None else self.ratio
        sign = -1 if self.less else 1
        if self.floor is None:
            return ""
        if sign * value < sign * self.floor:
            return "**below the floor**"
        if self.aim is None:
            return "met"
        return "aim met" if sign * value >= sign * self.aim else "floor met"

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the row as a table shows it."""
        return (
            self.name,
            self._shown(self.ours),
            "" if self.theirs is None else self._shown(self.theirs),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            self.peer,
        )

    def held_cells(self) -> tuple[str, ...]:
        """Return the row as a table with floor and aim shows it."""
        name, ours, theirs, ratio, peer = self.cells()
        peer = f"{theirs}: {peer}" if theirs else peer
        return (
            name,
            ours,
            peer,
            ratio,
            "" if self.floor is None else f"{self.floor:g}",
            "" if self.aim is None else f"{self.aim:g}",
            self.judged,
            self.note,
        )

    def _shown(self, value: float) -> str:
        digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004
        return f"{value:,.{digits}f} {self.unit}"


def compare(  # noqa: PLR0913 - All that a row has.
    name: str,
    unit: str,
    amount: float,
    ours: Callable[[], None],
    peer: str,
    theirs: Callable[[], None],
    *,
    floor: float | None = None,
    aim: float | None = None,
    note: str = "",
    runs: int = RUNS,
) -> Row:
    """Run both in turn and compare their medians; ``amount`` is done in each run."""
    ours_took, theirs_took = alternate(ours, theirs, runs)
    rate, peer_rate = amount / ours_took, amount / theirs_took
    return Row(name, peer, rate, peer_rate, unit, floor, aim, note=note)


def alternate(
    ours: Callable[[], None], theirs: Callable[[], None], runs: int = RUNS
) -> tuple[float, float]:
    """Run both in turn; return the median of each one's seconds."""
    ours_took, theirs_took = [], []
    for _ in range(runs):
        ours_took.append(timed(ours))
        theirs_took.append(timed(theirs))
    return statistics.median(ours_took), statistics.median(theirs_took)


def timed(work: Callable[[], None]) -> float:
    """Return how many seconds it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def machine(runs: int = RUNS) -> str:
    """Say how it was measured, on what, and when."""
    return f"Medians of {runs} alternating runs on {where_and_when()}."


def where_and_when() -> str:
    """Name the machine and the day."""
    cpu = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    where = f"{os.cpu_count()} cores ({cpu}), Python {platform.python_version()}"
    return f"{where}, {datetime.now(UTC):%Y-%m-%d}"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_page(text: str, begin: str, end: str, page: Path = PAGE) -> None:
    """Put a text into docs/performance.md between its two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")
