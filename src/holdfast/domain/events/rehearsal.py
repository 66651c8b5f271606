"""What is proved of the log's copies: that it comes back, that they are locked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

Outcome = Literal["whole", "differs", "failed", "unreadable"]
LockState = Literal["locked", "open", "unknown", "none"]


@dataclass(frozen=True, slots=True)
class LedgerRebuilt:
    """The log was rebuilt from a copy alone, into an empty place, and compared.

    ``whole``: same root and, at one moment, the same standing of every sentence.
    ``differs``: what came back is not what is here. ``failed``: nothing came back.
    ``unreadable``: the credentials may not get, so that nothing could be tried.
    """

    TYPE: ClassVar[str] = "ledger.rebuilt"
    V: ClassVar[int] = 1
    target: str
    size: int
    root: str
    outcome: Outcome
    seconds: int
    detail: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/rebuilt/{self.target}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class CopyLockChecked:
    """Whether a copy's place refuses deletion, asked and tried.

    ``locked``: versioning and object lock are on, and a delete was refused. ``open``:
    something of that is missing. ``unknown``: it could not be asked. ``none``: a place
    of this kind has no lock that could be asked for.
    """

    TYPE: ClassVar[str] = "copy.lock_checked"
    V: ClassVar[int] = 1
    target: str
    state: LockState
    retention_days: int | None
    checks: tuple[str, ...]
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"copy/lock/{self.target}/{self.at.isoformat()}"
