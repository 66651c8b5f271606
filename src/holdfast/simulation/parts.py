"""The small parts of a simulated world: hands that work at once, channels that keep
what they are given, a lookout that sees what was published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.errors import HoldfastError
from holdfast.operations.ports.channel import Accepted, Message, Rejected
from holdfast.operations.ports.clock import Clock
from holdfast.operations.world import Inbox, Work


class PromptHands:
    """Does work where it stands; facts are in the inbox when `do` returns."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.faults: dict[str, HoldfastError] = {}

    def do(self, key: str, work: Work) -> None:
        """Do the work now; what goes wrong is kept, and tried again when asked."""
        try:
            self._inbox.put(work())
            self.faults.pop(key, None)
        except HoldfastError as fault:
            self.faults[key] = fault

    def close(self) -> None:
        """Nothing is ever under way."""


@dataclass(slots=True)
class Draws:
    """Gives the same bytes in the same order in every run: a simulation has no chance.

    What they seal is sealed from nobody.
    """

    given: int = 0

    def __call__(self, size: int) -> bytes:
        """Return the next bytes."""
        self.given += 1
        return hashlib.shake_256(str(self.given).encode()).digest(size)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as the other side took it."""

    at: datetime
    address: str
    message: Message


@dataclass(slots=True)
class KeepingChannel:
    """Takes every message and keeps it."""

    name: str
    clock: Clock
    sent: list[Sent] = field(default_factory=list)

    def send(self, message: Message, address: str) -> Accepted | Rejected:
        """Take the message."""
        at = self.clock.now()
        self.sent.append(Sent(at, address, message))
        return Accepted(f"{self.name}/{len(self.sent)}", at)


@dataclass(slots=True)
class KeptPage:
    """Sees the updates that a `KeepingChannel` was given as the status page."""

    channel: KeepingChannel
    url: str = "http://status.invalid/"

    def seen(self, notice: str) -> datetime | None:
        """Return when the page with the notice was published."""
        for sent in self.channel.sent:
            if notice in _updates(sent.message.data):
                return sent.at
        return None


def _updates(data: Mapping[str, object]) -> set[str]:
    incidents = data.get("incidents")
    assert isinstance(incidents, list)
    return {
        update["id"]
        for incident in incidents
        for update in incident["incident_updates"]
    }
