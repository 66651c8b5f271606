"""Will `pg_wal` fill its disk? A server whose WAL has no room stops."""

from __future__ import annotations

from datetime import timedelta

from holdfast.domain.memory.protection import Datastore

# Somebody has to be able to act, also at night.
WARN_BEFORE = timedelta(hours=4)
LEAST_FREE_BYTES = 1 << 30
# Growth over less than this is the coming and going of single segments.
SHORTEST_TREND = timedelta(minutes=10)


def shortage(known: Datastore) -> str | None:
    """Return in words that WAL runs out of room, or will soon at its present growth."""
    if not known.wal:
        return None
    first, last = known.wal[0], known.wal[-1]
    if last.free_bytes < LEAST_FREE_BYTES:
        return f"pg_wal has only {last.free_bytes >> 20:,} MiB of room left"
    grown, took = last.wal_bytes - first.wal_bytes, last.at - first.at
    if took < SHORTEST_TREND or grown <= 0:
        return None
    left = took * (last.free_bytes / grown)
    if left > WARN_BEFORE:
        return None
    minutes = left.total_seconds() / 60
    return f"pg_wal grows, and fills its disk in about {minutes:,.0f} min"
