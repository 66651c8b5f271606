"""Proofs from a log's tiles: a handful of them is read, whatever the log's size.

A proof made here is checked against the signed root before it is handed out; so tiles
that were altered yield an error, never a wrong proof.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.ledger.checkpoint import Checkpoint, parse_checkpoint
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import (
    HASH_SIZE,
    Tree,
    pairs,
    verify_inclusion,
)
from holdfast.ledger.note import parse_note
from holdfast.ledger.proof import Proof
from holdfast.ledger.spans import Reader, require
from holdfast.ledger.tiles import TILE_WIDTH, Tile, decode_tile

TileBytes = Callable[[Tile], bytes]
_TILE_HEIGHT = 8
_TILES_KEPT = 256


class TiledTree(Tree):
    """A tree of which only tiles are known; those used last are kept hashed."""

    def __init__(self, size: int, tile_bytes: TileBytes) -> None:
        self._size = size
        self._tile_bytes = tile_bytes
        self._kept: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    @property
    def size(self) -> int:
        return self._size

    def leaf(self, index: int) -> bytes:
        """Return the hash of an entry."""
        self._require(0 <= index < self._size, f"entry {index}")
        return self._perfect(0, index)

    def _perfect(self, height: int, index: int) -> bytes:
        level, above = divmod(height, _TILE_HEIGHT)
        number, at = divmod(index << above, TILE_WIDTH)
        at = (at >> above) * HASH_SIZE
        return self._rows_of(level, number)[above][at : at + HASH_SIZE]

    def _rows_of(self, level: int, number: int) -> list[bytes]:
        """Return a tile's row, and those that it hashes up to within its height."""
        rows = self._kept.get((level, number))
        if rows is None:
            row = self._size >> (_TILE_HEIGHT * level)
            tile = Tile(level, number, min(TILE_WIDTH, row - number * TILE_WIDTH))
            rows = [self._tile_bytes(tile)]
            while len(rows[-1]) > HASH_SIZE:
                rows.append(b"".join(pairs(rows[-1])))
            self._kept[level, number] = rows
            if len(self._kept) > _TILES_KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end((level, number))
        return rows


@dataclass(slots=True)
class Prover:
    """Makes proofs under one signed checkpoint, which must be one that is trusted."""

    note: bytes
    tile_bytes: TileBytes
    checkpoint: Checkpoint = field(init=False)
    tree: TiledTree = field(init=False)

    def __post_init__(self) -> None:
        """Read the checkpoint."""
        self.checkpoint = parse_checkpoint(parse_note(self.note).text)
        self.tree = TiledTree(self.checkpoint.size, self.tile_bytes)

    def prove(self, index: int) -> Proof:
        """Return the proof that an entry stands under the checkpoint."""
        size, root = self.checkpoint.size, self.checkpoint.root
        path = self.tree.inclusion(index)
        try:
            verify_inclusion(self.tree.leaf(index), index, size, path, root)
        except LedgerError:
            raise LedgerError(
                f"the log does not fit its checkpoint of size {size}: the hashes on"
                f" the way to entry {index} lead to another root",
                "Run `holdfast ledger verify` to see what differs.",
            ) from None
        return Proof(index, tuple(path), self.note)


def served_by(reader: Reader) -> TileBytes:
    """Return what reads a published log's tiles, each of its right length."""

    def tile_bytes(tile: Tile) -> bytes:
        data = require(reader, tile)
        if len(data) != tile.width * HASH_SIZE:
            decode_tile(data, tile)  # Which says what is wrong.
        return data

    return tile_bytes
