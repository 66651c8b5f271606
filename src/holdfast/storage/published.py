"""What a store's signed log looks like when it is published: every path and its bytes.

It is made from the store's own entries, and held against what was signed before the
last file comes: a store that disagrees with its own signature is never published.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.ledger.checkpoint import Checkpoint, parse_checkpoint
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Frontier, fold, leaf_hashes
from holdfast.ledger.note import parse_note
from holdfast.ledger.tiles import (
    TILE_WIDTH,
    Tile,
    bundles_of,
    encode_bundle,
    encode_tile,
    partials_of,
    tiles_of,
)
from holdfast.operations.ports.store import Store
from holdfast.storage.errors import StoreError

_ALTERED = "Find out what happened before you publish: `holdfast ledger verify`."


class Published:
    """The latest signed checkpoint, or that of size ``upto``, and what is under it."""

    def __init__(self, store: Store, upto: int | None = None) -> None:
        self._store = store
        self.checkpoints = {
            size: note
            for size, note in store.checkpoints()
            if upto is None or size <= upto
        }
        if not self.checkpoints:
            raise StoreError(
                "nothing is signed yet: there is no checkpoint to publish",
                "Let the node run until it has signed one.",
            )
        self.size = max(self.checkpoints)
        self.note = self.checkpoints[self.size]
        self._checkpoint = self.parse(self.note, f"checkpoint of size {self.size}")
        self.origin = self._checkpoint.origin
        if store.size() < self.size:
            raise StoreError(
                f"the log was signed at size {self.size} and holds {store.size()}",
                "It was restored from an older backup: bring it forward first.",
            )

    @property
    def files(self) -> int:
        """How many tiles and bundles there are, not counting earlier partial ones."""
        rows, length = 0, self.size
        while length:
            rows, length = rows + -(-length // TILE_WIDTH), length // TILE_WIDTH
        return rows + -(-self.size // TILE_WIDTH)

    def parse(self, note: bytes, where: str) -> Checkpoint:
        """Read a checkpoint without asking who signed it."""
        try:
            return parse_checkpoint(parse_note(note).text)
        except LedgerError as fault:
            raise StoreError(fault.message, fault.hint, where) from None

    def tiles(self) -> Iterator[tuple[str | None, bytes]]:
        """Yield paths and bytes in the order to write them.

        A path of ``None`` stands between two groups: what came before it must be safe
        before the next is written.
        """
        earlier = self._earlier_partials()
        frontier = Frontier()
        for tile in bundles_of(self.size):
            entries, leaves = self._checked_entries(tile)
            frontier = frontier.extend(leaves)
            for part in (*earlier.get((None, tile.index), ()), tile):
                yield part.path, encode_bundle(entries[: part.width])
        if frontier.root() != self._checkpoint.root:
            raise StoreError(
                f"the log's root at size {self.size} is not the one that was signed",
                _ALTERED,
            )
        yield None, b""
        yield from self._tiles_of_hashes(earlier)

    def _tiles_of_hashes(
        self, earlier: dict[tuple[int | None, int], list[Tile]]
    ) -> Iterator[tuple[str | None, bytes]]:
        row: list[bytes] = []
        above: list[bytes] = []
        level = 0
        for tile in tiles_of(self.size):
            if tile.level != level:
                yield None, b""
                level, row, above = level + 1, above, []
            stop = tile.start + tile.width
            hashes = (
                list(self._store.leaf_hashes(tile.start, stop))
                if level == 0
                else row[tile.start : stop]
            )
            if tile.width == TILE_WIDTH:
                above.append(fold(hashes))
            for part in (*earlier.get((level, tile.index), ()), tile):
                yield part.path, encode_tile(hashes[: part.width])
        yield None, b""

    def _earlier_partials(self) -> dict[tuple[int | None, int], list[Tile]]:
        """Partial tiles of earlier signed sizes, unless a full one replaced them."""
        full = {(tile.level, tile.index): tile.width for tile in partials_of(self.size)}
        parts: dict[tuple[int | None, int], set[Tile]] = {}
        for size in self.checkpoints:
            for tile in partials_of(size):
                place = (tile.level, tile.index)
                if tile.width < full.get(place, 0):
                    parts.setdefault(place, set()).add(tile)
        return {
            place: sorted(tiles, key=lambda tile: tile.width)
            for place, tiles in parts.items()
        }

    def _checked_entries(self, tile: Tile) -> tuple[list[bytes], list[bytes]]:
        stop = tile.start + tile.width
        entries = list(self._store.read(tile.start, stop))
        leaves = leaf_hashes(entries)
        if len(entries) != tile.width:
            raise StoreError(
                f"entries are missing between {tile.start} and {stop}", _ALTERED
            )
        kept = self._store.leaf_hashes(tile.start, stop)
        for at, (computed, stored) in enumerate(zip(leaves, kept, strict=True)):
            if computed != stored:
                raise StoreError(
                    f"entry {tile.start + at} does not fit its stored hash", _ALTERED
                )
        return entries, leaves
