"""A published log in memory, built from the plain definitions and not by `export`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.merkle import fold, leaf_hash
from holdfast.ledger.tiles import (
    Tile,
    bundles_of,
    encode_bundle,
    encode_tile,
    partials_of,
    tiles_of,
)

SIGNER = Signer("example.com/log", bytes(range(32)))


@dataclass
class Published:
    """A reader over a dictionary, whose files a test may spoil."""

    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """Return the file's bytes."""
        return self.files.get(path)


def _hashes(leaves: Sequence[bytes], tile: Tile) -> list[bytes]:
    span = 256 ** (tile.level or 0)
    return [
        fold(leaves[at * span : (at + 1) * span])
        for at in range(tile.start, tile.start + tile.width)
    ]


def _publish(entries: Sequence[bytes], signed: Iterable[int] = ()) -> Published:
    log = Published()
    leaves = [leaf_hash(entry) for entry in entries]
    sizes = sorted({*signed, len(entries)})
    for size in sizes:
        root = fold(leaves[:size])
        note = SIGNER.sign(Checkpoint(SIGNER.name, size, root).text())
        log.files[f"checkpoints/{size}"] = log.files["checkpoint"] = note
        for tile in partials_of(size):
            _put(log, tile, entries, leaves)
    for tile in (*bundles_of(len(entries)), *tiles_of(len(entries))):
        _put(log, tile, entries, leaves)
    return log


def _put(
    log: Published, tile: Tile, entries: Sequence[bytes], leaves: Sequence[bytes]
) -> None:
    stop = tile.start + tile.width
    data = (
        encode_bundle(entries[tile.start : stop])
        if tile.level is None
        else encode_tile(_hashes(leaves, tile))
    )
    log.files[tile.path] = data


@pytest.fixture
def signer() -> Signer:
    """Return the key of the published log."""
    return SIGNER


@pytest.fixture
def publish() -> Callable[..., Published]:
    """Return the function that publishes entries, signed at the given sizes too."""
    return _publish


@pytest.fixture(scope="session")
def published() -> Callable[..., dict[str, bytes]]:
    """Return the function that gives the files of a published log."""
    return lambda entries, signed=(): _publish(entries, signed).files
