"""The published shape of a log: C2SP tlog-tiles, as paths and bytes.

Row l of the tree keeps one hash per 256**l entries; a tile is 256 neighbours of a row.
A tile or bundle, once full, never changes; a partial one has its width in its path and
is never hashed upward.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import HASH_SIZE, SIZE_MAX

TILE_WIDTH = 256
ENTRY_MAX = 65_535

_PATH = re.compile(
    r"tile/(?P<level>[0-7]|entries)"
    r"/(?P<index>(?:x\d{3}/){0,6}\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of hashes, or (``level`` is ``None``) one bundle of entries."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it is published."""
        row = "entries" if self.level is None else str(self.level)
        part = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{row}/{index_path(self.index)}{part}"

    @property
    def start(self) -> int:
        """Index in its row of the first hash (or entry) it holds."""
        return self.index * TILE_WIDTH


def index_path(index: int) -> str:
    """Return a tile's number in groups of three digits: 1234067 → x001/x234/067."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def parse_path(path: str) -> Tile:
    """Read a tile's path; only the one spelling that `Tile.path` gives is accepted."""
    found = _PATH.fullmatch(path)
    if found:
        level, width = found["level"], int(found["width"] or TILE_WIDTH)
        index = int(found["index"].replace("x", "").replace("/", ""))
        tile = Tile(None if level == "entries" else int(level), index, width)
        if tile.path == path and (found["width"] is None or width < TILE_WIDTH):
            return tile
    raise LedgerError(
        f"not the path of a tile: {path!r}",
        "A path reads tile/<level>/<number>, for example tile/0/x001/067.p/112.",
    )


def bundles_of(size: int) -> Iterator[Tile]:
    """Yield the entry bundles of a log of that size, in order."""
    yield from _row(None, size)


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield the tiles of a log of that size, level 0 first."""
    if not 0 <= size <= SIZE_MAX:
        raise LedgerError(f"no log has the size {size}", "Give a size from 0 up.")
    level = 0
    while size:
        yield from _row(level, size)
        level, size = level + 1, size // TILE_WIDTH


def partials_of(size: int) -> Iterator[Tile]:
    """Yield the bundle and tiles that are not full in a log of that size."""
    if size % TILE_WIDTH:
        yield Tile(None, size // TILE_WIDTH, size % TILE_WIDTH)
    level = 0
    while size:
        if size % TILE_WIDTH:
            yield Tile(level, size // TILE_WIDTH, size % TILE_WIDTH)
        level, size = level + 1, size // TILE_WIDTH


def require_entry(entry: bytes) -> None:
    """Refuse an entry that no bundle could carry."""
    if len(entry) > ENTRY_MAX:
        raise LedgerError(
            f"an entry of {len(entry)} bytes is too large: the limit is {ENTRY_MAX}",
            "Keep large evidence beside the log and put its digest into the entry.",
        )


def encode_tile(hashes: Sequence[bytes]) -> bytes:
    """Return the bytes of a tile."""
    return b"".join(hashes)


def decode_tile(data: bytes, tile: Tile) -> list[bytes]:
    """Return the hashes of a tile's bytes."""
    if len(data) != tile.width * HASH_SIZE:
        raise LedgerError(
            f"a tile of {tile.width} hashes has {tile.width * HASH_SIZE} bytes,"
            f" this one has {len(data)}",
            "Fetch the tile again from the log or from another copy.",
            tile.path,
        )
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bytes of a bundle: each entry after its length."""
    parts = []
    for entry in entries:
        require_entry(entry)
        parts.append(len(entry).to_bytes(2, "big"))
        parts.append(entry)
    return b"".join(parts)


def decode_bundle(data: bytes, tile: Tile) -> list[bytes]:
    """Return the entries of a bundle's bytes."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        start = at + 2
        at = start + (data[at] << 8) + (data[at + 1] if at + 1 < end else 0)
        if start > end or at > end:
            raise _bad_bundle(tile, f"entry {tile.start + len(entries)} is cut off")
        entries.append(data[start:at])
    if len(entries) != tile.width:
        raise _bad_bundle(tile, f"it holds {len(entries)} entries, not {tile.width}")
    return entries


def _bad_bundle(tile: Tile, what: str) -> LedgerError:
    return LedgerError(
        f"the entry bundle is damaged: {what}",
        "Fetch the bundle again from the log or from another copy.",
        tile.path,
    )


def _row(level: int | None, length: int) -> Iterator[Tile]:
    full, width = divmod(length, TILE_WIDTH)
    for index in range(full):
        yield Tile(level, index)
    if width:
        yield Tile(level, full, width)
