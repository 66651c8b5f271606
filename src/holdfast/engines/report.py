"""What a running job says of itself: the step it is at, and the proof of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from holdfast.engines import jobs
from holdfast.engines.evidence import Ran
from holdfast.operations.ports.engine import (
    Evidence,
    Examination,
    Expired,
    Rehearsal,
)


@dataclass(frozen=True, slots=True)
class Ended:
    """The judgement on a job, and of a drill what was measured."""

    ok: bool
    detail: str
    rehearsal: Rehearsal | None = None
    examinations: tuple[Examination, ...] = ()
    expired: tuple[Expired, ...] = ()


@dataclass(slots=True)
class Report:
    """Collects evidence in order; shows progress to observers."""

    folder: Path
    _evidence: list[Evidence] = field(default_factory=list)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Return what was proven so far."""
        return tuple(self._evidence)

    def step(
        self, name: str, growing: Path | None = None, total_bytes: int = 0
    ) -> None:
        """Say which step begins."""
        jobs.write(
            self.folder / jobs.PROGRESS, jobs.Progress(name, growing, total_bytes)
        )

    def keep(self, ran: Ran) -> Ran:
        """Keep a command's evidence."""
        self._evidence.append(ran.evidence)
        return ran

    def keep_all(self, evidence: tuple[Evidence, ...]) -> None:
        """Keep evidence gathered elsewhere."""
        self._evidence.extend(evidence)
