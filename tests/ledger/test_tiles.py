"""Tiles and bundles: their paths and their limits."""

from __future__ import annotations

import pytest

from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Frontier, Tree
from holdfast.ledger.tiles import (
    ENTRY_MAX,
    Tile,
    decode_bundle,
    encode_bundle,
    parse_path,
    partials_of,
    tiles_of,
)


@pytest.mark.parametrize(
    "path",
    [
        "checkpoint",
        "tile/0/0",
        "tile/00/000",
        "tile/8/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/012",
        "tile/0/x000/001",
        "tile/0/001/067",
        "tile/0/../../etc/passwd",
        "tile/entries/000/",
        "tile/entries/٠٠٠",
    ],
)
def test_only_one_spelling_is_a_path(path: str) -> None:
    """A path that the log would not serve is refused."""
    with pytest.raises(LedgerError, match="not the path of a tile"):
        parse_path(path)


def test_partials_are_those_of_the_size() -> None:
    """The partial files of a size are a bundle and one tile for each ragged row."""
    assert [tile.path for tile in partials_of(70_000)] == [
        "tile/entries/273.p/112",
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert list(partials_of(0)) == []


def test_size_below_nothing_is_refused() -> None:
    """No log has a negative size."""
    with pytest.raises(LedgerError):
        list(tiles_of(-1))


def test_largest_entry_fits_and_the_next_does_not() -> None:
    """An entry of 65,535 bytes is carried, one more byte is refused clearly."""
    largest = b"x" * ENTRY_MAX
    assert decode_bundle(encode_bundle([largest]), Tile(None, 0, 1)) == [largest]
    with pytest.raises(LedgerError, match="65536 bytes is too large"):
        encode_bundle([largest + b"x"])


def test_damaged_head_is_refused() -> None:
    """A frontier whose bytes do not fit its size is refused."""
    assert Frontier.from_bytes(3, bytes(64)).size == 3
    for size, data in [(3, bytes(63)), (0, bytes(32)), (-1, b""), (7, bytes(64))]:
        with pytest.raises(LedgerError, match="head is damaged"):
            Frontier.from_bytes(size, data)


def test_proofs_of_what_is_not_there_are_refused() -> None:
    """A tree makes no proof about an entry or a size that it does not have."""
    tree = Tree([bytes(32)] * 3)
    for ask in (
        lambda: tree.inclusion(3),
        lambda: tree.inclusion(-1),
        lambda: tree.inclusion(0, 4),
        lambda: tree.consistency(2, 4),
        lambda: tree.consistency(3, 2),
        lambda: tree.root(4),
    ):
        with pytest.raises(LedgerError, match="there is no proof about"):
            ask()
