"""The unfilled right edge of a tree: what growing costs, whatever was there before.

Of each level only the hashes are kept that no full tile holds yet. So the tiles that
new leaves fill, and the partial ones they leave, are known without reading old ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from holdfast.ledger.merkle import fold
from holdfast.ledger.tiles import TILE_WIDTH, Tile, encode_tile, partials_of


@dataclass(slots=True)
class Edge:
    """The right edge of a tree of ``size`` leaves; ``rows[l]`` is that of level l."""

    size: int = 0
    rows: list[list[bytes]] = field(default_factory=lambda: [[]])

    def copy(self) -> Edge:
        """Return an edge that grows for itself."""
        return Edge(self.size, [list(row) for row in self.rows])

    def extend(self, leaves: Iterable[bytes]) -> list[tuple[Tile, bytes]]:
        """Grow; return every tile that this filled, with its bytes."""
        filled: list[tuple[Tile, bytes]] = []
        for leaf in leaves:
            self.rows[0].append(leaf)
            self.size += 1
            if len(self.rows[0]) == TILE_WIDTH:
                self._climb(filled)
        return filled

    def partials(self, sizes: Iterable[int]) -> Iterator[tuple[Tile, bytes]]:
        """Yield the partial tiles of those sizes that no full tile replaced yet."""
        done: set[Tile] = set()
        for size in sizes:
            for tile in partials_of(size):
                if tile.level is None or tile in done:
                    continue
                if tile.index == (self.size >> (8 * tile.level)) // TILE_WIDTH:
                    done.add(tile)
                    row = self.rows[tile.level]
                    yield tile, encode_tile(row[: tile.width])

    def root(self) -> bytes:
        """Return the root: what lies below joins each row as its last hash."""
        carried: list[bytes] = []
        for row in self.rows:
            whole = [*row, *carried]
            carried = [fold(whole)] if whole else []
        return fold(carried)

    def _climb(self, filled: list[tuple[Tile, bytes]]) -> None:
        level = 0
        while len(self.rows[level]) == TILE_WIDTH:
            full, self.rows[level] = self.rows[level], []
            index = (self.size >> (8 * level)) // TILE_WIDTH - 1
            filled.append((Tile(level, index), encode_tile(full)))
            level += 1
            if level == len(self.rows):
                self.rows.append([])
            self.rows[level].append(fold(full))
