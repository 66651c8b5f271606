"""A log whose every size can be signed, a witness in a folder, and a memory in RAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.merkle import Tree, leaf_hash
from holdfast.ledger.note import VerifierKey
from holdfast.ledger.witness import Cosigner, Request, Witness
from holdfast.storage.witness import WitnessStore

SIGNER = Signer("example.com/log", bytes(32))
OTHER = Signer("other.example/log", bytes([2]) * 32)
COSIGNER = Cosigner("example.com/witness", bytes([1]) * 32)
NOW = 1_700_000_000


@dataclass
class SomeLog:
    """A log of ``size`` entries, made from a ``salt`` after ``common`` ones."""

    size: int
    salt: str = ""
    common: int = 0
    signer: Signer = SIGNER
    tree: Tree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = Tree(
            leaf_hash(f"{self.salt if at >= self.common else ''}{at}".encode())
            for at in range(self.size)
        )

    def note(self, size: int) -> bytes:
        """Return the signed checkpoint of a size."""
        root = self.tree.root(size)
        return self.signer.sign(Checkpoint(self.signer.name, size, root).text())

    def request(self, old: int, size: int) -> bytes:
        """Return a request as an honest client makes it."""
        proof = tuple(self.tree.consistency(old, size)) if old <= size else ()
        return Request(old, proof, self.note(size)).to_bytes()


@dataclass
class RamMemory:
    """A memory that forgets at the end of the test."""

    trusted: Sequence[VerifierKey] = (SIGNER.key, OTHER.key)
    cosigned: dict[str, Checkpoint] = field(default_factory=dict)

    def keys(self, origin: str) -> Sequence[VerifierKey]:
        """Return the keys of that name."""
        return [key for key in self.trusted if key.name == origin]

    def latest(self, origin: str) -> Checkpoint | None:
        """Return what was kept last."""
        return self.cosigned.get(origin)

    def advance(self, before: Checkpoint | None, after: Checkpoint) -> bool:
        """Keep it unless it moved on."""
        if self.cosigned.get(after.origin) != before:
            return False
        self.cosigned[after.origin] = after
        return True


def witness(memory: RamMemory | WitnessStore | None = None) -> Witness:
    """Return a witness with the known key."""
    return Witness(COSIGNER, memory or RamMemory())


def stored(folder: Path) -> WitnessStore:
    """Return a new memory in a file, which trusts both logs."""
    memory = WitnessStore.create(folder / "witness.sqlite")
    memory.trust(SIGNER.key)
    memory.trust(OTHER.key)
    return memory
