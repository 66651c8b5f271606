"""The world, in the shapes that the use cases need.

Every port says what it promises about durability, repeats and time. A failure of the
outside world is a value here (an `Evidence`, a `Rejected`); an exception is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from holdfast.domain.events.drill import Sabotage
from holdfast.errors import HoldfastError

# --- The log's store ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry about to be written: its unique key, and its bytes once time is known.

    ``seal`` is called inside the write's transaction, after the lock is held, with the
    moment of recording, which never goes back.
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


@dataclass(frozen=True, slots=True)
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
    ) -> Appended:
        """Write drafts, parcels and settlements in one transaction.

        A draft or parcel whose key exists is left as it is (``fresh`` false). With
        ``expected_size``, nothing is written unless the log has exactly that size:
        raises `MovedOnError`, and the caller folds and decides again. Raises
        `LeaseLostError` if a settlement's token is no longer the row's.
        ``recorded_at`` handed to ``seal`` is the later of ``now`` and the newest
        recorded moment in the log.
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

    def save_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a signed checkpoint; a second one of the same size replaces it."""
        ...

    def checkpoint(self) -> bytes | None:
        """Return the signed checkpoint of the largest size, if there is one."""
        ...

    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        """Yield every signed checkpoint with its size, smallest first."""
        ...

    def put_blob(self, data: bytes) -> str:
        """Keep evidence beside the log; return its ``sha256:`` digest. Repeatable."""
        ...

    def blob(self, digest: str) -> bytes | None:
        """Return kept evidence, or ``None``; it is checked against its digest."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
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


# --- Channels ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends. ``key`` travels with it, so that a repeat shows."""

    key: str
    subject: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The other side took it; ``receipt`` is its own word for the message."""

    receipt: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """The other side did not take it, or it cannot be known whether it did.

    ``permanent``: trying again cannot help. ``retry_after`` is the other side's wish.
    ``uncertain``: it may have been taken (the connection broke after sending).
    """

    reason: str
    permanent: bool = False
    retry_after: timedelta | None = None
    uncertain: bool = False


class Channel(Protocol):
    """A way to tell somebody something. Returns within its own deadline, never raises
    for the outside world's faults.
    """

    name: str

    def send(self, message: Message, address: str) -> Accepted | Rejected:
        """Send to one address; return when the other side answered."""
        ...


# --- Sources -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a service from one vantage point."""

    service: str
    vantage: str
    at: datetime
    ok: bool
    latency_ms: float
    detail: str


class Lookout(Protocol):
    """Sees the public status page as an outsider does."""

    url: str

    def seen(self, notice: str) -> datetime | None:
        """Return when a fetch from outside saw the notice, or ``None`` if it did not.

        Ends within its own deadline; whatever goes wrong outside is "not seen".
        """
        ...


# --- Engines -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """How one outside command went: the proof behind a fact.

    ``argv`` holds no secret. ``output_digest`` is ``sha256:`` of the whole output, of
    which ``output_tail`` is the last part, scrubbed. ``exit_status`` is evidence, never
    the verdict; ``None`` means that the deadline ended it.
    """

    argv: tuple[str, ...]
    exit_status: int | None
    output_digest: str
    output_tail: str
    tool_version: str
    started_at: datetime
    wall: timedelta
    monotonic: timedelta


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup in one repository. ``error`` is the repository's own doubt about it."""

    label: str
    repository: int
    kind: Literal["full", "diff", "incr"]
    started_at: datetime
    finished_at: datetime
    size_bytes: int
    wal_start: str
    wal_stop: str
    error: bool


@dataclass(frozen=True, slots=True)
class Repository:
    """What is known of one repository.

    ``cipher`` is what the repository's own files show, not what a setting says;
    ``None`` where it could not be seen. ``off_site`` is whether it lies in another
    account or region than production.
    """

    number: int
    location: str
    off_site: bool
    reachable: bool
    cipher: str | None
    backups: tuple[Backup, ...]
    wal_max: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Description:
    """A datastore as its engine sees it now."""

    datastore: str
    at: datetime
    running: bool
    in_recovery: bool | None
    timeline: int | None
    server_version: str | None
    archiving: bool
    last_archived_at: datetime | None
    archive_failing: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """What can be restored: backups by repository and the newest recoverable moment.

    ``recoverable_to`` is a moment such that every transaction committed before it is
    in the repository, as far as is proven; ``None`` where nothing is.
    """

    datastore: str
    at: datetime
    repositories: tuple[Repository, ...]
    recoverable_to: datetime | None
    evidence: tuple[Evidence, ...]


Verb = Literal["backup", "verify", "restore", "failover", "drill"]


@dataclass(frozen=True, slots=True)
class Job:
    """A long verb to run. ``id`` is a slug made from what caused it; a repeat of
    `start` with the same id never runs it twice.

    A drill restores into a place of its own beside the running datastore, asks it the
    ``invariants`` (name, SQL) and removes it; with ``sabotage`` something is broken on
    purpose in a copy, so that it has to fail.
    """

    id: str
    datastore: str
    verb: Verb
    repository: int | None = None
    target: datetime | None = None
    set_label: str | None = None
    invariants: tuple[tuple[str, str], ...] = ()
    sabotage: Sabotage | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """The job is under way; ``progress`` is 0 to 1 where known."""

    progress: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a drill measured.

    ``fault_at``: the disaster is assumed here, and only what the repository held then
    is used. ``verified_at``: the recovered data were up and all invariants held;
    ``None`` if it never came so far. ``commits_lost`` and ``first_lost_at`` are counted
    against production's own log; ``None`` where it could not be counted, or where
    nothing was lost. ``untouched``: production and its repositories are as they were;
    ``disposed``: nothing of the drill is left. ``findings`` name all that is wrong.
    """

    fault_at: datetime
    verified_at: datetime | None
    recovered_to: datetime | None
    first_lost_at: datetime | None
    commits_lost: int | None
    timeline: int | None
    invariants: tuple[str, ...]
    untouched: bool
    disposed: bool
    findings: tuple[str, ...]
    steps: tuple[tuple[str, timedelta], ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The job ended. ``ok`` is the engine's judgement of the evidence."""

    ok: bool
    detail: str
    finished_at: datetime
    evidence: tuple[Evidence, ...]
    rehearsal: Rehearsal | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The job's process is gone and left no result; a person must look."""

    detail: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """Whether a restore could work now: each check by name with its finding."""

    ok: bool
    checks: tuple[tuple[str, bool, str], ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a restored server may be used: out of recovery, on the expected
    timeline, target reached. ``recovered_to`` is the last replayed commit's time.
    """

    ready: bool
    in_recovery: bool | None
    timeline: int | None
    recovered_to: datetime | None
    detail: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """One invariant, asked of a database in a read-only transaction."""

    name: str
    holds: bool
    detail: str


class Engine(Protocol):
    """A way to back up and restore datastores, over tools that people trust.

    `restore` leaves the datastore fenced: up, but out of its applications' reach until
    `failover` opens it, so that nobody works on data that nobody has verified.

    Short verbs return within their deadline. Long ones are `start`, which returns at
    once, and `observe`. Jobs are detached: they outlive the process that started them,
    and any later process on the host can observe them by id.
    """

    def capabilities(self) -> frozenset[str]:
        """Return the verbs that this engine has here, with the tools it found."""
        ...

    def describe(self, datastore: str) -> Description:
        """Look at the running datastore."""
        ...

    def preflight(self, datastore: str, repository: int) -> Preflight:
        """Check that a restore from the repository could work: versions, keys, space,
        reach.
        """
        ...

    def points(self, datastore: str) -> Points:
        """List what could be restored, from the repositories themselves."""
        ...

    def start(self, job: Job) -> str:
        """Start a long verb; return its work folder. Repeatable by the job's id."""
        ...

    def observe(self, job: Job) -> Running | Finished | Lost:
        """Say how a started job stands, from its work folder alone."""
        ...

    def ready(self, datastore: str) -> Readiness:
        """Judge whether the restored datastore may be used."""
        ...

    def check_invariants(
        self, datastore: str, invariants: Sequence[tuple[str, str]]
    ) -> Sequence[InvariantResult]:
        """Run approved read-only queries (name, SQL), each under its own deadline."""
        ...

    def dispose(self, job: Job) -> None:
        """Remove what a job left, also a lost drill's place; no datastore in use."""
        ...


# --- Time --------------------------------------------------------------------------


class Clock(Protocol):
    """Where the moment comes from; simulated time has the same shape."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        ...


# --- Keys --------------------------------------------------------------------------


class Signer(Protocol):
    """Holds the log's private key; signs checkpoint texts."""

    name: str
    verifier_key: str

    def sign(self, text: str) -> bytes:
        """Return the signed note of a checkpoint's text."""
        ...
