"""Nobody outside vouches for the log any more: an incident of its own kind.

It is for the response team alone, and ends by itself once witnesses vouch again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class WitnessingLapsed:
    """A witness is silent past its limit, or checkpoints have no quorum.

    The first opens the incident, others join it. ``part`` is "witness auditor" or
    "quorum"; ``evidence`` is the index of the entry that says so, ``since`` is when it
    was good last.
    """

    TYPE: ClassVar[str] = "witness.lapsed"
    V: ClassVar[int] = 1
    incident: str
    part: str
    detail: str
    evidence: int
    since: datetime
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/lapsed/{self.evidence}"


@dataclass(frozen=True, slots=True)
class WitnessingResumed:
    """No witness is silent and no quorum is missed any more: the incident is over.

    ``evidence`` are the indices of the entries that say so.
    """

    TYPE: ClassVar[str] = "witness.resumed"
    V: ClassVar[int] = 1
    incident: str
    detail: str
    evidence: tuple[int, ...]
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/resumed"
