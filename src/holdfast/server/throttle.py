"""How often a sign-in may fail before the door waits.

Counted per user at an address, per address, and per user, for a quarter of an hour.
The limit per user alone is wide, since a narrow one would let a stranger lock the
response team out at will. Memory is bounded: the oldest counts go first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
PER_USER_AT_ADDRESS = 5
PER_ADDRESS = 20
PER_USER = 100
_REMEMBERED = 10_000


@dataclass(slots=True)
class _Count:
    failures: int
    until: datetime


class Throttle:
    """Admits attempts to sign in.

    An attempt counts as a failure when it is admitted, and a success takes it back:
    many attempts made at the same instant cannot slip in before the first one fails.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, user: str, address: str, now: datetime) -> timedelta:
        """Admit an attempt and count it, or return how long it has to wait."""
        with self._lock:
            waits = [
                count.until - now
                for key, limit in _limits(user, address)
                if (count := self._counts.get(key))
                and count.failures >= limit
                and count.until > now
            ]
            if not waits:
                self._count(user, address, now)
        return max(waits, default=timedelta())

    def succeeded(self, user: str, address: str) -> None:
        """Take the attempt back, and forget this user's failures at this address."""
        with self._lock:
            for key, _ in _limits(user, address):
                if count := self._counts.get(key):
                    count.failures -= 1
            self._counts.pop((user, address), None)

    def _count(self, user: str, address: str, now: datetime) -> None:
        for key, _ in _limits(user, address):
            count = self._counts.get(key)
            if count is None or count.until <= now:
                self._counts[key] = _Count(1, now + WINDOW)
                self._counts.move_to_end(key)
            else:
                count.failures += 1
        while len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)


def _limits(user: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
    return (
        ((user, address), PER_USER_AT_ADDRESS),
        (("", address), PER_ADDRESS),
        ((user, ""), PER_USER),
    )
