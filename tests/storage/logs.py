"""Logs to publish, and a place for copies that fails where a test wants it to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.note import parse_verifier_key
from holdfast.ledger.verify import Verification, verify_log
from holdfast.operations.copies import (
    DiffersError,
    OutOfReachError,
    UnreadableError,
)
from holdfast.operations.ports.store import Draft, Store
from holdfast.storage.escrow import Escrow
from holdfast.storage.memory import MemoryStore
from holdfast.storage.off_site import OffSite
from holdfast.storage.targets import Target

NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
SIGNER = Signer("example.com/log", bytes(range(32)))
KEY = parse_verifier_key(SIGNER.verifier_key)
Failing = Callable[[int], str]


@dataclass
class Kept:
    """A mark in memory."""

    note: bytes | None = None

    def newest(self) -> bytes | None:
        """Return what was kept."""
        return self.note

    def keep(self, note: bytes) -> None:
        """Keep it."""
        self.note = note


@dataclass
class FakeTarget:
    """A place in memory. ``fails`` says of each write: "", "lost" or "stored"."""

    name: str = "s3://fake/log"
    files: dict[str, bytes] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    fails: Failing = lambda _: ""
    readable: bool = True
    watch: Callable[[], None] = lambda: None

    def read(self, path: str) -> bytes | None:
        """Return the file."""
        if not self.readable:
            raise UnreadableError("put only", "Give read_credentials.", self.name)
        return self.files.get(path)

    def write_once(self, path: str, data: bytes) -> None:
        """Create a file."""
        if self.files.get(path, data) != data:
            raise DiffersError(f"{path} has other bytes", "Keep both.", self.name)
        self.replace(path, data)

    def settle(self) -> None:
        """Hold everything already."""

    def replace(self, path: str, data: bytes) -> None:
        """Write a file, or fail as the test wants."""
        outcome = self.fails(len(self.written))
        self.written.append(path)
        if outcome != "lost":
            self.files[path] = data
        self.watch()
        if outcome:
            raise OutOfReachError(f"cannot write {path}", "Try again.", self.name)

    def names(self, under: str = "") -> list[str]:
        """Return the files directly in the place."""
        if not self.readable:
            return []
        rest = [p.removeprefix(under) for p in self.files if p.startswith(under)]
        return sorted(path for path in rest if "/" not in path)

    def remove(self, path: str) -> bool:
        """Remove a file."""
        self.files.pop(path, None)
        return True

    def versions(self, path: str) -> list[bytes]:
        """Return the file."""
        data = self.read(path)
        return [] if data is None else [data]

    def signed_sizes(self) -> list[int]:
        """Return the sizes of the checkpoint copies."""
        names = [path.split("/")[1] for path in self.files if "checkpoints/" in path]
        return sorted(map(int, names))


def grow(store: Store, size: int, mark: str = "entry") -> None:
    """Let the log have that size, and sign it."""
    drafts = [
        Draft(f"k{at}", lambda _, at=at: f"{mark} {at}".encode())  # type: ignore[misc]
        for at in range(store.size(), size)
    ]
    store.append(drafts, now=NOW)
    sign(store)


def sign(store: Store) -> None:
    """Sign the log's head."""
    size, root = store.root()
    text = Checkpoint(SIGNER.name, size, root).text()
    store.save_checkpoint(size, SIGNER.sign(text))


def log_of(*sizes: int) -> MemoryStore:
    """Return a log that was signed at these sizes."""
    store = MemoryStore()
    for size in sizes:
        grow(store, size)
    return store


def off_site(store: Store, target: Target, *, escrow: Escrow | None = None) -> OffSite:
    """Return the copy of the store at the target."""
    return OffSite(store, target, lambda: [KEY], Kept(), escrow)


def verified(target: Target) -> Verification:
    """Verify a copy from outside, with every checkpoint copy up to the one shown."""
    size = verify_log(target, [KEY]).checkpoint.size
    earlier = [one for one in target.signed_sizes() if one <= size]
    return verify_log(target, [KEY], earlier=earlier)
