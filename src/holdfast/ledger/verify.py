"""Check a whole published log: nothing is believed but the bytes and the key.

Every leaf hash is computed again from the entries, every tile from the hashes below it,
the root from the tiles; then every signed checkpoint must say the same. The first thing
that differs is named. It needs memory for one tile per level, whatever the log's size.

Files are published with `checkpoint` last. So a copy may hold a checkpoint larger than
the one it shows: then all up to the larger one must be there and is verified, and the
log is whole up to it. Where that fails, entries that were signed are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from holdfast.ledger.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    verify_checkpoint,
)
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import EMPTY_ROOT, Frontier, fold
from holdfast.ledger.note import Verified, VerifierKey
from holdfast.ledger.spans import (
    Checked,
    Reader,
    Share,
    check_span,
    check_tile,
    is_served,
    root_over,
    spans_of,
)
from holdfast.ledger.tiles import TILE_WIDTH, Tile

CHECKPOINT_PATH = "checkpoint"


Progress: TypeAlias = Callable[[int, int], None]
"""Told how many entries are done, of how many."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked, all of it found right.

    ``checkpoint`` is the largest signed one, and ``shown`` the size of the one that the
    copy shows: smaller where its publication was interrupted, ``None`` where it had not
    come to show any.
    """

    checkpoint: Checkpoint
    signed_by: tuple[Verified, ...]
    entries: int
    tiles: int
    earlier: tuple[int, ...]
    shown: int | None

    @property
    def interrupted(self) -> bool:
        """Say whether the copy holds more than it shows."""
        return self.shown != self.checkpoint.size


def checkpoint_path(size: int) -> str:
    """Where the immutable copy of a size's checkpoint is published."""
    return f"checkpoints/{size}"


def verify_log(
    reader: Reader,
    keys: Iterable[VerifierKey],
    *,
    earlier: Iterable[int] = (),
    anchors: Iterable[bytes] = (),
    progress: Progress | None = None,
    share: Share = map,
) -> Verification:
    """Check everything that the published log serves.

    ``earlier`` are the sizes whose checkpoint copies lie there; they are held against
    the log too, with their partial tiles that are still served. ``anchors`` are signed
    checkpoints kept elsewhere: the log must continue each. ``share`` has spans checked
    at once, on several cores.
    """
    keys = tuple(keys)
    head = _head(reader, keys, earlier)
    kept = [_anchor(note, keys, head.latest.checkpoint) for note in anchors]
    published = {one.size for one in head.published}
    bare = frozenset(one.size for one in kept) - published
    moments = _by_size([*head.published, *kept])
    try:
        tiles = _walk(reader, moments, bare, progress, share)
    except LedgerError as fault:
        raise head.explained(fault) from None
    sizes = tuple(moments)
    return Verification(
        head.latest.checkpoint,
        head.latest.signed_by,
        sizes[-1],
        tiles,
        sizes[:-1],
        head.shown,
    )


_Moments: TypeAlias = dict[int, list[Checkpoint]]


@dataclass(frozen=True, slots=True)
class _Head:
    """The largest checkpoint that the copy has, all of them, and what it shows."""

    latest: SignedCheckpoint
    published: tuple[Checkpoint, ...]
    shown: int | None

    def explained(self, fault: LedgerError) -> LedgerError:
        """Say what a fault means where more was signed than is shown."""
        size = self.latest.checkpoint.size
        if self.shown == size:
            return fault
        return LedgerError(
            f"the log was signed at size {size} and now shows"
            f" {'nothing' if self.shown is None else f'only {self.shown}'};"
            f" up to {size} {fault.message}",
            "Entries that were signed are gone or altered. If this copy was made while"
            " the log was being published, make it again; if not, keep it as evidence.",
            fault.where,
        )


def _head(reader: Reader, keys: Sequence[VerifierKey], earlier: Iterable[int]) -> _Head:
    copies = [_read_copy(reader, size, keys) for size in sorted(set(earlier))]
    if copies and reader.read(CHECKPOINT_PATH) is None:
        found, shown = copies, None
    else:
        current = _read_checkpoint(reader, CHECKPOINT_PATH, keys)
        found, shown = [*copies, current], current.checkpoint.size
    latest = max(found, key=_size)
    for one in found:
        if one.checkpoint.origin != latest.checkpoint.origin:
            raise LedgerError(
                f"two logs in one place: {one.checkpoint.origin} at size {_size(one)},"
                f" {latest.checkpoint.origin} at size {_size(latest)}",
                "Publish each log in a place of its own.",
                checkpoint_path(_size(one)),
            )
    return _Head(latest, tuple(one.checkpoint for one in found), shown)


def _size(signed: SignedCheckpoint) -> int:
    return signed.checkpoint.size


def _read_copy(
    reader: Reader, size: int, keys: Sequence[VerifierKey]
) -> SignedCheckpoint:
    path = checkpoint_path(size)
    copy = _read_checkpoint(reader, path, keys)
    if _size(copy) != size:
        raise LedgerError(
            f"the copy is of {copy.checkpoint.origin} at size {_size(copy)}",
            "Each checkpoint lies under its own size.",
            path,
        )
    return copy


def _anchor(note: bytes, keys: Sequence[VerifierKey], latest: Checkpoint) -> Checkpoint:
    """Read a checkpoint that was kept elsewhere, and must be of this log's past."""
    anchor = verify_checkpoint(note, keys).checkpoint
    if anchor.origin != latest.origin:
        raise LedgerError(
            f"the kept checkpoint is of {anchor.origin}, the log is {latest.origin}",
            "Give checkpoints of this very log.",
        )
    if anchor.size > latest.size:
        raise LedgerError(
            f"a checkpoint of size {anchor.size} was kept, and the log shows only"
            f" {latest.size} entries",
            "Entries were cut off, or this is an older copy: get the newest one. Keep"
            " the checkpoint, it is evidence.",
        )
    return anchor


def _by_size(checkpoints: Iterable[Checkpoint]) -> _Moments:
    moments: _Moments = {}
    for one in sorted(checkpoints, key=lambda checkpoint: checkpoint.size):
        known = moments.setdefault(one.size, [])
        if one not in known:
            known.append(one)
    return moments


def _walk(
    reader: Reader,
    moments: _Moments,
    bare: frozenset[int],
    progress: Progress | None,
    share: Share,
) -> int:
    """Check all spans, and the tree above them; return how many tiles there were."""
    sizes = list(moments)
    trunk = _Trunk(reader, sizes[-1], bare)
    for one in moments.get(0, ()):
        _require_root(one, EMPTY_ROOT)
    spans = list(spans_of(trunk.size, sizes, bare))
    answers = share(partial(check_span, reader), spans)
    for span, checked in zip(spans, answers, strict=True):
        _grow(trunk, span.moments, checked, moments)
        if progress:
            progress(span.end, trunk.size)
    return trunk.tiles


def _grow(
    trunk: _Trunk, sizes: Iterable[int], checked: Checked, moments: _Moments
) -> None:
    trunk.tiles += checked.tiles
    full: Iterator[bytes] = iter(checked.full)
    ragged = dict(checked.ragged)
    for size in sizes:
        while trunk.front.size < size // TILE_WIDTH:
            trunk.append(next(full))
        root = trunk.root_at(size, ragged.get(size))
        for one in moments[size]:
            _require_root(one, root)
    for hashed in full:
        trunk.append(hashed)


@dataclass(slots=True)
class _Trunk:
    """The tree above level 0, grown by the root of each full tile below it.

    ``rows[l]`` holds the hashes of level l + 1 that are in no full tile yet.
    """

    reader: Reader
    size: int
    bare: frozenset[int]
    tiles: int = 0
    front: Frontier = field(default_factory=Frontier)
    rows: list[list[bytes]] = field(default_factory=lambda: [[]])

    def append(self, root: bytes) -> None:
        """Add the next full tile's root, checking every tile that fills up."""
        self.front = self.front.append(root)
        row = self.rows[0]
        row.append(root)
        at = 0
        while len(row) == TILE_WIDTH:
            index = (self.front.size >> (8 * at)) // TILE_WIDTH - 1
            self._check(Tile(at + 1, index), row)
            above = fold(row)
            row.clear()
            at += 1
            if at == len(self.rows):
                self.rows.append([])
            row = self.rows[at]
            row.append(above)

    def root_at(self, size: int, ragged: bytes | None) -> bytes:
        """Check the partial tiles of a size just reached; return its root."""
        for at, row in enumerate(self.rows):
            if row and size not in self.bare:
                index = (self.front.size >> (8 * at)) // TILE_WIDTH
                tile = Tile(at + 1, index, len(row))
                if is_served(self.reader, tile, size, self.size):
                    self._check(tile, row)
        return root_over(self.front, ragged)

    def _check(self, tile: Tile, row: Sequence[bytes]) -> None:
        check_tile(self.reader, tile, row)
        self.tiles += 1


def _read_checkpoint(
    reader: Reader, path: str, keys: Sequence[VerifierKey]
) -> SignedCheckpoint:
    data = reader.read(path)
    if data is None:
        raise LedgerError(
            "there is no checkpoint",
            "A published log has a file named checkpoint at its top.",
            path,
        )
    try:
        return verify_checkpoint(data, keys)
    except LedgerError as fault:
        place = f"{path} {fault.where}".strip()
        raise LedgerError(fault.message, fault.hint, place) from None


def _require_root(checkpoint: Checkpoint, computed: bytes) -> None:
    if checkpoint.root != computed:
        raise LedgerError(
            f"the root at size {checkpoint.size} does not fit: computed"
            f" {computed.hex()}, the checkpoint says {checkpoint.root.hex()}",
            "Entries and tiles agree with each other, but not with what was signed.",
            f"checkpoint of size {checkpoint.size}",
        )
