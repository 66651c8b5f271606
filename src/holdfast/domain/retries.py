"""When a delivery that was not taken is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST = timedelta(seconds=2)
LONGEST = timedelta(minutes=2)


def retry_at(now: datetime, failures: int, asked: timedelta | None = None) -> datetime:
    """Return the moment of the next attempt after so many failures.

    The pause doubles from 2 seconds to 2 minutes: short against the policy's 15
    minutes, and never shorter than the other side ``asked`` for.
    """
    pause = min(FIRST * (1 << min(max(failures - 1, 0), 10)), LONGEST)
    return now + max(pause, asked or pause)
