"""What waited after a recovery, and who let it go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class NoticeReleased:
    """A person let the quarantined deliveries of a notice go.

    Whether they had been delivered before the machine was lost, nobody can know: the
    person decided that a repeat does less harm than silence.
    """

    TYPE: ClassVar[str] = "notice.released"
    V: ClassVar[int] = 1
    notice: str
    deliveries: int
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.notice}/released/{self.at.isoformat()}"
