"""Ways to tell somebody something.

A failure of the outside world is a value here (a `Rejected`); an exception is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends. ``key`` travels with it, so that a repeat shows."""

    key: str
    subject: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The other side took it; ``receipt`` is its own word for the message."""

    receipt: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """The other side did not take it, or it cannot be known whether it did.

    ``permanent``: trying again cannot help. ``retry_after`` is the other side's wish.
    ``uncertain``: it may have been taken (the connection broke after sending).
    """

    reason: str
    permanent: bool = False
    retry_after: timedelta | None = None
    uncertain: bool = False


class Channel(Protocol):
    """A way to tell somebody something. Returns within its own deadline, never raises
    for the outside world's faults.
    """

    name: str

    def send(self, message: Message, address: str) -> Accepted | Rejected:
        """Send to one address; return when the other side answered."""
        ...
