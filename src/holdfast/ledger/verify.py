"""Check a whole published log: nothing is believed but the bytes and the key.

Every leaf hash is computed again from the entries, every tile from the hashes below it,
the root from the tiles; then the signed checkpoint must say the same. The first thing
that differs is named. It needs memory for one tile per level, whatever the log's size.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.ledger.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    verify_checkpoint,
)
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import EMPTY_ROOT, fold, leaf_hashes
from holdfast.ledger.note import Verified, VerifierKey
from holdfast.ledger.tiles import (
    TILE_WIDTH,
    Tile,
    bundles_of,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
)

CHECKPOINT_PATH = "checkpoint"

_ALTERED = "One of the two was altered: compare with another copy of the log."


class Reader(Protocol):
    """A published log, wherever it lies."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes at a path, or ``None`` if there is nothing."""
        ...


Progress = Callable[[int, int], None]
"""Told how many entries are done, of how many."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked, all of it found right."""

    checkpoint: Checkpoint
    signed_by: tuple[Verified, ...]
    entries: int
    tiles: int
    earlier: tuple[int, ...]


def checkpoint_path(size: int) -> str:
    """Where the immutable copy of a size's checkpoint is published."""
    return f"checkpoints/{size}"


def verify_log(
    reader: Reader,
    keys: Iterable[VerifierKey],
    *,
    earlier: Iterable[int] = (),
    progress: Progress | None = None,
) -> Verification:
    """Check everything that the published log serves.

    ``earlier`` are sizes whose checkpoint copies are to be held against the log too,
    with the partial tiles of those sizes that are still served.
    """
    keys = tuple(keys)
    signed = _read_checkpoint(reader, CHECKPOINT_PATH, keys)
    moments = _moments(reader, keys, signed.checkpoint, earlier)
    if moments[0].size == 0:
        _require_root(moments[0], EMPTY_ROOT)
    walk = _Walk(reader, signed.checkpoint.size)
    for bundle in bundles_of(walk.size):
        first = bisect_right(moments, bundle.start, key=_size)
        last = bisect_right(moments, _end(bundle), key=_size)
        walk.take(bundle, moments[first:last])
        if progress:
            progress(_end(bundle), walk.size)
    return Verification(
        signed.checkpoint,
        signed.signed_by,
        walk.size,
        walk.tiles,
        tuple(moment.size for moment in moments[:-1]),
    )


@dataclass(slots=True)
class _Walk:
    """The way through a log, bundle by bundle.

    ``rows[l]`` holds the hashes of level l that are in no full tile yet, and
    ``done[l]`` counts the full tiles of that level behind it.
    """

    reader: Reader
    size: int
    tiles: int = 0
    rows: list[list[bytes]] = field(default_factory=lambda: [[]])
    done: list[int] = field(default_factory=lambda: [0])

    def take(self, bundle: Tile, moments: Sequence[Checkpoint]) -> None:
        """Check one bundle and all that hangs on it."""
        entries = decode_bundle(_require(self.reader, bundle), bundle)
        hashes = leaf_hashes(entries)
        if bundle.width == TILE_WIDTH:
            self._check_tile(Tile(0, bundle.index), hashes, entries=True)
        for moment in moments:
            width = moment.size - bundle.start
            if width < TILE_WIDTH:
                self.rows[0] = hashes[:width]
                self._check_partial_bundle(moment, bundle, entries[:width])
                self._check_moment(moment)
        if bundle.width == TILE_WIDTH:
            self._climb(hashes)
            if moments and moments[-1].size == _end(bundle):
                self._check_moment(moments[-1])

    def _climb(self, hashes: list[bytes]) -> None:
        """Hash a full level-0 tile upward, checking every tile that fills up."""
        level, full = 0, hashes
        while True:
            self.rows[level] = []
            self.done[level] += 1
            level += 1
            if level == len(self.rows):
                self.rows.append([])
                self.done.append(0)
            self.rows[level].append(fold(full))
            full = self.rows[level]
            if len(full) < TILE_WIDTH:
                return
            self._check_tile(Tile(level, self.done[level]), full)

    def _check_moment(self, checkpoint: Checkpoint) -> None:
        """Hold the tree as it stands against a checkpoint of its size."""
        for level, row in enumerate(self.rows):
            if row:
                tile = Tile(level, self.done[level], len(row))
                if self._is_served(tile, checkpoint.size):
                    self._check_tile(tile, row, entries=level == 0)
        _require_root(checkpoint, _root(self.rows))

    def _check_partial_bundle(
        self, moment: Checkpoint, bundle: Tile, entries: Sequence[bytes]
    ) -> None:
        tile = Tile(None, bundle.index, len(entries))
        if moment.size == self.size or not self._is_served(tile, moment.size):
            return  # It is the bundle just read, or gone since the full one is there.
        data = _require(self.reader, tile)
        if data != encode_bundle(entries):
            raise LedgerError(
                f"{tile.path} does not hold the start of {bundle.path}",
                _ALTERED,
                tile.path,
            )

    def _is_served(self, tile: Tile, size: int) -> bool:
        """Whether the tile must be there, or is there though it need not be.

        A partial tile of an earlier size may be deleted once the full one exists.
        """
        row = self.size >> (8 * (tile.level or 0))
        superseded = size != self.size and (tile.index + 1) * TILE_WIDTH <= row
        return not superseded or self.reader.read(tile.path) is not None

    def _check_tile(
        self, tile: Tile, hashes: Sequence[bytes], *, entries: bool = False
    ) -> None:
        """Compare a served tile with the hashes computed for it."""
        data = _require(self.reader, tile)
        self.tiles += 1
        if data == encode_tile(hashes):
            return
        served = decode_tile(data, tile)
        at = next(at for at, one in enumerate(hashes) if one != served[at])
        place = tile.start + at
        what = f"entry {place}" if entries else f"tile/{tile.level} hash {place}"
        raise LedgerError(
            f"{what} does not fit: computed {hashes[at].hex()},"
            f" {tile.path} says {served[at].hex()}",
            _ALTERED,
            f"{tile.path} bytes {at * 32}-{at * 32 + 32}",
        )


def _moments(
    reader: Reader,
    keys: Sequence[VerifierKey],
    latest: Checkpoint,
    earlier: Iterable[int],
) -> list[Checkpoint]:
    """Every checkpoint that the log must agree with, by size, the latest last."""
    moments = []
    for size in sorted(set(earlier)):
        path = checkpoint_path(size)
        copy = _read_checkpoint(reader, path, keys).checkpoint
        if copy.size != size or copy.origin != latest.origin:
            raise LedgerError(
                f"the copy is of {copy.origin} at size {copy.size}",
                f"Only checkpoints of {latest.origin} belong here, each at its size.",
                path,
            )
        if size > latest.size:
            raise LedgerError(
                f"the log was signed at size {size} and now shows only {latest.size}",
                "Entries were cut off, or the latest checkpoint is an old one.",
                path,
            )
        if size == latest.size:
            _require_root(copy, latest.root)
        else:
            moments.append(copy)
    return [*moments, latest]


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


def _require(reader: Reader, tile: Tile) -> bytes:
    data = reader.read(tile.path)
    if data is None:
        kind = "entry bundle" if tile.level is None else "tile"
        raise LedgerError(
            f"the {kind} is missing",
            "The copy is incomplete: fetch it again, or export the log again.",
            tile.path,
        )
    return data


def _require_root(checkpoint: Checkpoint, computed: bytes) -> None:
    if checkpoint.root != computed:
        raise LedgerError(
            f"the root at size {checkpoint.size} does not fit: computed"
            f" {computed.hex()}, the checkpoint says {checkpoint.root.hex()}",
            "Entries and tiles agree with each other, but not with what was signed.",
            f"checkpoint of size {checkpoint.size}",
        )


def _root(rows: Sequence[Sequence[bytes]]) -> bytes:
    """Root from the unfilled rows: what lies below joins each row as its last hash."""
    carried: list[bytes] = []
    for row in rows:
        whole = [*row, *carried]
        carried = [fold(whole)] if whole else []
    return fold(carried)


def _size(checkpoint: Checkpoint) -> int:
    return checkpoint.size


def _end(bundle: Tile) -> int:
    return bundle.start + bundle.width
