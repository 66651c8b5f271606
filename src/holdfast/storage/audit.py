"""Check a store against itself and its signatures, and prove single entries from it.

Everything is computed again from the entries: leaf hashes, the root that the head
stands for, and the root of every signed checkpoint the store holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from holdfast.ledger.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    verify_checkpoint,
)
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Frontier, Tree, leaf_hashes
from holdfast.ledger.note import Verified, VerifierKey, parse_note
from holdfast.ledger.proof import Proof
from holdfast.ledger.verify import Progress
from holdfast.operations.ports.store import Store

_BATCH = 1_024
_ALTERED = "Stop Holdfast, keep this database as evidence, compare with the copies."


@dataclass(frozen=True, slots=True)
class Audit:
    """What was checked, all of it found right; ``latest`` is ``None`` if unsigned."""

    size: int
    root: bytes
    checkpoints: tuple[int, ...]
    latest: Checkpoint | None
    signed_by: tuple[Verified, ...]


def audit(
    store: Store, keys: Iterable[VerifierKey], progress: Progress | None = None
) -> Audit:
    """Check every entry and checkpoint; without keys, signatures are left aside."""
    keys = tuple(keys)
    # Before size and root: a checkpoint signed meanwhile must not look too large.
    notes = dict(store.checkpoints())
    size, root = store.root()
    latest: Checkpoint | None = None
    signed_by: tuple[Verified, ...] = ()
    wanted: dict[int, Checkpoint] = {}
    for signed_size, note in notes.items():
        latest, signed_by = _read(signed_size, note, keys)
        _require_within(latest, size)
        wanted[signed_size] = latest
    frontier = _walk(store, size, wanted, progress)
    if frontier.root() != root:
        raise LedgerError(
            f"the head's root is {root.hex()}, the entries give"
            f" {frontier.root().hex()}",
            _ALTERED,
            "head",
        )
    return Audit(size, root, tuple(wanted), latest, signed_by)


def prove(store: Store, index: int) -> Proof:
    """Return the proof that an entry stands under the latest signed checkpoint."""
    note = store.checkpoint()
    if note is None:
        raise LedgerError(
            "nothing is signed yet, so that nothing can be proved",
            "Let the node run until it has signed a checkpoint.",
        )
    signed = parse_checkpoint(parse_note(note).text)
    tree = Tree(store.leaf_hashes(0, signed.size))
    if tree.size != signed.size or tree.root() != signed.root:
        raise LedgerError(
            f"the log does not fit its checkpoint of size {signed.size}",
            "Run `holdfast ledger verify` to see what differs.",
        )
    return Proof(index, tuple(tree.inclusion(index)), note)


def _read(
    size: int, note: bytes, keys: tuple[VerifierKey, ...]
) -> tuple[Checkpoint, tuple[Verified, ...]]:
    place = f"checkpoint of size {size}"
    try:
        if keys:
            signed = verify_checkpoint(note, keys)
            checkpoint, signed_by = signed.checkpoint, signed.signed_by
        else:
            checkpoint, signed_by = parse_checkpoint(parse_note(note).text), ()
    except LedgerError as fault:
        where = f"{place} {fault.where}".strip()
        raise LedgerError(fault.message, fault.hint, where) from None
    if checkpoint.size != size:
        raise LedgerError(f"it is of size {checkpoint.size}", _ALTERED, place)
    return checkpoint, signed_by


def _require_within(checkpoint: Checkpoint, size: int) -> None:
    if checkpoint.size > size:
        raise LedgerError(
            f"the log was signed at size {checkpoint.size} and holds only {size}",
            "Entries are gone, or this is an older backup: bring it forward from the"
            " published copy before anything is appended.",
            f"checkpoint of size {checkpoint.size}",
        )


def _walk(
    store: Store,
    size: int,
    wanted: Mapping[int, Checkpoint],
    progress: Progress | None,
) -> Frontier:
    """Hash all entries again, stopping at each signed size to compare the root."""
    frontier = Frontier()
    if 0 in wanted:
        _require_root(wanted[0], frontier)
    stops = sorted({*range(0, size, _BATCH), *wanted, size} - {0})
    for stop in stops:
        frontier = frontier.extend(_checked_leaves(store, frontier.size, stop))
        if stop in wanted:
            _require_root(wanted[stop], frontier)
        if progress:
            progress(stop, size)
    return frontier


def _checked_leaves(store: Store, start: int, stop: int) -> list[bytes]:
    entries, kept = store.read(start, stop), store.leaf_hashes(start, stop)
    if not len(entries) == len(kept) == stop - start:
        raise LedgerError(
            f"of the entries {start} to {stop - 1} only {len(entries)} are there",
            _ALTERED,
            f"entries {start}-{stop - 1}",
        )
    leaves = leaf_hashes(entries)
    for at, (computed, stored) in enumerate(zip(leaves, kept, strict=True), start):
        if computed != stored:
            raise LedgerError(
                f"entry {at} does not fit: computed {computed.hex()},"
                f" stored {stored.hex()}",
                _ALTERED,
                f"entry {at}",
            )
    return leaves


def _require_root(checkpoint: Checkpoint, frontier: Frontier) -> None:
    if frontier.root() != checkpoint.root:
        raise LedgerError(
            f"the root at size {checkpoint.size} does not fit: the entries give"
            f" {frontier.root().hex()}, signed was {checkpoint.root.hex()}",
            _ALTERED,
            f"checkpoint of size {checkpoint.size}",
        )
