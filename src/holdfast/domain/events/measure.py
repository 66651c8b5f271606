"""What a datastore's server showed of itself, and what its backups weigh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

Canaries = Literal["intact", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class DatastoreMeasured:
    """What the running server of a datastore showed at one moment.

    ``heartbeat_at`` is the row that was just committed, ``recoverable_heartbeat_at``
    the newest one that every answering repository holds; ``None`` where unknown.
    ``waiting_segments`` are closed and not archived yet. ``wal_position`` counts the
    bytes of WAL ever written. Replicas are named by their ``application_name``;
    ``streaming`` ones receive WAL now, ``not_streaming`` ones are connected and do not.
    """

    TYPE: ClassVar[str] = "datastore.measured"
    V: ClassVar[int] = 1
    datastore: str
    at: datetime
    heartbeat_at: datetime | None
    recoverable_heartbeat_at: datetime | None
    waiting_segments: int
    wal_position: int
    streaming: tuple[str, ...]
    not_streaming: tuple[str, ...]
    canaries: Canaries | None
    evidence: str

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"measure/{self.datastore}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class BackupWeighed:
    """How much a backup copied, and how much of it is stored after compression.

    Encrypted data do not compress: when the share of ``stored_bytes`` leaps, somebody
    may have encrypted what was copied.
    """

    TYPE: ClassVar[str] = "backup.weighed"
    V: ClassVar[int] = 1
    datastore: str
    repository: int
    label: str
    kind: str
    finished_at: datetime
    size_bytes: int
    copied_bytes: int
    stored_bytes: int

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"backup/{self.datastore}/{self.repository}/{self.label}/weight"
