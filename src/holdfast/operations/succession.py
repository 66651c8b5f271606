"""After the log's key fell into wrong hands: close the log, and go on in a new one.

The new log begins with an entry that commits to the old one's last trusted checkpoint
and to all that it held; that follows verbatim, so that the new log knows what the old
one knew. Each step may be repeated: a crash leaves an old log that takes nothing more
and a new one that is not used until it is whole.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from holdfast.domain.events.custody import LedgerCarried, LedgerClosed, LedgerOpened
from holdfast.domain.memory.people import forgotten
from holdfast.errors import HoldfastError
from holdfast.journal import Fact, read
from holdfast.ledger.checkpoint import Checkpoint, parse_checkpoint
from holdfast.ledger.merkle import Frontier, leaf_hashes
from holdfast.ledger.note import VerifierKey, parse_note
from holdfast.operations.deliver import parcels_of
from holdfast.operations.key_acts import warrant
from holdfast.operations.keys import keys_ever, wrong_signer
from holdfast.operations.log import Log
from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import (
    HELD,
    Delivered,
    Draft,
    Parcel,
    Settlement,
    Store,
)
from holdfast.operations.respond import Desk

AT_ONCE = 500
# Long over: a run that was cut off between claim and settlement claims again.
CLAIM_FOR = timedelta(0)
_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
Progress = Callable[[int, int], None]


class SuccessionError(HoldfastError):
    """The new log would not go on from the old one; nothing of either was changed."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """The last checkpoint of the old log that is believed, its note, and the keys."""

    checkpoint: Checkpoint
    note: bytes
    keys: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """What a succession did."""

    opened: LedgerOpened
    entries: int
    deliveries: int


def trusted_checkpoint(
    log: Log,
    keys: Sequence[VerifierKey],
    size: int | None = None,
    progress: Progress | None = None,
) -> Trusted:
    """Return the old log's newest signed checkpoint, or that of a size, verified.

    All entries are read: what the database holds must be what its head and that
    checkpoint say.
    """
    store, custody = log.store, log.state().custody
    notes = dict(store.checkpoints())
    wanted = max(notes, default=None) if size is None else size
    if wanted not in notes:
        raise SuccessionError(
            f"no checkpoint of size {wanted} is kept"
            if size is not None
            else "the old log was never signed",
            "See which sizes are: holdfast ledger verify --json.",
        )
    assert wanted is not None
    note = notes[wanted]
    wrong = wrong_signer(note, custody, keys)
    if wrong is not None:
        raise SuccessionError(
            f"the checkpoint is not to be trusted: {wrong}",
            "Give the old log's public key with --old-key, or an older checkpoint's "
            "size with --trust.",
        )
    checkpoint = parse_checkpoint(parse_note(note).text)
    size_now, root = store.root()
    if _root_of(store, 0, wanted, progress) != checkpoint.root:
        raise SuccessionError(
            f"the old database does not hold what was signed at size {wanted}",
            "It was changed. Recover it from the copy off-site first, or trust an "
            "older checkpoint: --trust SIZE.",
        )
    if _root_of(store, 0, size_now, progress) != root:
        raise SuccessionError(
            "the old database's entries do not give the root of its head",
            "It was changed: recover it from the copy off-site first.",
        )
    return Trusted(checkpoint, note, keys_ever(custody) or tuple(keys))


def succeed(
    old: Desk,
    new: Log,
    origin: str,
    trusted: Trusted,
    reason: str,
    progress: Progress | None = None,
) -> Succeeded:
    """Close the old log and have the new one go on from it; repeatable."""
    situation = old.situation()
    named = trusted.checkpoint.origin
    known = warrant(old, situation, "close_ledger", named)
    if not reason.strip():
        raise SuccessionError("no reason is given", "Say why: it stands in both logs.")
    if origin == trusted.checkpoint.origin:
        raise SuccessionError(
            f"the new log would have the old one's name, {origin}",
            "A new log needs a key with a name of its own: one history, one name.",
        )
    _require_free(new.store, trusted.checkpoint.origin)
    store = old.log.store
    if situation.state.custody.closed is None:
        closed = LedgerClosed(named, reason, old.person, known.signed_in, situation.now)
        fact = Fact(closed, situation.now, actor=f"person:{old.person}")
        # Last of them: nothing follows in a log that is closed.
        old.log.record([*known.beside, fact])
    store.close_log()
    size, root = store.root()
    opened = _open(
        new,
        LedgerOpened(
            origin=origin,
            continues=trusted.checkpoint.origin,
            old_keys=tuple(map(str, trusted.keys)),
            trusted_size=trusted.checkpoint.size,
            trusted_root=base64.b64encode(trusted.checkpoint.root).decode(),
            trusted_note=new.store.put_blob(trusted.note),
            entries=size,
            root=base64.b64encode(root).decode(),
            reason=reason,
            by=old.person,
            at=new.now(),
        ),
    )
    if new.state().custody.carried:
        return Succeeded(opened, size, 0)  # It was whole, and may have grown since.
    _carry(store, new.store, size, progress)
    _require_same(new.store, opened)
    deliveries = _carry_beside(old.log, new)
    now = new.now()
    carried = LedgerCarried(origin, trusted.checkpoint.origin, size, now)
    new.record([Fact(carried, now)])
    return Succeeded(opened, size, deliveries)


def check_succession(store: Store) -> LedgerOpened | None:
    """Return what the log says that it goes on from, recomputed; ``None`` if nothing.

    Raises `SuccessionError` where the entries are not those that it commits to.
    """
    opened = _opening(store)
    if opened is not None:
        _require_same(store, opened)
    return opened


def _opening(store: Store) -> LedgerOpened | None:
    first = store.read(0, 1)
    event = read(0, first[0]).event if first else None
    return event if isinstance(event, LedgerOpened) else None


def _require_free(new: Store, old_origin: str) -> None:
    opened = _opening(new)
    if new.size() and (opened is None or opened.continues != old_origin):
        raise SuccessionError(
            f"the new database holds another log already, of {new.size()} entries",
            "Name an empty database in the settings: store = …",
        )


def _open(new: Log, wanted: LedgerOpened) -> LedgerOpened:
    """Write the first entry, unless an interrupted run did; return the one there."""
    known = _opening(new.store)
    if known is None:
        fact = Fact(wanted, wanted.at, actor=f"person:{wanted.by}")
        new.record([fact], expected_size=0)
        return wanted
    if replace(wanted, reason=known.reason, by=known.by, at=known.at) != known:
        raise SuccessionError(
            "the new database was begun for another end of the old log",
            "Name an empty database in the settings: store = …",
        )
    return known


def _carry(old: Store, new: Store, size: int, progress: Progress | None) -> None:
    """Append the old entries verbatim, each one place further on."""
    while (start := new.size() - 1) < size:
        entries = old.read(start, min(start + AT_ONCE, size))
        for data in entries:
            for digest in _DIGEST.findall(data):
                # What an erasure took away is gone here, too.
                blob = old.blob(digest.decode())
                if blob is not None:
                    new.put_blob(blob)
        found = [read(start + at, data) for at, data in enumerate(entries)]
        drafts = [
            Draft(one.key, lambda _, data=data: data)  # type: ignore[misc]
            for one, data in zip(found, entries, strict=True)
        ]
        moment = max(one.recorded_at for one in found)
        new.append(drafts, now=moment, expected_size=start + 1)
        if progress is not None:
            progress(start + len(entries), size)


def _require_same(store: Store, opened: LedgerOpened) -> None:
    """Refuse a new log whose entries are not the old ones, in their order."""
    for size, root in (
        (opened.entries, opened.root),
        (opened.trusted_size, opened.trusted_root),
    ):
        if _root_of(store, 1, size, None) != base64.b64decode(root):
            raise SuccessionError(
                f"the entries below the first are not the old log's first {size}",
                "Keep this database as evidence, and begin again with an empty one.",
            )


def _root_of(store: Store, start: int, size: int, progress: Progress | None) -> bytes:
    """Return the root of so many entries from a place on, from their bytes."""
    frontier = Frontier()
    while frontier.size < size:
        at = start + frontier.size
        entries = store.read(at, min(at + AT_ONCE, start + size))
        if not entries:
            break
        frontier = frontier.extend(leaf_hashes(entries))
        if progress is not None:
            progress(frontier.size, size)
    return frontier.root()


def _carry_beside(old: Log, new: Log) -> int:
    """Bring over what is no entry: personal data, and what is still to be delivered.

    What the old outbox knows as delivered is not delivered again.
    """
    gone = forgotten(old.state().erasures)
    change = PersonalChange(keep=tuple(old.store.people()), texts=tuple(gone))
    new.store.append([], now=new.now(), personal=change)
    state, moment = old.state(), new.now()
    rules = old.rules(state)
    held = {parcel.key for parcel in old.store.held()}
    parcels: list[Parcel] = []
    outcomes: dict[str, Delivered] = {}
    known: set[str] = set()
    for name in sorted(state.notices.undelivered):
        due = state.notices.all[name].due
        _, settled = old.store.deliveries(name)
        outcomes |= {one.key: one for one in settled}
        known |= {one.key for one in new.store.deliveries(name)[1]}
        if rules is not None:
            parcels += parcels_of([Fact(due, due.at)], rules)
    # Settled ones first, and alone: nothing of them may be open for a moment.
    fresh = [one for one in parcels if one.key not in outcomes]
    done = [one for one in parcels if one.key in outcomes and one.key not in known]
    new.store.append([], now=moment, parcels=done)
    for claim in new.store.claim(now=moment, lease=CLAIM_FOR, limit=len(done)):
        was = outcomes[claim.parcel.key]
        settlement = Settlement(claim, was.outcome, receipt=was.receipt)
        new.store.append([], now=moment, settlements=[settlement])
    waiting = [
        replace(one, not_before=HELD) if one.key in held else one for one in fresh
    ]
    new.store.append([], now=moment, parcels=waiting)
    return len(waiting)
