"""What is remembered of what people are owed, and of what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.notice import (
    DeliveryFailed,
    DutyEscalated,
    NoticeDelivered,
    NoticeDue,
    StatusPageSeen,
)

NoticeEvent: TypeAlias = NoticeDue | DeliveryFailed | NoticeDelivered | StatusPageSeen


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice with its deliveries."""

    due: NoticeDue
    index: int
    failures: int = 0
    uncertain: int = 0
    refused: bool = False
    last_failure: str = ""
    failed_index: int | None = None
    delivered: NoticeDelivered | None = None
    delivered_index: int | None = None
    seen: StatusPageSeen | None = None
    seen_index: int | None = None

    @property
    def done_at(self) -> datetime | None:
        """Return when the duty was done, by its own kind of evidence.

        A status page counts once an outside fetch saw it; a message once every
        recipient's side took it and at least one did.
        """
        if self.due.channel == "status_page":
            return self.seen.at if self.seen else None
        if self.delivered is None or self.delivered.delivered == 0:
            return None
        return self.delivered.at


@dataclass(frozen=True, slots=True)
class Notices:
    """All notices by key, those still open apart, since every beat asks for them."""

    all: Map[str, Notice] = Map()
    undelivered: Map[str, None] = Map()
    unseen: Map[str, None] = Map()
    escalated: Map[str, DutyEscalated] = Map()
    escalated_indices: Map[str, int] = Map()

    def get(self, key: str) -> Notice | None:
        """Return the notice of that key."""
        return self.all.get(key)


def remember(notices: Notices, event: NoticeEvent, index: int) -> Notices:
    """Return the notices with the event folded in."""
    if isinstance(event, NoticeDue):
        return replace(
            notices,
            all=notices.all.set(event.notice, Notice(event, index)),
            undelivered=notices.undelivered.set(event.notice, None),
            unseen=(
                notices.unseen.set(event.notice, None)
                if event.channel == "status_page"
                else notices.unseen
            ),
        )
    notice = notices.all.get(event.notice)
    if notice is None:
        return notices
    match event:
        case DeliveryFailed():
            changed = replace(
                notice,
                failures=notice.failures + 1,
                uncertain=notice.uncertain + event.uncertain,
                refused=notice.refused or event.permanent,
                last_failure=event.reason,
                failed_index=index,
            )
        case NoticeDelivered():
            changed = replace(notice, delivered=event, delivered_index=index)
            open_now = notices.undelivered
            if event.notice in open_now:
                notices = replace(notices, undelivered=open_now.delete(event.notice))
        case StatusPageSeen():
            changed = replace(notice, seen=event, seen_index=index)
            if event.notice in notices.unseen:
                unseen = notices.unseen.delete(event.notice)
                notices = replace(notices, unseen=unseen)
    return replace(notices, all=notices.all.set(event.notice, changed))


def remember_escalation(notices: Notices, event: DutyEscalated, index: int) -> Notices:
    """Return the notices with the escalated duty noted."""
    return replace(
        notices,
        escalated=notices.escalated.set(event.duty, event),
        escalated_indices=notices.escalated_indices.set(event.duty, index),
    )
