"""Moments that are counted back from what entries say, whatever those say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_FIRST = datetime.min.replace(tzinfo=UTC)


def before(moment: datetime, length: timedelta) -> datetime:
    """Return the moment that long before, or the first that there is.

    An entry may bear any moment, and none may stop the fold.
    """
    try:
        return moment - length
    except OverflowError:
        return _FIRST
