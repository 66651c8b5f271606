"""The log was tampered with, or looks like it: an incident of its own kind.

It is for the response team alone. Customers and the status page hear nothing of it by
itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class TamperingFound:
    """A part of the log does not agree with the rest; the first one opens the incident.

    ``part`` is what was looked at ("database", "copy s3://…", "witness auditor"),
    ``detail`` names place, expected and found. ``evidence`` is the index of the entry
    with the check that found it, at ``found_at``.
    """

    TYPE: ClassVar[str] = "ledger.tampering_found"
    V: ClassVar[int] = 1
    incident: str
    part: str
    detail: str
    evidence: int
    found_at: datetime
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/found/{self.part}/{self.found_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class TamperingResolved:
    """A person ended it, and said why; every part was found good again before."""

    TYPE: ClassVar[str] = "ledger.tampering_resolved"
    V: ClassVar[int] = 1
    incident: str
    by: str
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/resolved"
