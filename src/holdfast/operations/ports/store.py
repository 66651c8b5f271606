"""The log's durable home, and the outbox, as the use cases need them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from holdfast.errors import HoldfastError
from holdfast.operations.ports.people import PersonalChange, SealedRow


# Not frozen, nor is `Appended`: setting two fields past that takes as long as hashing
# the entry.
@dataclass(slots=True)
class Draft:
    """An entry about to be written: its unique key, and its bytes once time is known.

    ``seal`` is called with the moment of recording, which never goes back, by whatever
    thread writes, and perhaps more than once: it must be pure, and may read the store
    but not write to it. Bytes that were sealed in vain are never stored.
    """

    key: str
    seal: Callable[[datetime], bytes]


HELD = datetime(9999, 1, 1, tzinfo=UTC)
"""A parcel not to be delivered before then is in quarantine: a person releases it."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery to make: one row of the outbox, unique by ``key``.

    ``notice`` is the key of the `NoticeDue` that owes it, ``recipient`` a reference
    ("person:ana", "customer:c17", "page:status"), never an address. ``payload`` is what
    to send, as JSON without personal data.
    """

    key: str
    notice: str
    channel: str
    recipient: str
    payload: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to deliver one parcel until ``expires_at``.

    ``token`` is a fencing token: it grows with every claim of the row. ``attempt``
    counts claims, from 1, and is stored before the claim is handed out; so an attempt
    above the number of recorded failures plus one means that a node died between
    sending and recording, and the delivery may be a repeat.
    """

    parcel: Parcel
    token: int
    attempt: int
    failures: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claimed parcel, committed only while its token is live.

    ``delivered``: ``receipt`` is the relay's own word for it (a message id), kept.
    ``again``: not accepted, to be tried from ``not_before``. ``abandoned``: never.
    """

    claim: Claim
    outcome: Literal["delivered", "again", "abandoned"]
    receipt: str = ""
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A settled parcel, for the sealed receipt of its notice."""

    key: str
    recipient: str
    outcome: Literal["delivered", "abandoned"]
    attempt: int
    failures: int
    receipt: str
    settled_at: datetime


@dataclass(slots=True)
class Appended:
    """Where the drafts ended up. ``fresh`` is false where the key was there already."""

    size: int
    indices: tuple[int, ...]
    fresh: tuple[bool, ...]


class MovedOnError(HoldfastError):
    """The log is no longer at the size that a conclusion was drawn from.

    Nothing was written; fold up to ``size`` and decide again.
    """

    def __init__(self, expected: int, size: int) -> None:
        super().__init__(
            f"the log moved on: {size} entries, not {expected}",
            "Another writer came first. Read what it wrote and decide again.",
        )
        self.expected = expected
        self.size = size


class ContradictsError(HoldfastError):
    """A checkpoint of that size is kept that says something else."""


class LeaseLostError(HoldfastError):
    """A settlement came with a token that is no longer the parcel's.

    Nothing was written. Somebody else holds the parcel now, or it is settled already.
    """

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the claim on delivery {key} is no longer held",
            "Another node took it over, or it is settled. Leave it to that node.",
        )
        self.key = key


class Store(Protocol):
    """The ledger's durable home: entries, the one head, outbox and blobs.

    When a call returns, what it wrote survives SIGKILL and power loss. Any number of
    processes may use one store at once. Entries can be neither changed nor deleted.
    """

    def size(self) -> int:
        """Return the number of entries."""
        ...

    def read(self, start: int, stop: int) -> Sequence[bytes]:
        """Return entries ``start`` to ``stop`` (exclusive), clipped to the log."""
        ...

    def leaf_hashes(self, start: int, stop: int) -> Sequence[bytes]:
        """Return the leaf hashes of a range, clipped to the log."""
        ...

    def root(self) -> tuple[int, bytes]:
        """Return size and Merkle root of one moment."""
        ...

    def append(
        self,
        drafts: Sequence[Draft],
        *,
        now: datetime,
        expected_size: int | None = None,
        parcels: Sequence[Parcel] = (),
        settlements: Sequence[Settlement] = (),
        personal: PersonalChange | None = None,
    ) -> Appended:
        """Write drafts, parcels, settlements and what is personal in one transaction.

        A draft or parcel whose key exists is left as it is (``fresh`` false). With
        ``expected_size``, nothing is written unless the log has exactly that size:
        raises `MovedOnError`, and the caller folds and decides again. Raises
        `LeaseLostError` if a settlement's token is no longer the row's.
        ``recorded_at`` handed to ``seal`` is the later of ``now`` and the newest
        recorded moment in the log.

        Callers at the same time may share one transaction. Each still gets its own
        answer, as if it had come alone; where the commit fails, or nobody knows
        whether it did, all of them get the error.
        """
        ...

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int = 1,
        channel: str | None = None,
    ) -> Sequence[Claim]:
        """Take up to ``limit`` parcels that are due and not under a live lease.

        Of one channel or of all, longest overdue first. No two callers get the same
        parcel while a lease lives.
        """
        ...

    def unsettled(self) -> int:
        """Return how many parcels are neither delivered nor abandoned."""
        ...

    def deliveries(self, notice: str) -> tuple[int, Sequence[Delivered]]:
        """Return how many parcels of the notice are open, and those settled."""
        ...

    def hold(self, notice: str) -> int:
        """Put the notice's open parcels into quarantine; return how many there are.

        A claim on one ends. No parcel leaves the quarantine but by `release`.
        """
        ...

    def held(self) -> Sequence[Parcel]:
        """Return the parcels in quarantine, oldest first."""
        ...

    def release(self, notice: str, now: datetime) -> int:
        """Let the notice's quarantined parcels be delivered from ``now`` on."""
        ...

    def save_checkpoint(
        self, size: int, note: bytes, *, instead_of: tuple[int, bytes] | None = None
    ) -> None:
        """Keep a signed checkpoint; signatures of a second one of its size join it.

        ``instead_of`` names one to drop in the same step, unless anything, such as a
        witness's signature, was added to it, or another one came between them. Raises
        `ContradictsError`, and changes nothing, where a different checkpoint of that
        size is kept.
        """
        ...

    def save_checkpoints(self, notes: Sequence[tuple[int, bytes]]) -> None:
        """Keep many signed checkpoints at once, all of them or none."""
        ...

    def checkpoint(self) -> bytes | None:
        """Return the signed checkpoint of the largest size, if there is one."""
        ...

    def checkpoints(self, *, newest_first: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yield every signed checkpoint with its size, smallest first by default."""
        ...

    def put_blob(self, data: bytes) -> str:
        """Keep evidence beside the log; return its ``sha256:`` digest. Repeatable."""
        ...

    def blob(self, digest: str) -> bytes | None:
        """Return kept evidence, or ``None``; it is checked against its digest."""
        ...

    def people(self) -> Sequence[SealedRow]:
        """Return every row of the erasable table, by reference."""
        ...

    def person(self, reference: str) -> SealedRow | None:
        """Return the row of a reference, or ``None``."""
        ...

    def follow(self) -> bool:
        """Open anew what stands at the address now, if that is another; say whether.

        A file that was replaced would else be written to unseen.
        """
        ...

    def close_log(self) -> None:
        """Refuse every further entry and delivery, for good; repeatable.

        The database itself refuses them, also to a node that runs already. What is
        there can be read, and personal data can still be destroyed.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class Bookmark(Protocol):
    """Where something about a log is kept out of it; lost, it begins again."""

    def read(self) -> bytes | None:
        """Return what was kept."""
        ...

    def keep(self, data: bytes | None) -> None:
        """Keep it, or nothing any more."""
        ...


class Mark(Protocol):
    """The newest checkpoint signed here, kept apart from the store.

    A restored database brings its old checkpoints along; this does not go back with it.
    """

    def newest(self) -> bytes | None:
        """Return the signed checkpoint kept last."""
        ...

    def keep(self, note: bytes) -> None:
        """Keep a signed checkpoint; when this returns, it survives power loss."""
        ...
