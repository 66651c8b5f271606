"""What the web face asks of the house behind it, and of the operator at its door.

The face reads: it never decides, records or acts. What a person decides on a page is
recorded at a desk, under their name and with how they were known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from holdfast.evidence.approvals import ApprovalsView
from holdfast.evidence.recovery_views import ProtectionView
from holdfast.evidence.views import StandingView
from holdfast.operations.authority import SignIn
from holdfast.operations.respond import Desk

Desks: TypeAlias = Callable[[str, SignIn], Desk]
"""Gives a person's desk, for an act that they have just signed in for."""

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Face(Protocol):
    """What is shown. Every method may be called from several threads at once."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        ...

    def size(self) -> int:
        """Return the ledger's size. Cheap: asked each second by every live page."""
        ...

    def standing(self, now: datetime) -> StandingView:
        """Return how everything stands at ``now``."""
        ...

    def protection(self, now: datetime) -> ProtectionView | None:
        """Return how recoverable everything is; ``None`` before a policy is adopted."""
        ...

    def approvals(self, now: datetime, person: str) -> ApprovalsView | None:
        """Return what waits, as the person sees it; ``None`` before an adoption."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in, and under which names the house answers.

    ``hashes`` maps a user to the argon2 hash of the password; ``secret`` signs the
    sessions and stays the same across restarts, so that nobody is signed out in the
    middle of a recovery. ``secure`` is true where browsers come by https.
    """

    secret: bytes = field(repr=False)
    hashes: Mapping[str, str] = field(repr=False)
    hosts: frozenset[str] = LOOPBACK_HOSTS
    secure: bool = False
