"""What is remembered of the log's own signing: keys, faults, the weekly checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from holdfast.domain.events.custody import (
    LedgerCheckpointTaken,
    LedgerClosed,
    LedgerKeyIntroduced,
    LedgerKeyRetired,
    LedgerKeyRotated,
    LedgerOpened,
    LedgerSigningFailing,
    LedgerSigningResumed,
)

KeyChange: TypeAlias = LedgerKeyIntroduced | LedgerKeyRotated | LedgerKeyRetired
CustodyEvent: TypeAlias = (
    KeyChange
    | LedgerSigningFailing
    | LedgerSigningResumed
    | LedgerCheckpointTaken
    | LedgerClosed
    | LedgerOpened
)


@dataclass(frozen=True, slots=True)
class Custody:
    """Who signs, and what ails it. ``changes`` stand with the index of their entry.

    ``carried`` is false from the first entry of a log that goes on from another one
    until all of the other one's entries are there.
    """

    changes: tuple[tuple[KeyChange, int], ...] = ()
    failing: LedgerSigningFailing | None = None
    failing_index: int | None = None
    taken: LedgerCheckpointTaken | None = None
    taken_index: int | None = None
    closed: LedgerClosed | None = None
    opened: LedgerOpened | None = None
    carried: bool = True


def remember(custody: Custody, event: CustodyEvent, index: int) -> Custody:
    """Return the custody with the event folded in."""
    match event:
        case LedgerKeyIntroduced() | LedgerKeyRotated() | LedgerKeyRetired():
            return replace(custody, changes=(*custody.changes, (event, index)))
        case LedgerSigningFailing():
            return replace(custody, failing=event, failing_index=index)
        case LedgerSigningResumed():
            return replace(custody, failing=None, failing_index=None)
        case LedgerCheckpointTaken():
            return replace(custody, taken=event, taken_index=index)
        case LedgerClosed():
            return replace(custody, closed=event)
        case LedgerOpened() if not custody.carried:
            return custody  # A carried entry: the opening of a log before the last.
        case LedgerOpened():
            return replace(custody, opened=event, carried=False)
        case _:
            assert_never(event)


def keys_in_force(custody: Custody, size: int) -> tuple[str, ...]:
    """Return the keys that may sign the checkpoint of a size: the rule for everybody.

    An entry speaks for the checkpoints that it is part of. The first key is valid from
    the first checkpoint on, though it may have been introduced later. Empty means that
    the log does not name its keys: it is older than that, or nothing was signed.
    """
    keys: list[str] = []
    for at, (change, index) in enumerate(custody.changes):
        if index >= size and at > 0:
            continue
        match change:
            case LedgerKeyIntroduced(public=public):
                keys = keys or [public]
            case LedgerKeyRotated(old=old, new=new):
                # A key is in its place once, whatever was recorded twice.
                keys = keys or [old]
                if index < size and new not in keys:
                    keys.append(new)
            case LedgerKeyRetired(public=public):
                rest = [key for key in keys if key != public]
                # The last key stays: a log that nobody may sign would be no log.
                keys = rest if index < size and rest else keys
            case _:
                assert_never(change)
    return tuple(keys)


def all_keys(custody: Custody) -> tuple[str, ...]:
    """Return every key that the log introduced, oldest first, also retired ones."""
    named: dict[str, None] = {}
    for change, _ in custody.changes:
        match change:
            case LedgerKeyRotated(old=old, new=new):
                named |= {old: None, new: None}
            case LedgerKeyIntroduced(public=public) | LedgerKeyRetired(public=public):
                named[public] = None
            case _:
                assert_never(change)
    return tuple(named)
