"""A datastore looks as if ransomware were at work: an incident of its own kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RansomwareSuspected:
    """A sign of ransomware; the first of a datastore opens the incident.

    ``untouched_at`` and ``restored_at`` are the newest moments before the first sign
    that something vouches for: canaries that were intact, and a restore test that
    passed. ``evidence`` is the index of the entry that carries the sign.
    """

    TYPE: ClassVar[str] = "ransomware.suspected"
    V: ClassVar[int] = 1
    incident: str
    datastore: str
    sign: str
    detail: str
    evidence: int
    seen_at: datetime
    untouched_at: datetime | None
    restored_at: datetime | None
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/suspected/{self.sign}"


@dataclass(frozen=True, slots=True)
class SuspicionResolved:
    """A person ended the incident, and said what it was."""

    TYPE: ClassVar[str] = "ransomware.resolved"
    V: ClassVar[int] = 1
    incident: str
    by: str
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/resolved"
