"""Orders that wait for another person, with what that person must know to decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdfast.domain.events.authority import Destructive

Act = Literal["approve", "cancel", "break_glass", "review_glass"]
Waits = Literal["approval", "review"]
How = Literal["approved", "glass broken", "cancelled", "lapsed"]


@dataclass(frozen=True, slots=True)
class WaitingView:
    """An order that waits, in one line; ``who`` are those who may do what it waits
    for.
    """

    order: str
    what: str
    by: str
    since: datetime
    waits_for: Waits
    lapses_at: datetime
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathView:
    """A drill of the same path: this datastore from this repository."""

    at: datetime
    passed: bool
    recovery_time: timedelta | None
    data_loss: timedelta | None
    index: int


@dataclass(frozen=True, slots=True)
class RestoreView:
    """What a restore overwrites, from where, and what is known of that path.

    ``target`` is ``None`` for the newest moment; ``until`` is that moment as the last
    look found it. ``loss`` is an estimate, to the fault, or to now where nothing fails;
    ``takes`` the longest of the last drills. ``why_not`` says why no plan can be made.
    ``held`` are the steps that wait for a person's word besides.
    """

    datastore: str
    name: str
    place: str
    customer_data: bool
    services: tuple[str, ...]
    incident: str
    repository: int
    off_site: bool | None
    backup: str
    backup_at: datetime | None
    target: datetime | None
    since: datetime | None
    until: datetime | None
    loss: timedelta | None
    takes: timedelta | None
    why_not: str
    check: Literal["under way", "good", "failed"]
    checks: tuple[str, ...]
    held: tuple[str, ...]
    drills: tuple[PathView, ...]


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order that waits. ``may`` is what the person who looks may do about it.

    The three of the broken glass are empty until it is broken.
    """

    order: str
    operation: Destructive
    what: str
    by: str
    signed_in: str
    since: datetime
    lapses_at: datetime
    index: int
    waits_for: Waits
    who: tuple[str, ...]
    may: tuple[Act, ...]
    own: bool
    restore: RestoreView | None
    broken_by: str = ""
    broken_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DecidedView:
    """An order that waits no more: what became of it, by whom, and why if said."""

    order: str
    what: str
    ordered_by: str
    how: How
    by: str
    at: datetime
    reason: str
    index: int


@dataclass(frozen=True, slots=True)
class ApprovalsView:
    """Everything on the page *Approvals*, for one person at one moment."""

    as_of: datetime
    as_of_index: int
    zone: str
    person: str
    waiting: tuple[OrderView, ...]
    decided: tuple[DecidedView, ...]
