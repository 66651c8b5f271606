"""The offline proof of one entry, as a file."""

from __future__ import annotations

import pytest

from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Tree, leaf_hash
from holdfast.ledger.proof import Proof, parse_proof

ENTRIES = [b"entry %d" % at for at in range(11)]


def _proof(signer: Signer, index: int, extra: bytes | None = None) -> Proof:
    tree = Tree(leaf_hash(entry) for entry in ENTRIES)
    note = signer.sign(Checkpoint(signer.name, tree.size, tree.root()).text())
    return Proof(index, tuple(tree.inclusion(index)), note, extra)


@pytest.mark.parametrize("extra", [None, b"", b"note to self"])
def test_proof_round_trips_and_verifies(signer: Signer, extra: bytes | None) -> None:
    """A proof read back is the same, and holds for its entry alone."""
    for index, entry in enumerate(ENTRIES):
        made = _proof(signer, index, extra)
        read = parse_proof(made.to_bytes())
        assert read == made
        assert read.verify(entry, [signer.key]).checkpoint.size == len(ENTRIES)
        with pytest.raises(LedgerError, match="not in the log"):
            read.verify(entry + b"!", [signer.key])


def test_proof_of_a_log_of_one(signer: Signer) -> None:
    """The only entry of a log needs no path."""
    root = leaf_hash(b"one")
    note = signer.sign(Checkpoint(signer.name, 1, root).text())
    data = Proof(0, (), note).to_bytes()
    assert data == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + note
    parse_proof(data).verify(b"one", [signer.key])


def test_proof_of_another_index_fails(signer: Signer) -> None:
    """The index is part of what is proved."""
    made = _proof(signer, 4)
    moved = Proof(5, made.path, made.checkpoint)
    with pytest.raises(LedgerError):
        moved.verify(ENTRIES[4], [signer.key])
    with pytest.raises(LedgerError, match="cannot be in a log of 11"):
        Proof(11, made.path, made.checkpoint).verify(b"", [signer.key])


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"proof@v1", b"proof@v2"),
        lambda data: data.replace(b"index 4", b"index 04"),
        lambda data: data.replace(b"index 4", b"4"),
        lambda data: data.replace(b"index 4\n", b""),
        lambda data: data.replace(b"index 4", b"extra !\nindex 4"),
        lambda data: data.replace(b"index 4", "index ٤".encode()),
        lambda data: data.replace(b"index 4\n", b"index 4\nAAAA\n"),
        lambda data: data.replace(b"index 4\n", b"index 4\n" + b"A" * 43 + b"=\n" * 64),
        lambda data: data.partition(b"\n\n")[0],
        lambda data: data + b"x" * 1_000_000,
        lambda _: b"",
    ],
)
def test_malformed_proofs(change, signer: Signer) -> None:
    """A proof that is not in form is refused with a way out."""
    with pytest.raises(LedgerError) as caught:
        parse_proof(change(_proof(signer, 4).to_bytes()))
    assert caught.value.hint


def test_path_of_a_wrong_length_fails(signer: Signer) -> None:
    """A path with a step too many or too few is told as such."""
    made = _proof(signer, 4)
    with pytest.raises(LedgerError, match="too short"):
        Proof(4, made.path[:-1], made.checkpoint).verify(ENTRIES[4], [signer.key])
    longer = (*made.path, bytes(32))
    with pytest.raises(LedgerError, match="too long"):
        Proof(4, longer, made.checkpoint).verify(ENTRIES[4], [signer.key])
    with pytest.raises(LedgerError, match="has 3 bytes"):
        Proof(4, (b"abc",), made.checkpoint).verify(ENTRIES[4], [signer.key])
