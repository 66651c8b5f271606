"""The Merkle tree of RFC 6962 over opaque entries: hashes, growing front, proofs.

A leaf and a node are hashed under different prefixes, so that no entry can pass for a
node. A tree of n > 1 leaves splits at the largest power of two below n; folding in
pairs, with an odd last hash carried up unchanged, gives the same tree.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.ledger.errors import LedgerError

HASH_SIZE = 32
SIZE_MAX = (1 << 63) - 1
EMPTY_ROOT = hashlib.sha256(b"").digest()

# Copying a hasher that took the prefix already is markedly faster than hashing
# prefix + data from nothing: no joined bytes, no set-up of a context.
_LEAF = hashlib.sha256(b"\x00")
_NODE = hashlib.sha256(b"\x01")
_PAIR = struct.Struct(f"{2 * HASH_SIZE}s")


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry as a leaf."""
    hasher = _LEAF.copy()
    hasher.update(entry)
    return hasher.digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Hash many entries as leaves."""
    hashes = []
    copy = _LEAF.copy
    for entry in entries:
        hasher = copy()
        hasher.update(entry)
        hashes.append(hasher.digest())
    return hashes


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent."""
    hasher = _NODE.copy()
    hasher.update(left + right)
    return hasher.digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashes of equal height (leaves, or one tile's row)."""
    if not hashes:
        return EMPTY_ROOT
    row = hashes
    while len(row) > 1:
        above = pairs(b"".join(row))
        if len(row) % 2:
            above.append(row[-1])
        row = above
    return row[0]


def pairs(row: bytes) -> list[bytes]:
    """Hash each pair of neighbours in a row of joined hashes; an odd last one waits."""
    above = []
    copy = _NODE.copy
    for (pair,) in _PAIR.iter_unpack(row[: len(row) - len(row) % _PAIR.size]):
        hasher = copy()
        hasher.update(pair)
        above.append(hasher.digest())
    return above


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append and to know the root.

    ``peaks`` are the roots of the perfect subtrees, largest first: one for every bit
    set in ``size``.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier one leaf later."""
        peaks, rest = self.peaks, self.size
        while rest & 1:
            leaf, peaks, rest = node_hash(peaks[-1], leaf), peaks[:-1], rest >> 1
        return Frontier(self.size + 1, (*peaks, leaf))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier some leaves later."""
        row, size, peaks = list(leaves), self.size, list(self.peaks)
        whole, right = size + len(row), []
        # Row by row, so that many leaves cost little more than their hashes: the peak
        # of a row joins it from the left, an odd last hash stays as its new peak.
        while row:
            if size & 1:
                row.insert(0, peaks.pop())
            if len(row) & 1:
                right.append(row.pop())
            row = pairs(b"".join(row)) if row else row
            size >>= 1
        return Frontier(whole, (*peaks, *reversed(right)))

    def root(self) -> bytes:
        """Return the root of the tree."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def to_bytes(self) -> bytes:
        """Return the peaks in one piece; the size is kept beside it."""
        return b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Read what `to_bytes` wrote for a tree of that size."""
        if not 0 <= size <= SIZE_MAX or len(data) != size.bit_count() * HASH_SIZE:
            raise LedgerError(
                f"the log's head is damaged: {len(data)} bytes for size {size}",
                "Restore the store from a backup or from its published copy.",
            )
        steps = range(0, len(data), HASH_SIZE)
        return cls(size, tuple(data[at : at + HASH_SIZE] for at in steps))


class Tree:
    """A whole tree in memory, for making proofs at any size up to its own.

    Only perfect subtrees are kept; a ragged right edge is folded when it is asked for,
    so that a proof costs as many steps as the tree is high.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        rows = [list(leaves)]
        while len(rows[-1]) > 1:
            below = rows[-1]
            pairs = range(0, len(below) - 1, 2)
            rows.append([node_hash(below[at], below[at + 1]) for at in pairs])
        self._rows = rows

    @property
    def size(self) -> int:
        return len(self._rows[0])

    def root(self, size: int | None = None) -> bytes:
        """Return the root that the tree had at ``size`` (by default: has)."""
        size = self.size if size is None else size
        self._require(0 <= size <= self.size, f"size {size}")
        return self._subtree(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the audit path of an entry, the leaf's sibling first."""
        size = self.size if size is None else size
        self._require(0 <= index < size <= self.size, f"entry {index} of {size}")
        path = []
        start, stop = 0, size
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._subtree(middle, stop))
                stop = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the tree of size ``old`` is the start of this one."""
        size = self.size if size is None else size
        self._require(0 <= old <= size <= self.size, f"sizes {old} and {size}")
        if old in (0, size):
            return []
        path = []
        start, stop = 0, size
        while stop != old:
            middle = start + _split(stop - start)
            if old <= middle:
                path.append(self._subtree(middle, stop))
                stop = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        if start:
            path.append(self._subtree(start, stop))
        return path[::-1]

    def _subtree(self, start: int, stop: int) -> bytes:
        """Root over a range whose start is a multiple of its rounded-up length."""
        root = None
        while start < stop:
            # Take the perfect subtrees from the right edge leftwards.
            width = (stop - start) & -(stop - start)
            peak = self._perfect(width.bit_length() - 1, (stop - width) // width)
            root = peak if root is None else node_hash(peak, root)
            stop -= width
        assert root is not None, "an empty range has no subtree"
        return root

    def _perfect(self, height: int, index: int) -> bytes:
        """Root of the perfect subtree at ``index`` in its row."""
        return self._rows[height][index]

    def _require(self, possible: bool, what: str) -> None:  # noqa: FBT001
        if not possible:
            raise LedgerError(
                f"there is no proof about {what} in a log of {self.size} entries",
                "Ask for an entry and a size that the log has.",
            )


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf stands at ``index`` in the tree of that size and root."""
    if not 0 <= index < size <= SIZE_MAX:
        raise LedgerError(
            f"entry {index} cannot be in a log of {size} entries",
            "The proof and the checkpoint do not belong together.",
        )
    _require_hashes([leaf, root, *path])
    node, last, steps = index, size - 1, iter(path)
    computed = leaf
    while last:
        if node % 2 or node < last:
            sibling = _next(steps)
            left, right = (sibling, computed) if node % 2 else (computed, sibling)
            computed = node_hash(left, right)
        node, last = node >> 1, last >> 1
    _require_end(steps)
    if computed != root:
        raise LedgerError(
            f"entry {index} is not in the log of size {size}: the proof leads to"
            f" root {computed.hex()}, the checkpoint says {root.hex()}",
            "Either the entry, the proof or the checkpoint was altered.",
        )


def verify_consistency(
    old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the tree of ``size`` continues the one of size ``old``."""
    if not 0 <= old <= size <= SIZE_MAX:
        raise LedgerError(
            f"a log of {size} entries cannot continue one of {old}",
            "The older checkpoint must be the smaller one.",
        )
    _require_hashes([old_root, root, *path])
    if old in (0, size):
        _require_end(iter(path))
        _require_root("older", EMPTY_ROOT if old == 0 else root, old_root, old)
        if size == 0:
            _require_root("newer", EMPTY_ROOT, root, size)
        return
    old_computed, computed = _consistent_roots(old, size, list(path), old_root)
    _require_root("older", old_computed, old_root, old)
    _require_root("newer", computed, root, size)


def _consistent_roots(
    old: int, size: int, path: list[bytes], old_root: bytes
) -> tuple[bytes, bytes]:
    """Both roots that a consistency proof leads to."""
    if old & (old - 1) == 0:
        # The old tree is a perfect subtree of the new one: its root starts the walk.
        path = [old_root, *path]
    steps = iter(path)
    node, last = old - 1, size - 1
    while node % 2:
        node, last = node >> 1, last >> 1
    old_computed = computed = _next(steps)
    while last:
        if node % 2:
            sibling = _next(steps)
            old_computed = node_hash(sibling, old_computed)
            computed = node_hash(sibling, computed)
        elif node < last:
            computed = node_hash(computed, _next(steps))
        node, last = node >> 1, last >> 1
    _require_end(steps)
    return old_computed, computed


def _split(width: int) -> int:
    """Largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)


def _next(steps: Iterable[bytes]) -> bytes:
    for step in steps:
        return step
    raise LedgerError("the proof is too short", "Fetch the proof again.")


def _require_end(steps: Iterable[bytes]) -> None:
    for _ in steps:
        raise LedgerError("the proof is too long", "Fetch the proof again.")


def _require_hashes(hashes: Iterable[bytes]) -> None:
    for digest in hashes:
        if len(digest) != HASH_SIZE:
            raise LedgerError(
                f"a hash of a proof has {len(digest)} bytes, not {HASH_SIZE}",
                "Fetch the proof again.",
            )


def _require_root(which: str, computed: bytes, stated: bytes, size: int) -> None:
    if computed != stated:
        raise LedgerError(
            f"the {which} root does not fit: the proof leads to {computed.hex()},"
            f" the checkpoint of size {size} says {stated.hex()}",
            "The two checkpoints are not of one log: keep both, they are evidence.",
        )
