"""What is known of a drill under way: moments, figures, findings, steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdfast.engines.acknowledged import Compared, Recorder
from holdfast.engines.drill_target import Walled
from holdfast.engines.recorder import Loss
from holdfast.engines.report import Ended, Report
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Acknowledged, Job, Rehearsal


@dataclass(slots=True)
class Course:
    """Collects what a drill shows, step by step."""

    report: Report
    job: Job
    recorder: Recorder
    fault_at: datetime
    walled: Walled | None = None
    verified_at: datetime | None = None
    recovered_to: datetime | None = None
    heartbeat_at: datetime | None = None
    loss: Loss | None = None
    compared: Compared | None = None
    timeline: int | None = None
    untouched: bool = False
    disposed: bool = False
    findings: list[str] = field(default_factory=list)
    steps: list[tuple[str, timedelta, timedelta]] = field(default_factory=list)
    _origin: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; what it cannot do is a finding, and ends it only."""
        began = time.monotonic()
        try:
            yield
        except HoldfastError as error:
            self.findings.append(f"{name}: {error}")
        finally:
            since = timedelta(seconds=began - self._origin)
            spent = timedelta(seconds=time.monotonic() - began)
            self.steps.append((name, since, spent))

    def ended(self) -> Ended:
        """Return the end of the job, with all that was measured."""
        sabotage = self.job.sabotage
        if sabotage is not None and not self.findings:
            self.findings.append(f"{sabotage} went unnoticed")
        detail = "; ".join(self.findings) or "restored, verified and removed"
        return Ended(not self.findings, detail, self._rehearsal())

    def _rehearsal(self) -> Rehearsal:
        loss, walled = self.loss, self.walled
        return Rehearsal(
            fault_at=self.fault_at,
            verified_at=self.verified_at,
            recovered_to=self.recovered_to,
            first_lost_at=loss.first_at if loss else None,
            commits_lost=loss.commits if loss else None,
            timeline=self.timeline,
            invariants=tuple(name for name, _ in self.job.invariants),
            untouched=self.untouched,
            disposed=self.disposed,
            findings=tuple(self.findings),
            steps=tuple(self.steps),
            fence="namespaces" if walled and walled.fence else "settings",
            key_from=walled.key_from if walled else "production",
            detected_at=self.recorder.noticed_at,
            recorder=self.recorder.fault,
            acknowledged=_acknowledged(self.compared),
            heartbeat_at=self.heartbeat_at,
            smoke_tests=tuple(test.name for test in self.job.smoke_tests),
        )


def _acknowledged(found: Compared | None) -> Acknowledged | None:
    if found is None:
        return None
    return Acknowledged(found.acknowledged, found.lost, found.holes, found.extras)
