"""What lies beside the log under a digest, brought off-site sealed, and back again.

An entry names its evidence by digest: adopted texts, receipts, samples of probes, what
jobs and drills showed. Evidence is there before the entry that names it, here as
off-site. What an erasure took away is neither published nor brought back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

from holdfast.domain.events.people import PersonErased
from holdfast.domain.memory.people import forgotten
from holdfast.domain.state import State
from holdfast.errors import HoldfastError
from holdfast.journal import read as read_entry
from holdfast.operations.ports.store import Store
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.targets import Target

AT_ONCE = 8
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAMED = b'"sha256:'
_ADOPT_AGAIN = "Adopt it again from its file: holdfast policy adopt FOLDER."


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which texts must be there, since they are in force, and which must not."""

    in_force: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back; ``absent`` was never published, ``damaged`` does not open."""

    found: int
    absent: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


def wanted_of(state: State) -> Wanted:
    """Return what the log says about its texts."""
    adopted = state.adopted
    texts = (adopted.policy, adopted.overlay, adopted.catalogue, adopted.holidays)
    runbooks = (one.digest for one in adopted.runbooks.values())
    in_force = frozenset(one.digest for one in texts if one is not None)
    in_force |= frozenset(runbooks)
    gone = forgotten(state.erasures)
    return Wanted(in_force - gone, gone)


def digests_of(entries: Iterable[bytes], start: int) -> Iterator[str]:
    """Yield the digests of what the entries name, in their order."""
    for index, data in enumerate(entries, start):
        # Reading every entry in full would cost far more than it finds.
        if _NAMED not in data:
            continue
        try:
            event = read_entry(index, data).event
        except HoldfastError:
            continue  # Another log's entries: opaque bytes may hold anything.
        if isinstance(event, PersonErased):
            continue  # What it names is gone.
        for each in fields(event):
            value = getattr(event, each.name)
            if isinstance(value, str) and _DIGEST.fullmatch(value):
                yield value


def sealed(
    store: Store, escrow: Escrow, wanted: Wanted, digests: Iterable[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield where each piece of evidence belongs, and its sealed bytes.

    What is not kept is left out, unless it is in force: raises `StoreError` then.
    """
    for digest in digests:
        if digest in wanted.forgotten:
            continue
        data = store.blob(digest)
        if data is not None:
            yield escrow.path(digest), escrow.seal(digest, data)
        elif digest in wanted.in_force:
            raise StoreError(
                f"the adopted text {digest} is not kept beside the log", _ADOPT_AGAIN
            )


@dataclass(slots=True)
class Restoring:
    """Brings evidence back into a store from one copy."""

    store: Store
    target: Target
    escrow: Escrow | None
    wanted: Wanted

    def restore(self, digests: Collection[str]) -> Restored:
        """Bring back what the store lacks.

        Raises `StoreError` for a text in force that cannot be brought back.
        """
        found, absent, damaged = 0, [], []
        lacking = []
        for digest in dict.fromkeys(digests):
            if digest in self.wanted.forgotten:
                continue
            if self.store.blob(digest) is None:
                lacking.append(digest)
            else:
                found += 1
        if lacking and self.escrow is None:
            raise StoreError(
                "the evidence is sealed, and no escrow key was given",
                "Give the key that lies in escrow: --escrow-key FILE.",
                self.target.name,
            )
        with ThreadPoolExecutor(AT_ONCE) as hands:
            for digest, data in zip(
                lacking, hands.map(self._read, lacking), strict=True
            ):
                if data is None:
                    absent.append(digest)
                elif isinstance(data, StoreError):
                    damaged.append(digest)
                else:
                    self.store.put_blob(data)
                    found += 1
        return Restored(found, tuple(absent), tuple(damaged))

    def _read(self, digest: str) -> bytes | StoreError | None:
        assert self.escrow is not None
        path = self.escrow.path(digest)
        data = self.target.read(path)
        needed = digest in self.wanted.in_force
        if data is None:
            if needed:
                raise StoreError(
                    f"the copy has no evidence {digest} under this escrow key",
                    "Another escrow key sealed it, or it was never published.",
                    f"{self.target.name} {path}",
                )
            return None
        try:
            return self.escrow.open(digest, data)
        except StoreError as fault:
            if needed:
                raise
            return fault


def joined(parts: Sequence[Restored]) -> Restored:
    """Return several restorations as one."""
    return Restored(
        sum(part.found for part in parts),
        tuple(one for part in parts for one in part.absent),
        tuple(one for part in parts for one in part.damaged),
    )
