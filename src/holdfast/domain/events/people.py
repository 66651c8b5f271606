"""What happens to personal data: that somebody was erased, that a backup was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

# Of how many backups are left, where the place may not be listed.
UNKNOWN = -1
Reason = Literal["request", "left", "retention", "mistake"]


@dataclass(frozen=True, slots=True)
class PersonErased:
    """What was kept of a person or customer is destroyed; the pseudonym stays.

    ``person`` is the reference that other entries use. ``commitments`` is a digest over
    those of the adopted catalogues, so that an auditor sees which ones can no longer be
    opened. ``texts`` are the digests of adopted texts that held the person, and are no
    longer kept beside the log.
    """

    TYPE: ClassVar[str] = "person.erased"
    V: ClassVar[int] = 1
    person: str
    reason: Reason
    commitments: str
    texts: tuple[str, ...]
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.person}/erased/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class PersonalSaved:
    """What is kept of people was saved off-site, as of a log of ``size`` entries.

    ``left`` counts backups that should be gone and that the place did not let go, and
    is -1 where it may not be listed: then its own rule must see to it.
    """

    TYPE: ClassVar[str] = "personal.saved"
    V: ClassVar[int] = 1
    target: str
    size: int
    rows: int
    left: int
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"personal/saved/{self.target}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class PackWritten:
    """The pack for the day on which Holdfast is dead was written, after a change.

    ``written`` are the places that have it, ``failed`` says of the others why not.
    ``revision`` is a digest over what it follows from in the log; nobody's details.
    """

    TYPE: ClassVar[str] = "pack.written"
    V: ClassVar[int] = 1
    revision: str
    size: int
    written: tuple[str, ...]
    failed: tuple[str, ...]
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"pack/written/{self.at.isoformat()}"
