"""Repositories of backups: what was ordered, what was tried on them, what is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

WrongKey = Literal["refused", "opened", "unknown"]
Deletion = Literal["refused", "possible", "unknown"]
Escrow = Literal["opens", "fails", "none"]


@dataclass(frozen=True, slots=True)
class BackupOrdered:
    """A person ordered a backup; it proves nothing about the schedule.

    ``repository`` is ``None`` for all of them, ``kind`` for what the schedule asks for.
    """

    TYPE: ClassVar[str] = "backup.ordered"
    V: ClassVar[int] = 1
    job: str
    datastore: str
    repository: int | None
    kind: str | None
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/ordered"


@dataclass(frozen=True, slots=True)
class RepositoryExamined:
    """What a verification found out about one repository by trying.

    ``read_back``: all of it was read with the repository's own credentials alone, and
    is whole. ``cipher`` is what the raw bytes show. ``wrong_key``: a restore with
    another key was refused, or not. ``deletion``: so was a deletion with production's
    credentials; ``unknown`` where it could not be tried. ``escrow``: the key's copy
    outside production opens the repository, or none is declared. ``owner`` and
    ``region`` are the place's own word, ``None`` where it has none.
    """

    TYPE: ClassVar[str] = "repository.examined"
    V: ClassVar[int] = 1
    job: str
    datastore: str
    repository: int
    read_back: bool
    cipher: str | None
    wrong_key: WrongKey
    deletion: Deletion
    escrow: Escrow
    owner: str | None
    region: str | None
    evidence: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/examined/{self.repository}"


@dataclass(frozen=True, slots=True)
class BackupsExpired:
    """Retention removed these backups from a repository; ``kept`` are left."""

    TYPE: ClassVar[str] = "backups.expired"
    V: ClassVar[int] = 1
    job: str
    datastore: str
    repository: int
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    evidence: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"job/{self.job}/expired/{self.repository}"


@dataclass(frozen=True, slots=True)
class WindowSeen:
    """From when to when any moment can be restored from a repository.

    ``holes`` are WAL segments that are missing since its oldest sound backup; the
    window begins after them. Recorded when it changed, and hourly.
    """

    TYPE: ClassVar[str] = "window.seen"
    V: ClassVar[int] = 1
    datastore: str
    repository: int
    since: datetime | None
    until: datetime | None
    holes: tuple[str, ...]
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"window/{self.datastore}/{self.repository}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class WalSeen:
    """How much WAL lies on the server, and how much room is left beside it."""

    TYPE: ClassVar[str] = "wal.seen"
    V: ClassVar[int] = 1
    datastore: str
    at: datetime
    wal_bytes: int
    free_bytes: int

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"wal/{self.datastore}/{self.at.isoformat()}"
