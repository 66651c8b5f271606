"""Long work of an engine: requested by a decision, run detached, reported later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

JobVerb = Literal["backup", "verify", "expire", "restore", "failover", "drill"]


@dataclass(frozen=True, slots=True)
class JobRequested:
    """A decision that this job is to run; the runner accepts no other."""

    TYPE: ClassVar[str] = "job.requested"
    V: ClassVar[int] = 1
    job: str
    datastore: str
    verb: JobVerb
    repository: int | None
    target: datetime | None
    recovery: str | None
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/requested"


@dataclass(frozen=True, slots=True)
class JobStarted:
    """The job's process runs on ``host``; its state is in ``folder`` there."""

    TYPE: ClassVar[str] = "job.started"
    V: ClassVar[int] = 1
    job: str
    host: str
    folder: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/started"


@dataclass(frozen=True, slots=True)
class JobFinished:
    """The job ended; ``ok`` is judged from evidence, never from an exit status."""

    TYPE: ClassVar[str] = "job.finished"
    V: ClassVar[int] = 1
    job: str
    ok: bool
    detail: str
    evidence: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/ended"


@dataclass(frozen=True, slots=True)
class JobLost:
    """The job's process vanished without a result. It is never restarted by itself."""

    TYPE: ClassVar[str] = "job.lost"
    V: ClassVar[int] = 1
    job: str
    detail: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/ended"
