"""A clock that jumps: simulated time has the shape of real time."""

from __future__ import annotations

from datetime import datetime, timedelta


class JumpingClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the simulated moment."""
        return self._now

    def advance(self, length: timedelta) -> None:
        """Move on; never back."""
        assert length >= timedelta(0)
        self._now += length
