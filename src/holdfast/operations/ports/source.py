"""What looks at services and at the status page from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a service from one vantage point."""

    service: str
    vantage: str
    at: datetime
    ok: bool
    latency_ms: float
    detail: str


class Lookout(Protocol):
    """Sees the public status page as an outsider does."""

    url: str

    def seen(self, notice: str) -> datetime | None:
        """Return when a fetch from outside saw the notice, or ``None`` if it did not.

        Ends within its own deadline; whatever goes wrong outside is "not seen".
        """
        ...
