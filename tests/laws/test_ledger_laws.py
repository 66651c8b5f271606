"""Laws of the log: every entry provable, every change found, one history only."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.ledger.conftest import SIGNER as LOG_SIGNER
from tests.ledger.conftest import _publish

from holdfast.ledger import note as notes
from holdfast.ledger.checkpoint import (
    Checkpoint,
    Signer,
    parse_checkpoint,
    verify_checkpoint,
)
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import (
    Frontier,
    Tree,
    fold,
    leaf_hash,
    leaf_hashes,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from holdfast.ledger.proof import Proof, parse_proof
from holdfast.ledger.tiled import TiledTree
from holdfast.ledger.tiles import (
    TILE_WIDTH,
    Tile,
    bundles_of,
    decode_bundle,
    encode_bundle,
    encode_tile,
    parse_path,
    partials_of,
    tiles_of,
)
from holdfast.ledger.verify import verify_log
from holdfast.operations.ports.store import Draft
from holdfast.storage.folder import Folder, export
from holdfast.storage.memory import MemoryStore
from holdfast.storage.opening import open_store

SIGNER = Signer("example.com/log", b"k" * 32)
LIMIT = 40
LEAVES = leaf_hashes(b"%d" % at for at in range(LIMIT))
TREE = Tree(LEAVES)
MANY = Tree(leaf_hashes(at.to_bytes(4, "big") for at in range(66_000)))
OTHER = Tree(leaf_hashes(b"other %d" % at for at in range(LIMIT)))


def _definition(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it, by splitting."""
    if len(leaves) < 2:
        return leaves[0] if leaves else fold([])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(_definition(leaves[:split]), _definition(leaves[split:]))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=70))
def test_all_ways_to_a_root_agree(entries: list[bytes]) -> None:
    """Definition, fold, tree and frontier give one root, also across a save."""
    leaves = leaf_hashes(entries)
    half = Frontier().extend(leaves[: len(leaves) // 2])
    half = Frontier.from_bytes(half.size, half.to_bytes())
    grown = half.extend(leaves[len(leaves) // 2 :])
    root = _definition(leaves)
    assert fold(leaves) == Tree(leaves).root() == grown.root() == root
    assert grown.size == len(entries)


@settings(deadline=None)
@given(st.integers(0, 70), st.lists(st.integers(0, 300), max_size=3))
def test_many_leaves_at_once_or_one_by_one(start: int, widths: list[int]) -> None:
    """From any size, a front grown by many leaves is the one grown by each of them."""
    front = single = Frontier().extend(leaf_hashes([b"%d" % n for n in range(start)]))
    for width in widths:
        leaves = leaf_hashes([b"%d" % n for n in range(front.size, front.size + width)])
        front = front.extend(leaves)
        for leaf in leaves:
            single = single.append(leaf)
        assert front == single
        assert len(front.peaks) == front.size.bit_count()


def test_every_entry_of_every_size_is_provable() -> None:
    """Each entry of each size has a proof that verifies, at that index only."""
    for size in range(1, LIMIT + 1):
        root = TREE.root(size)
        for index in range(size):
            path = TREE.inclusion(index, size)
            verify_inclusion(LEAVES[index], index, size, path, root)
            other = OTHER.inclusion(index, size)
            with pytest.raises(LedgerError):
                verify_inclusion(OTHER.root(1), index, size, other, root)


def test_any_two_sizes_are_consistent_and_only_of_one_log() -> None:
    """Every two sizes of one log are proved consistent; two logs never are."""
    for size in range(LIMIT + 1):
        for old in range(size + 1):
            path = TREE.consistency(old, size)
            ends = (old, TREE.root(old), size, TREE.root(size))
            verify_consistency(*ends, path)
            if old == 0:
                continue
            with pytest.raises(LedgerError):
                verify_consistency(old, OTHER.root(old), size, ends[3], path)
            with pytest.raises(LedgerError):
                verify_consistency(old, ends[1], size, OTHER.root(size), path)
    for size in (0, 1):
        with pytest.raises(LedgerError):
            verify_consistency(size, TREE.root(size), size, bytes(32), [])
    with pytest.raises(LedgerError):
        verify_consistency(0, bytes(32), 0, TREE.root(0), [])
    with pytest.raises(LedgerError):
        verify_consistency(2, TREE.root(2), 1, TREE.root(1), [])


@settings(deadline=None)
@given(st.data())
def test_any_flipped_bit_of_a_proof_fails(data: st.DataObject) -> None:
    """One bit changed anywhere in a proof, its entry or its checkpoint fails."""
    size = data.draw(st.integers(1, LIMIT))
    index = data.draw(st.integers(0, size - 1))
    note = SIGNER.sign(Checkpoint(SIGNER.name, size, TREE.root(size)).text())
    good = Proof(index, tuple(TREE.inclusion(index, size)), note).to_bytes()
    bit = data.draw(st.integers(0, len(good) * 8 - 1))
    spoiled = bytearray(good)
    spoiled[bit // 8] ^= 1 << bit % 8
    entry = b"%d" % index
    parse_proof(good).verify(entry, [SIGNER.key])
    with pytest.raises(LedgerError):
        parse_proof(bytes(spoiled)).verify(entry, [SIGNER.key])


@settings(deadline=None)
@given(st.data())
def test_any_flipped_bit_of_a_consistency_proof_fails(data: st.DataObject) -> None:
    """One bit changed in a consistency proof fails."""
    size = data.draw(st.integers(2, LIMIT))
    old = data.draw(st.integers(1, size - 1))
    path = TREE.consistency(old, size)
    at = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    spoiled = int.from_bytes(path[at], "big") ^ (1 << bit)
    path[at] = spoiled.to_bytes(32, "big")
    with pytest.raises(LedgerError):
        verify_consistency(old, TREE.root(old), size, TREE.root(size), path)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=TILE_WIDTH))
def test_bundle_round_trip(entries: list[bytes]) -> None:
    """What is put into a bundle comes out of it."""
    tile = Tile(None, 0, len(entries))
    assert decode_bundle(encode_bundle(entries), tile) == entries


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=300), max_size=9), max_size=9))
def test_append_then_read_is_identity(batches: list[list[bytes]]) -> None:
    """What is appended, in any batches, is read back, and hashed as it was."""
    entries = [entry for batch in batches for entry in batch]
    with TemporaryDirectory() as name:
        for address in ("memory:", f"sqlite://{name}/log"):
            with closing(open_store(address)) as store:
                for batch in batches:
                    at = store.size()
                    drafts = [
                        Draft(f"k{at + n}", lambda _, entry=entry: entry)
                        for n, entry in enumerate(batch)
                    ]
                    store.append(drafts, now=datetime(2026, 1, 1, tzinfo=UTC))
                assert list(store.read(0, len(entries) + 1)) == entries
                leaves = leaf_hashes(entries)
                assert list(store.leaf_hashes(0, len(entries))) == leaves
                assert store.root() == (len(entries), _definition(leaves))


@settings(deadline=None)
@given(st.integers(1, 700) | st.integers(65_000, 66_000), st.data())
def test_proofs_from_tiles_are_those_of_the_tree(
    size: int, data: st.DataObject
) -> None:
    """Tiles of any size give each entry the proof that the whole tree gives."""
    tiled = TiledTree(size, _tile_of_many)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    root = MANY.root(size)
    assert tiled.root() == root
    path = tiled.inclusion(index)
    assert path == MANY.inclusion(index, size)
    verify_inclusion(tiled.leaf(index), index, size, path, root)
    proof = tiled.consistency(old)
    assert proof == MANY.consistency(old, size)
    verify_consistency(old, MANY.root(old), size, root, proof)


def _tile_of_many(tile: Tile) -> bytes:
    assert tile.level is not None
    row = MANY._rows[8 * tile.level]
    return encode_tile(row[tile.start : tile.start + tile.width])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_flipped_bit_of_a_log_fails(data: st.DataObject) -> None:
    """One bit changed in any entry, tile or checkpoint of a log, and it fails."""
    size = data.draw(st.sampled_from([1, 2, 255, 256, 257, 300, 513]))
    signed = data.draw(st.lists(st.integers(0, size), max_size=3))
    sizes = sorted({*signed, size})
    files = _publish([b"%d" % at for at in range(size)], sizes).files
    reader = _Files(files)
    keys = [LOG_SIGNER.key]
    verify_log(reader, keys, earlier=sizes)
    path = data.draw(st.sampled_from(sorted(files)))
    bit = data.draw(st.integers(0, len(files[path]) * 8 - 1))
    spoiled = bytearray(files[path])
    spoiled[bit // 8] ^= 1 << bit % 8
    files[path] = bytes(spoiled)
    with pytest.raises(LedgerError):
        verify_log(reader, keys, earlier=sizes)


@dataclass
class _Files:
    files: dict[str, bytes]

    def read(self, path: str) -> bytes | None:
        """Return a file."""
        return self.files.get(path)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.binary(max_size=20), max_size=600),
    st.lists(st.integers(0, 600), max_size=4),
)
def test_export_round_trip(entries: list[bytes], sizes: list[int]) -> None:
    """What is exported, signed at any sizes on the way, is read back the same."""
    store = MemoryStore()
    for size in sorted({min(size, len(entries)) for size in sizes} | {len(entries)}):
        drafts = [
            Draft(f"k{at}", lambda _, at=at: entries[at])
            for at in range(store.size(), size)
        ]
        store.append(drafts, now=datetime(2026, 1, 1, tzinfo=UTC))
        text = Checkpoint(SIGNER.name, *store.root()).text()
        store.save_checkpoint(size, SIGNER.sign(text))
    with TemporaryDirectory() as name:
        export(store, Path(name))
        folder = Folder(Path(name))
        read: list[bytes] = []
        for bundle in bundles_of(len(entries)):
            read += decode_bundle(folder.read(bundle.path) or b"", bundle)
        signed = folder.signed_sizes()
        done = verify_log(folder, [SIGNER.key], earlier=signed)
    assert read == entries
    assert signed == [size for size, _ in store.checkpoints()]
    assert (done.checkpoint.size, done.checkpoint.root) == store.root()


@settings(deadline=None)
@given(st.integers(0, 1 << 20))
def test_tiles_of_a_size_hold_each_hash_once(size: int) -> None:
    """Tiles cover each row exactly, and only the last of a row is partial."""
    rows: dict[int | None, list[Tile]] = {}
    for tile in (*bundles_of(size), *tiles_of(size)):
        assert parse_path(tile.path) == tile
        rows.setdefault(tile.level, []).append(tile)
    ragged = set()
    for level, tiles in rows.items():
        assert sum(tile.width for tile in tiles) == size >> (8 * (level or 0))
        assert all(tile.width == TILE_WIDTH for tile in tiles[:-1])
        assert [tile.index for tile in tiles] == list(range(len(tiles)))
        ragged |= {tile for tile in tiles[-1:] if tile.width < TILE_WIDTH}
    assert ragged == set(partials_of(size))


@settings(deadline=None)
@given(
    st.binary(max_size=300)
    | st.text(max_size=120).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.tuples(st.text("ab\n— +=", max_size=30), st.binary(max_size=90)).map(
        lambda pair: f"{pair[0]}\n\n— a {notes.encode64(pair[1])}\n".encode()
    )
)
@example(b"\n\n")
def test_parsers_fail_only_in_their_own_way(data: bytes) -> None:
    """Whatever the bytes, a parser returns or raises the ledger's own error."""
    text = data.decode("utf-8", "surrogateescape")
    for parse in (
        lambda: notes.parse_note(data),
        lambda: verify_checkpoint(data, [SIGNER.key]),
        lambda: parse_proof(data),
        lambda: parse_checkpoint(text),
        lambda: notes.parse_verifier_key(text),
        lambda: parse_path(text),
        lambda: decode_bundle(data, Tile(None, 0, 3)),
        lambda: Frontier.from_bytes(len(data), data),
    ):
        try:
            parse()
        except LedgerError as fault:
            assert fault.message  # noqa: PT017


@settings(deadline=None)
@given(st.data())
def test_spoiled_good_files_fail_only_in_their_own_way(data: st.DataObject) -> None:
    """Good files with bytes cut, put in or changed never raise anything else."""
    note = SIGNER.sign(Checkpoint(SIGNER.name, 8, TREE.root(8)).text())
    proof = Proof(5, tuple(TREE.inclusion(5, 8)), note, b"extra").to_bytes()
    at = data.draw(st.integers(0, len(proof)))
    cut = data.draw(st.integers(0, 4))
    spoiled = proof[:at] + data.draw(st.binary(max_size=4)) + proof[at + cut :]
    try:
        parse_proof(spoiled).verify(b"5", [SIGNER.key])
    except LedgerError as fault:
        assert fault.message  # noqa: PT017


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_an_entry_is_not_a_node(entry: bytes) -> None:
    """No entry hashes like the node over it."""
    assert leaf_hash(entry) != node_hash(entry, b"")
