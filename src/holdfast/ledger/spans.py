"""One stretch of a published log, checked on its own, so that many can be at once.

A span is a run of whole bundles. Whoever checks it reads the bundles, their tiles of
level 0 and nothing else, and answers with one hash for each full tile: what the rest of
the tree is made of. So spans may be checked in any order, on any core.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, TypeAlias

from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import HASH_SIZE, Frontier, fold, leaf_hashes, node_hash
from holdfast.ledger.tiles import (
    TILE_WIDTH,
    Tile,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
)

# Long enough to be worth handing to another process, short enough to share out evenly.
SPAN_TILES = 64
ALTERED = "One of the two was altered: compare with another copy of the log."
_LEAF = sha256(b"\x00")


class Reader(Protocol):
    """A published log, wherever it lies."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes at a path, or ``None`` if there is nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Bundles ``first`` to ``stop`` (exclusive) of a log of ``size`` entries.

    ``moments`` are the signed sizes that end in it, smallest first. Those in ``bare``
    were not published, so that only their root counts.
    """

    size: int
    first: int
    stop: int
    moments: tuple[int, ...] = ()
    bare: frozenset[int] = frozenset()

    @property
    def end(self) -> int:
        """How many entries the log has up to its end."""
        return min(self.stop * TILE_WIDTH, self.size)


@dataclass(frozen=True, slots=True)
class Checked:
    """A span found right: the root of each full tile, in order.

    ``ragged`` has, for each moment that fills no tile, the root over its last entries.
    """

    full: tuple[bytes, ...]
    ragged: tuple[tuple[int, bytes], ...]
    tiles: int


Check: TypeAlias = Callable[[Span], Checked]
Share: TypeAlias = Callable[[Check, Iterable[Span]], Iterable[Checked]]
"""Has spans checked, as `map` does: answers in order, one at a time or many."""


def spans_of(
    size: int, moments: Sequence[int] = (), bare: frozenset[int] = frozenset()
) -> Iterator[Span]:
    """Yield the spans of a log of that size; ``moments`` are sizes, smallest first."""
    bundles = -(-size // TILE_WIDTH)
    for first in range(0, bundles, SPAN_TILES):
        stop = min(first + SPAN_TILES, bundles)
        here = bisect_right(moments, first * TILE_WIDTH)
        there = bisect_right(moments, stop * TILE_WIDTH)
        yield Span(size, first, stop, tuple(moments[here:there]), bare)


def check_span(reader: Reader, span: Span) -> Checked:
    """Hash every entry of a span again, and compare the tiles over them."""
    full: list[bytes] = []
    ragged: list[tuple[int, bytes]] = []
    tiles = 0
    for index in range(span.first, span.stop):
        width = min(TILE_WIDTH, span.size - index * TILE_WIDTH)
        bundle = Tile(None, index, width)
        data = require(reader, bundle)
        leaves = _leaves(data, bundle)
        if width == TILE_WIDTH:
            check_tile(reader, Tile(0, index), leaves)
            full.append(fold(leaves))
            tiles += 1
        if span.moments:
            found = tuple(_moments(reader, span, bundle, data, leaves))
            ragged += found
            tiles += len(found)
    return Checked(tuple(full), tuple(ragged), tiles)


def root_over(front: Frontier, ragged: bytes | None) -> bytes:
    """Return the root over the roots of full tiles and of what fills none yet."""
    if ragged is None:
        return front.root()
    root = ragged
    for peak in reversed(front.peaks):
        root = node_hash(peak, root)
    return root


def check_tile(reader: Reader, tile: Tile, hashes: Sequence[bytes]) -> None:
    """Compare a served tile with the hashes computed for it."""
    data = require(reader, tile)
    if data == encode_tile(hashes):
        return
    served = decode_tile(data, tile)
    at = next(at for at, one in enumerate(hashes) if one != served[at])
    place = tile.start + at
    what = f"tile/{tile.level} hash {place}" if tile.level else f"entry {place}"
    raise LedgerError(
        f"{what} does not fit: computed {hashes[at].hex()},"
        f" {tile.path} says {served[at].hex()}",
        ALTERED,
        f"{tile.path} bytes {at * HASH_SIZE}-{(at + 1) * HASH_SIZE}",
    )


def is_served(reader: Reader, tile: Tile, size: int, last: int) -> bool:
    """Whether a partial tile must be there, or is there though it need not be.

    One of an earlier size may be deleted once the full one exists.
    """
    row = last >> (8 * (tile.level or 0))
    superseded = size != last and (tile.index + 1) * TILE_WIDTH <= row
    return not superseded or reader.read(tile.path) is not None


def require(reader: Reader, tile: Tile) -> bytes:
    """Return a tile's bytes; one that is not there is an error."""
    data = reader.read(tile.path)
    if data is None:
        kind = "entry bundle" if tile.level is None else "tile"
        raise LedgerError(
            f"the {kind} is missing",
            "The copy is incomplete: fetch it again, or export the log again.",
            tile.path,
        )
    return data


def _leaves(data: bytes, bundle: Tile) -> list[bytes]:
    """Hash a bundle's entries in one pass: this is where the time goes."""
    leaves = []
    copy, at, end = _LEAF.copy, 0, len(data)
    while at + 1 < end:
        start = at + 2
        at = start + (data[at] << 8 | data[at + 1])
        hasher = copy()
        hasher.update(data[start:at])
        leaves.append(hasher.digest())
    if at != end or len(leaves) != bundle.width:
        return leaf_hashes(decode_bundle(data, bundle))  # Which says what is wrong.
    return leaves


def _moments(
    reader: Reader, span: Span, bundle: Tile, data: bytes, leaves: Sequence[bytes]
) -> Iterator[tuple[int, bytes]]:
    """Check the partial tiles of the sizes that end in a bundle; yield their roots."""
    here = bisect_right(span.moments, bundle.start)
    there = bisect_right(span.moments, bundle.start + bundle.width)
    frontier = Frontier()
    for moment in span.moments[here:there]:
        width = moment - bundle.start
        if width == TILE_WIDTH:
            continue
        if moment not in span.bare:
            if moment != span.size:
                _check_partial_bundle(reader, span, moment, bundle, data)
            tile = Tile(0, bundle.index, width)
            if is_served(reader, tile, moment, span.size):
                check_tile(reader, tile, leaves[:width])
        frontier = frontier.extend(leaves[frontier.size : width])
        yield moment, frontier.root()


def _check_partial_bundle(
    reader: Reader, span: Span, moment: int, bundle: Tile, data: bytes
) -> None:
    part = Tile(None, bundle.index, moment - bundle.start)
    if not is_served(reader, part, moment, span.size):
        return  # Gone, since the full one is there.
    start = encode_bundle(decode_bundle(data, bundle)[: part.width])
    if require(reader, part) != start:
        raise LedgerError(
            f"{part.path} does not hold the start of {bundle.path}", ALTERED, part.path
        )
