"""What is owed to people, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

Duty = Literal[
    "alert",
    "alert_fallback",
    "escalation",
    "status_page",
    "customer_email",
    "checkpoint",
]
Stage = Literal["opened", "update", "resolved"]
CUSTOMERS_OF = "customers:"
ChannelName = Literal["slack", "email", "status_page"]


@dataclass(frozen=True, slots=True)
class NoticeDue:
    """Somebody must be told. Recorded before it is delivered.

    ``recipients`` are references ("channel:irt", "person:ana", "page:status");
    "customers:SERVICE" stands for the affected customers of that service, whose number
    is ``count`` and who follow from the adopted catalogue. ``due_at`` is the policy's
    deadline.
    """

    TYPE: ClassVar[str] = "notice.due"
    V: ClassVar[int] = 1
    notice: str
    incident: str
    duty: Duty
    stage: Stage
    channel: ChannelName
    recipients: tuple[str, ...]
    count: int
    subject: str
    text: str
    at: datetime
    due_at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return self.notice


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """One attempt at one recipient that the other side did not take."""

    TYPE: ClassVar[str] = "notice.delivery_failed"
    V: ClassVar[int] = 1
    notice: str
    parcel: str
    attempt: int
    reason: str
    permanent: bool
    uncertain: bool
    retry_at: datetime | None
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.parcel}/failed/{self.attempt}"


@dataclass(frozen=True, slots=True)
class NoticeDelivered:
    """Every recipient of the notice is settled; ``receipts`` is the sealed list.

    ``possible_repeats`` counts attempts that may have reached somebody and were made
    again: those without a record (a crash between the relay's acceptance and our
    commit), and those whose failure is uncertain. A repeat bears the same key.
    ``abandoned`` counts those that the other side refuses for good.
    """

    TYPE: ClassVar[str] = "notice.delivered"
    V: ClassVar[int] = 1
    notice: str
    delivered: int
    abandoned: int
    possible_repeats: int
    receipts: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.notice}/delivered"


@dataclass(frozen=True, slots=True)
class StatusPageSeen:
    """A fetch from outside saw the notice on the public status page."""

    TYPE: ClassVar[str] = "status_page.seen"
    V: ClassVar[int] = 1
    notice: str
    url: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.notice}/seen"


@dataclass(frozen=True, slots=True)
class DutyEscalated:
    """A duty passed its deadline undone; others are told."""

    TYPE: ClassVar[str] = "duty.escalated"
    V: ClassVar[int] = 1
    duty: str
    incident: str
    control: str
    due_at: datetime
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"{self.duty}/escalated"
