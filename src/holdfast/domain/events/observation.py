"""What was seen of the world: transitions and sealed digests, never single samples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class VantageChanged:
    """From one vantage point a service turned green or red.

    ``since`` is the first sample that differed: the change is dated back to it.
    """

    TYPE: ClassVar[str] = "vantage.changed"
    V: ClassVar[int] = 1
    service: str
    vantage: str
    ok: bool
    since: datetime
    detail: str

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        colour = "green" if self.ok else "red"
        since = self.since.isoformat()
        return f"vantage/{self.service}/{self.vantage}/{since}/{colour}"


@dataclass(frozen=True, slots=True)
class ProbesSealed:
    """A stretch of samples from one vantage point, closed by a digest over them.

    Between ``first_at`` and ``last_at`` somebody was really looking; time that no
    seal covers is unknown. The samples lie beside the log under ``digest``.
    """

    TYPE: ClassVar[str] = "probes.sealed"
    V: ClassVar[int] = 1
    service: str
    vantage: str
    first_at: datetime
    last_at: datetime
    samples: int
    failures: int
    digest: str

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        first, last = self.first_at.isoformat(), self.last_at.isoformat()
        return f"probes/{self.service}/{self.vantage}/{first}/{last}"


@dataclass(frozen=True, slots=True)
class MaintenanceAnnounced:
    """A maintenance window that customers were told of at ``announced_at``."""

    TYPE: ClassVar[str] = "maintenance.announced"
    V: ClassVar[int] = 1
    service: str
    starts_at: datetime
    ends_at: datetime
    announced_at: datetime
    by: str

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"maintenance/{self.service}/{self.starts_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class BackupSeen:
    """A finished backup, read from the repository's own listing.

    ``cipher`` is what the repository's raw bytes show; ``None`` means plain or unseen.
    Seen again with another cipher, or with an error, it is another fact.
    """

    TYPE: ClassVar[str] = "backup.seen"
    V: ClassVar[int] = 1
    datastore: str
    repository: int
    off_site: bool
    label: str
    kind: str
    started_at: datetime
    finished_at: datetime
    size_bytes: int
    cipher: str | None
    error: bool

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        found = f"{self.cipher or 'plain'}{'/error' if self.error else ''}"
        return f"backup/{self.datastore}/{self.repository}/{self.label}/{found}"


@dataclass(frozen=True, slots=True)
class BackupGone:
    """A backup that was there is no longer listed by its reachable repository.

    It was expired by retention, or lost; either way nothing rests on it any more.
    """

    TYPE: ClassVar[str] = "backup.gone"
    V: ClassVar[int] = 1
    datastore: str
    repository: int
    label: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"backup/{self.datastore}/{self.repository}/{self.label}/gone"


@dataclass(frozen=True, slots=True)
class ProtectionSeen:
    """How well a datastore was protected at one moment.

    ``recoverable_to``: every transaction committed before it can be restored, as far
    as is proven. ``repositories`` are the numbers of those that answered.
    """

    TYPE: ClassVar[str] = "protection.seen"
    V: ClassVar[int] = 1
    datastore: str
    at: datetime
    running: bool
    archiving: bool
    archive_failing: bool
    recoverable_to: datetime | None
    repositories: tuple[int, ...]
    evidence: str

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"protection/{self.datastore}/{self.at.isoformat()}"
