"""The proof of one entry that can be checked offline (C2SP tlog-proof@v1).

It carries the entry's index, its audit path and the signed checkpoint it leads to, and
stands on its own beside the entry's bytes and the log's verifier key. Its ``extra``
line is not signed by anybody: never trust it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from holdfast.ledger.checkpoint import (
    SignedCheckpoint,
    parse_number,
    verify_checkpoint,
)
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from holdfast.ledger.note import NOTE_MAX, VerifierKey, decode64, encode64

HEADER = "c2sp.org/tlog-proof@v1"
PATH_MAX = 63

_BAD_PROOF = "Ask for the proof again; a proof is a text file that starts with " + (
    HEADER + "."
)


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry stands at ``index`` in the log that ``checkpoint`` commits to."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def to_bytes(self) -> bytes:
        """Return the proof as a file."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode64(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(encode64(node) for node in self.path)
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint

    def verify(self, entry: bytes, keys: Iterable[VerifierKey]) -> SignedCheckpoint:
        """Check signature and path for these bytes of an entry."""
        signed = verify_checkpoint(self.checkpoint, keys)
        size, root = signed.checkpoint.size, signed.checkpoint.root
        verify_inclusion(leaf_hash(entry), self.index, size, self.path, root)
        return signed


def parse_proof(data: bytes) -> Proof:
    """Read a proof strictly; nothing in it is checked against its checkpoint yet."""
    head, blank, checkpoint = data[:NOTE_MAX].partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise LedgerError("the proof is not text", _BAD_PROOF) from None
    if lines[0] != HEADER or not blank or len(data) > NOTE_MAX:
        raise LedgerError("not a tlog-proof of version 1", _BAD_PROOF, "line 1")
    at, extra = 1, None
    if len(lines) > at and lines[at].startswith("extra "):
        extra = decode64(lines[at].removeprefix("extra "))
        if extra is None:
            raise LedgerError("the extra data is not base64", _BAD_PROOF, "line 2")
        at += 1
    index = parse_number(lines[at].removeprefix("index ")) if len(lines) > at else None
    if index is None or not lines[at].startswith("index "):
        raise LedgerError("the index is missing", _BAD_PROOF, f"line {at + 1}")
    return Proof(index, _parse_path(lines, at + 1), checkpoint, extra)


def _parse_path(lines: list[str], start: int) -> tuple[bytes, ...]:
    path: list[bytes] = []
    for number, line in enumerate(lines[start:], start + 1):
        node = decode64(line)
        if node is None or len(node) != HASH_SIZE or len(path) == PATH_MAX:
            raise LedgerError("not a hash of a proof", _BAD_PROOF, f"line {number}")
        path.append(node)
    return tuple(path)
