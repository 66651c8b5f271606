"""What the company puts in force: nothing takes effect but by one of these entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class PolicyAdopted:
    """The policy's text with this digest is in force from here on.

    The text itself is kept beside the log under ``digest``.
    """

    TYPE: ClassVar[str] = "policy.adopted"
    V: ClassVar[int] = 1
    digest: str
    title: str
    sentences: int
    approved_by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"policy/{self.digest}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class OverlayAdopted:
    """The decisions in the overlay with this digest are in force."""

    TYPE: ClassVar[str] = "overlay.adopted"
    V: ClassVar[int] = 1
    digest: str
    decisions: int
    approved_by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"overlay/{self.digest}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class RunbookAdopted:
    """The runbook with this digest leads recoveries of these datastores."""

    TYPE: ClassVar[str] = "runbook.adopted"
    V: ClassVar[int] = 1
    runbook: str
    digest: str
    datastores: tuple[str, ...]
    owner: str
    steps: int
    approved_by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"runbook/{self.runbook}/{self.digest}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class RunbookWithdrawn:
    """The runbook is not in the resilience folder any more, and leads nothing."""

    TYPE: ClassVar[str] = "runbook.withdrawn"
    V: ClassVar[int] = 1
    runbook: str
    approved_by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"runbook/{self.runbook}/withdrawn/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class CatalogueAdopted:
    """The catalogue with this digest is in force."""

    TYPE: ClassVar[str] = "catalogue.adopted"
    V: ClassVar[int] = 1
    digest: str
    approved_by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"catalogue/{self.digest}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class HolidaysAdopted:
    """The table of public holidays with this digest is in force.

    ``time_zone_data`` is the version of the tz database that business time is
    reckoned with, so that an auditor can reckon the same.
    """

    TYPE: ClassVar[str] = "holidays.adopted"
    V: ClassVar[int] = 1
    digest: str
    jurisdiction: str
    first_year: int
    last_year: int
    time_zone_data: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"holidays/{self.digest}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node of Holdfast began to beat; after a crash this is where it shows."""

    TYPE: ClassVar[str] = "node.started"
    V: ClassVar[int] = 1
    node: str
    version: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"node/{self.node}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class LedgerChecked:
    """The whole log was verified up to ``size``; ``scope`` says against what."""

    TYPE: ClassVar[str] = "ledger.checked"
    V: ClassVar[int] = 1
    size: int
    root: str
    ok: bool
    scope: str
    detail: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/checked/{self.scope}/{self.at.isoformat()}"
