"""Asks, and tries, whether a copy can be deleted; records what was found, daily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.domain.events.rehearsal import CopyLockChecked, LockState
from holdfast.journal import Fact
from holdfast.operations.log import Log

LOCK_EVERY = timedelta(days=1)
# What could not be asked is asked again sooner.
TRY_AGAIN = timedelta(hours=1)
_CHECK_MAX = 300


@dataclass(frozen=True, slots=True)
class Locked:
    """How a place is locked; ``checks`` say in words what was asked and tried."""

    state: LockState
    checks: tuple[str, ...]
    retention_days: int | None = None


class Lock(Protocol):
    """The lock of one copy's place."""

    @property
    def name(self) -> str:
        """The copy's address."""
        ...

    def check(self, now: datetime) -> Locked:
        """Ask and try; faults of the place are told, never raised."""
        ...


def lock_is_due(log: Log, name: str, now: datetime) -> bool:
    """Say whether the copy's lock is to be checked."""
    known = log.state().copies.get(name)
    last = known.locked if known else None
    if last is None:
        return True
    return now - last.at >= (TRY_AGAIN if last.state == "unknown" else LOCK_EVERY)


def check_lock(log: Log, lock: Lock) -> CopyLockChecked:
    """Check the lock now, and record the result."""
    now = log.now()
    found = lock.check(now)
    event = CopyLockChecked(
        target=lock.name,
        state=found.state,
        retention_days=found.retention_days,
        checks=tuple(check[:_CHECK_MAX] for check in found.checks),
        at=now,
    )
    log.record([Fact(event, now)])
    return event


def lock_checked(log: Log, lock: Lock) -> Sequence[Fact]:
    """Do it beside the beat, if it is still due."""
    if lock_is_due(log, lock.name, log.now()):
        check_lock(log, lock)
    return ()
