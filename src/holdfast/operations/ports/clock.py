"""Where the moment comes from."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where the moment comes from; simulated time has the same shape."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        ...
