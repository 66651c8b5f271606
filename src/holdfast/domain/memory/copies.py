"""What is remembered of each copy of the log off-site."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from immutables import Map

from holdfast.domain.events.copies import (
    CopySeen,
    PublishChecked,
    PublishFailing,
    PublishRecovered,
)
from holdfast.domain.events.rehearsal import CopyLockChecked, LedgerRebuilt

CopyEvent: TypeAlias = (
    PublishFailing
    | PublishRecovered
    | PublishChecked
    | CopySeen
    | LedgerRebuilt
    | CopyLockChecked
)


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: since when it fails, the checkpoint that it showed last, and what
    reading, rebuild and lock showed.
    """

    failing: PublishFailing | None = None
    failing_index: int | None = None
    checked: PublishChecked | None = None
    checked_index: int | None = None
    seen: CopySeen | None = None
    seen_index: int | None = None
    rebuilt: LedgerRebuilt | None = None
    rebuilt_index: int | None = None
    locked: CopyLockChecked | None = None
    locked_index: int | None = None

    @property
    def has_shown_the_log(self) -> bool:
        """Say whether anything of the log was ever seen there.

        Places for personal data fail under their own address, too; they hold no log.
        """
        shown = (self.checked, self.seen, self.rebuilt, self.locked)
        return any(event is not None for event in shown)


Copies: TypeAlias = Map[str, Copy]


def remember(copies: Copies, event: CopyEvent, index: int) -> Copies:
    """Return the copies with the event folded in."""
    copy = copies.get(event.target, Copy())
    match event:
        case PublishFailing():
            copy = replace(copy, failing=event, failing_index=index)
        case PublishRecovered():
            copy = replace(copy, failing=None, failing_index=None)
        case PublishChecked():
            copy = replace(copy, checked=event, checked_index=index)
        case CopySeen():
            copy = replace(copy, seen=event, seen_index=index)
        case LedgerRebuilt():
            copy = replace(copy, rebuilt=event, rebuilt_index=index)
        case CopyLockChecked():
            copy = replace(copy, locked=event, locked_index=index)
        case _:
            assert_never(event)
    return copies.set(event.target, copy)
