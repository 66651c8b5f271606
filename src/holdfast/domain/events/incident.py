"""An incident from the first red sample to the last green one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """A disruption affecting customers was confirmed.

    ``began_at`` is the first failure; ``detected_at`` is when Holdfast knew (enough
    vantage points, long enough). Lateness is shown from both.
    """

    TYPE: ClassVar[str] = "incident.opened"
    V: ClassVar[int] = 1
    incident: str
    services: tuple[str, ...]
    began_at: datetime
    detected_at: datetime
    vantages: tuple[str, ...]
    reason: str

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/opened"


@dataclass(frozen=True, slots=True)
class ServiceFailed:
    """A further service failed while the incident was running."""

    TYPE: ClassVar[str] = "incident.service_failed"
    V: ClassVar[int] = 1
    incident: str
    service: str
    began_at: datetime
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/failed/{self.service}/{self.began_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class IncidentAcknowledged:
    """Somebody of the response team took the incident on."""

    TYPE: ClassVar[str] = "incident.acknowledged"
    V: ClassVar[int] = 1
    incident: str
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/acknowledged"


@dataclass(frozen=True, slots=True)
class DisasterDeclared:
    """The recovery clock runs from here; ``automatic`` if nobody declared in time."""

    TYPE: ClassVar[str] = "incident.declared"
    V: ClassVar[int] = 1
    incident: str
    by: str
    automatic: bool
    at: datetime
    due_at: datetime | None

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/declared"


@dataclass(frozen=True, slots=True)
class RecoveryOrdered:
    """A person ordered that a datastore be restored over production.

    ``target`` is ``None`` for the last recoverable moment. ``by`` signed in.
    """

    TYPE: ClassVar[str] = "recovery.ordered"
    V: ClassVar[int] = 1
    recovery: str
    incident: str
    datastore: str
    repository: int
    target: datetime | None
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.recovery}/ordered"


@dataclass(frozen=True, slots=True)
class PreflightChecked:
    """Whether a restore could work, asked before anything was touched."""

    TYPE: ClassVar[str] = "recovery.preflight_checked"
    V: ClassVar[int] = 1
    recovery: str
    ok: bool
    checks: tuple[str, ...]
    evidence: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.recovery}/preflight/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class RecoveryVerified:
    """The restored datastore was judged: readiness first, then its invariants.

    ``recovered_to`` is the moment of the newest recovered commit. ``findings`` name
    what does not hold; ``ok`` is true only where there are none.
    """

    TYPE: ClassVar[str] = "recovery.verified"
    V: ClassVar[int] = 1
    recovery: str
    ok: bool
    ready: bool
    timeline: int | None
    recovered_to: datetime | None
    invariants: tuple[str, ...]
    findings: tuple[str, ...]
    evidence: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.recovery}/verified/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class WritesCompared:
    """Writes that customers saw acknowledged against those in the restored datastore.

    Counted outside the database. ``newest_recovered_at`` is the acknowledgement of
    the newest write that survived, ``fault_at`` the moment of the disaster.
    """

    TYPE: ClassVar[str] = "recovery.writes_compared"
    V: ClassVar[int] = 1
    incident: str
    datastore: str
    acknowledged: int
    lost: int
    unexplained: int
    fault_at: datetime
    newest_recovered_at: datetime | None
    evidence: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/writes/{self.datastore}"


@dataclass(frozen=True, slots=True)
class ServiceRestored:
    """The customer journey stayed green long enough from enough vantage points.

    The recovery clock stops at ``green_since``; ``at`` is when that was certain.
    """

    TYPE: ClassVar[str] = "incident.service_restored"
    V: ClassVar[int] = 1
    incident: str
    service: str
    green_since: datetime
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/restored/{self.service}/{self.green_since.isoformat()}"


@dataclass(frozen=True, slots=True)
class IncidentResolved:
    """Every service is restored and every ordered recovery is verified."""

    TYPE: ClassVar[str] = "incident.resolved"
    V: ClassVar[int] = 1
    incident: str
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.incident}/resolved"
