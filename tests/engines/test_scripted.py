"""The scripted engine: the same story for whoever reads on, and faults on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.engines.scripted import Script, Scripted
from holdfast.engines.shelf import FolderShelf
from holdfast.operations.ports.engine import Finished, Job, Lost, Running

MINUTE = timedelta(minutes=1)
RESTORE = Job("recovery", "db", "restore", 2)
BACKUP = Job("nightly", "db", "backup")


@dataclass
class Hand:
    """A clock that is turned by hand."""

    moment: datetime = field(default=datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


def test_a_restarted_process_reads_on(tmp_path: Path) -> None:
    """A second engine over the same folder sees the same job at the same point."""
    clock = Hand()
    first = Scripted(clock, ("db",), shelf=FolderShelf(tmp_path))
    first.start(BACKUP)
    clock.moment += MINUTE

    second = Scripted(clock, ("db",), shelf=FolderShelf(tmp_path))

    assert second.observe(BACKUP) == first.observe(BACKUP)
    second.start(BACKUP)
    clock.moment += MINUTE
    assert isinstance(first.observe(BACKUP), Finished)
    assert second.points("db") == first.points("db")


def test_progress_follows_the_clock() -> None:
    """Half of the scripted time is half of the progress."""
    clock = Hand()
    engine = Scripted(clock, ("db",), Script(lengths={"backup": 10 * MINUTE}))
    engine.start(BACKUP)
    clock.moment += 5 * MINUTE

    assert engine.observe(BACKUP) == Running(0.5, "backup under way")


@pytest.mark.parametrize(
    ("fault", "kind"), [("fail", Finished), ("lost", Lost), ("hang", Running)]
)
def test_faults_come_as_scripted(fault, kind: type) -> None:
    """A job fails, is lost or hangs as the script has it, and takes no effect."""
    clock = Hand()
    engine = Scripted(clock, ("db",), Script(faults={"nightly": fault}))
    engine.start(BACKUP)
    clock.moment += 60 * MINUTE

    seen = engine.observe(BACKUP)

    assert isinstance(seen, kind)
    assert not (isinstance(seen, Finished) and seen.ok)
    assert not engine.points("db").repositories[1].backups


def test_a_disaster_loses_what_was_not_archived() -> None:
    """A restore comes back to the last archived moment before the disaster."""
    clock = Hand()
    engine = Scripted(clock, ("db",))
    engine.start(BACKUP)
    clock.moment += 10 * MINUTE + timedelta(seconds=40)
    engine.strike("db")
    engine.start(RESTORE)
    clock.moment += 15 * MINUTE

    ready = engine.ready("db")

    assert ready.ready
    assert ready.recovered_to == datetime(2026, 3, 2, 1, 12, tzinfo=UTC)


def test_invariants_fail_as_scripted() -> None:
    """An invariant named in the script does not hold."""
    engine = Scripted(Hand(), ("db",), Script(false_invariants=frozenset({"sums"})))

    results = engine.check_invariants("db", [("sums", "…"), ("rows", "…")])

    assert [(r.name, r.holds) for r in results] == [("sums", False), ("rows", True)]
