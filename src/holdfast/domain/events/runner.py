"""The runner: the process that holds the engines, and what it does with jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RunnerSeen:
    """A runner is at work on ``host`` and has these engines; said every few minutes."""

    TYPE: ClassVar[str] = "runner.seen"
    V: ClassVar[int] = 1
    runner: str
    host: str
    version: str
    engines: tuple[str, ...]
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"runner/{self.runner}/seen/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class JobTaken:
    """This runner carries the job out, and no other does.

    Recorded before anything of it runs: of two runners one takes it, and what nobody
    has taken can still be cancelled.
    """

    TYPE: ClassVar[str] = "job.taken"
    V: ClassVar[int] = 1
    job: str
    runner: str
    host: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/taken"


@dataclass(frozen=True, slots=True)
class JobProgressed:
    """A running job came to a step, or further in it; ``percent`` where known."""

    TYPE: ClassVar[str] = "job.progressed"
    V: ClassVar[int] = 1
    job: str
    step: str
    percent: int | None
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/progressed/{self.at.isoformat()}"
