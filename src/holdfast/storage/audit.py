"""Check a store against itself and its signatures, and prove single entries from it.

Everything is computed again from the entries: leaf hashes, the root that the head
stands for, and the root of every signed checkpoint the store holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial

from holdfast.ledger.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    verify_checkpoint,
)
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import EMPTY_ROOT, Frontier, fold, leaf_hashes, pairs
from holdfast.ledger.note import Verified, VerifierKey, parse_note
from holdfast.ledger.proof import Proof
from holdfast.ledger.spans import Checked, Share, Span, root_over, spans_of
from holdfast.ledger.tiled import Prover, TileBytes
from holdfast.ledger.tiles import TILE_WIDTH, Tile
from holdfast.ledger.verify import Progress
from holdfast.operations.ports.store import Store
from holdfast.storage.opening import open_store

# So many rows of the database are in memory at once.
_ROWS_TILES = 8
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
    store: Store,
    keys: Iterable[VerifierKey],
    progress: Progress | None = None,
    *,
    address: str | None = None,
    share: Share = map,
) -> Audit:
    """Check every entry and checkpoint; without keys, signatures are left aside.

    With its ``address``, whoever has a ``share`` of the checking opens the store for
    itself: on another core, with a connection of its own.
    """
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
    reopen: Callable[[], Store] = (
        partial(_reopened, address) if address else lambda: store
    )
    computed = _walk(reopen, size, wanted, progress, share)
    if computed != root:
        raise LedgerError(
            f"the head's root is {root.hex()}, the entries give {computed.hex()}",
            _ALTERED,
            "head",
        )
    return Audit(size, root, tuple(wanted), latest, signed_by)


def prove(store: Store, index: int, note: bytes | None = None) -> Proof:
    """Return the proof that an entry stands under a signed checkpoint.

    Which is the latest one, unless the ``note`` of another is given.
    """
    note = note or store.checkpoint()
    if note is None:
        raise LedgerError(
            "nothing is signed yet, so that nothing can be proved",
            "Let the node run until it has signed a checkpoint.",
        )
    return Prover(note, _tiles_in(store)).prove(index)


def _tiles_in(store: Store) -> TileBytes:
    """Return what makes tiles from the kept leaf hashes: a database has no others."""

    @cache
    def above(level: int, index: int) -> bytes:
        """Root of a full tile."""
        row = tile_bytes(Tile(level, index))
        while len(row) > len(EMPTY_ROOT):
            row = b"".join(pairs(row))
        return row

    def tile_bytes(tile: Tile) -> bytes:
        stop = tile.start + tile.width
        if tile.level:
            below = tile.level - 1
            return b"".join(above(below, at) for at in range(tile.start, stop))
        leaves = store.leaf_hashes(tile.start, stop)
        if len(leaves) != tile.width:
            raise _gone(tile.start, stop, len(leaves))
        return b"".join(leaves)

    return tile_bytes


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
    reopen: Callable[[], Store],
    size: int,
    wanted: Mapping[int, Checkpoint],
    progress: Progress | None,
    share: Share,
) -> bytes:
    """Hash all entries again; compare the root at each signed size, return the last."""
    front, root = Frontier(), EMPTY_ROOT
    if 0 in wanted:
        _require_root(wanted[0], root)
    sizes = sorted({*wanted, size})
    spans = list(spans_of(size, sizes))
    answers = share(partial(_check_rows, reopen), spans)
    for span, checked in zip(spans, answers, strict=True):
        full, ragged = iter(checked.full), dict(checked.ragged)
        for moment in span.moments:
            wait = moment // TILE_WIDTH - front.size
            front = front.extend(one for _, one in zip(range(wait), full, strict=False))
            root = root_over(front, ragged.get(moment))
            if moment in wanted:
                _require_root(wanted[moment], root)
        front = front.extend(full)
        if progress:
            progress(span.end, size)
    return root


def _check_rows(reopen: Callable[[], Store], span: Span) -> Checked:
    """Hash the entries of a span again, and compare the kept hashes."""
    store = reopen()
    full: list[bytes] = []
    ragged: list[tuple[int, bytes]] = []
    moments = [one for one in span.moments if one % TILE_WIDTH]
    step = _ROWS_TILES * TILE_WIDTH
    for start in range(span.first * TILE_WIDTH, span.end, step):
        stop = min(start + step, span.end)
        leaves = _checked_leaves(store, start, stop)
        for at in range(0, len(leaves), TILE_WIDTH):
            tile = leaves[at : at + TILE_WIDTH]
            if len(tile) == TILE_WIDTH:
                full.append(fold(tile))
            first, part = start + at, Frontier()
            while moments and moments[0] < first + TILE_WIDTH:
                part = part.extend(tile[part.size : moments[0] - first])
                ragged.append((moments.pop(0), part.root()))
    return Checked(tuple(full), tuple(ragged), 0)


@cache
def _reopened(address: str) -> Store:
    """Open the store once in this process."""
    return open_store(address, create=False)


def _checked_leaves(store: Store, start: int, stop: int) -> list[bytes]:
    entries, kept = store.read(start, stop), store.leaf_hashes(start, stop)
    if not len(entries) == len(kept) == stop - start:
        raise _gone(start, stop, len(entries))
    leaves = leaf_hashes(entries)
    if leaves == kept:
        return leaves
    for at, (computed, stored) in enumerate(zip(leaves, kept, strict=True), start):
        if computed != stored:
            raise LedgerError(
                f"entry {at} does not fit: computed {computed.hex()},"
                f" stored {stored.hex()}",
                _ALTERED,
                f"entry {at}",
            )
    return leaves


def _gone(start: int, stop: int, there: int) -> LedgerError:
    return LedgerError(
        f"of the entries {start} to {stop - 1} only {there} are there",
        _ALTERED,
        f"entries {start}-{stop - 1}",
    )


def _require_root(checkpoint: Checkpoint, computed: bytes) -> None:
    if checkpoint.root != computed:
        raise LedgerError(
            f"the root at size {checkpoint.size} does not fit: the entries give"
            f" {computed.hex()}, signed was {checkpoint.root.hex()}",
            _ALTERED,
            f"checkpoint of size {checkpoint.size}",
        )
