"""Ways to back up and restore datastores.

A failure of the outside world is a value here (an `Evidence` that says how a command
went, a `Lost` job); an exception is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from holdfast.domain.events.drill import FenceKind, KeyFrom, Sabotage, Scenario
from holdfast.domain.events.measure import Canaries
from holdfast.domain.events.repository import Deletion, Escrow, WrongKey

BackupKind = Literal["full", "diff", "incr"]


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
    """A backup in one repository. ``error`` is the repository's own doubt about it.

    ``size_bytes`` is the datastore's size then, ``copied_bytes`` what this backup took
    of it, ``stored_bytes`` what that came to in the repository; 0 where unknown.
    """

    label: str
    repository: int
    kind: BackupKind
    started_at: datetime
    finished_at: datetime
    size_bytes: int
    wal_start: str
    wal_stop: str
    error: bool
    copied_bytes: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when any moment can be restored from a repository, as its archive
    shows: from ``since``, where an unbroken way of WAL begins at a sound backup, to
    ``until``; ``None`` where there is no such moment. ``holes`` are the segments
    missing since the oldest sound backup.
    """

    since: datetime | None
    until: datetime | None
    holes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """What is known of one repository.

    ``cipher`` is what the repository's own files show, not what a setting says;
    ``None`` where it could not be seen. ``off_site`` is whether it lies in another
    account or region than production. ``window`` is ``None`` where nobody could look.
    """

    number: int
    location: str
    off_site: bool
    reachable: bool
    cipher: str | None
    backups: tuple[Backup, ...]
    wal_max: str | None
    detail: str
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """A datastore as its engine sees it now.

    ``wal_bytes`` is what lies in its folder of WAL, ``wal_free_bytes`` the room that
    is left beside it. ``last_archived_wal`` is the newest segment that the server
    believes to be archived.
    """

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
    wal_bytes: int | None = None
    wal_free_bytes: int | None = None
    last_archived_wal: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """What the running server itself shows, as `DatastoreMeasured` records it."""

    at: datetime
    heartbeat_at: datetime | None
    recoverable_heartbeat_at: datetime | None
    waiting_segments: int
    wal_position: int
    streaming: tuple[str, ...]
    not_streaming: tuple[str, ...]
    canaries: Canaries | None
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


Verb = Literal["backup", "verify", "expire", "restore", "failover", "drill"]


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """A command that tries the application on restored data; exit status 0 is good."""

    name: str
    command: tuple[str, ...]
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class Job:
    """A long verb to run. ``id`` is a slug made from what caused it; a repeat of
    `start` with the same id never runs it twice.

    A drill restores into a place of its own beside the running datastore, asks it the
    ``invariants`` (name, SQL), tries the ``smoke_tests`` on it and removes it; with
    ``sabotage`` something is broken on purpose in a copy, so that it has to fail. In a
    ``region-loss`` nothing on-site can be reached, and the key is the one in escrow. A
    backup without a ``kind`` is of the one that the schedule asks for. An expiry leaves
    every moment of the last ``keep_for`` restorable that was so before.
    """

    id: str
    datastore: str
    verb: Verb
    repository: int | None = None
    target: datetime | None = None
    set_label: str | None = None
    invariants: tuple[tuple[str, str], ...] = ()
    sabotage: Sabotage | None = None
    scenario: Scenario = "restore"
    smoke_tests: tuple[SmokeTest, ...] = ()
    kind: BackupKind | None = None
    keep_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """The job is under way; ``progress`` is 0 to 1 where known."""

    progress: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What became of the commits that the recorder outside the database noted.

    ``lost`` did not come back; ``holes`` are those of them before a later one that did;
    ``extras`` came back though nobody had heard of them.
    """

    noted: int
    lost: int
    holes: int
    extras: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a drill measured.

    ``fault_at``: the disaster is assumed here, and only what the repository held then
    is used. ``verified_at``: the recovered data were up and all invariants held;
    ``None`` if it never came so far. ``commits_lost`` and ``first_lost_at`` are counted
    against production's own log; ``None`` where it could not be counted, or where
    nothing was lost. ``untouched``: production and its repositories are as they were;
    ``disposed``: nothing of the drill is left. ``findings`` name all that is wrong.

    ``detected_at`` is when the recorder missed the database. ``heartbeat_at`` is the
    newest committed row of ours that came back. ``steps`` are each with when it began,
    counted from the first one's beginning, and how long it took. ``recorder`` says
    what kept the recorder from its work.
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
    steps: tuple[tuple[str, timedelta, timedelta], ...]
    fence: FenceKind
    key_from: KeyFrom
    detected_at: datetime | None = None
    recorder: str = ""
    acknowledged: Acknowledged | None = None
    heartbeat_at: datetime | None = None
    smoke_tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What a verification tried on one repository beside reading it back.

    ``wrong_key``: whether a restore with another key was refused. ``deletion``: whether
    production's own credentials could delete from it. ``escrow``: whether the key's
    copy outside production opens it. ``owner`` and ``region`` are what the place itself
    shows, ``None`` where it has no say.
    """

    repository: int
    read_back: bool
    cipher: str | None
    wrong_key: WrongKey
    deletion: Deletion
    escrow: Escrow
    owner: str | None
    region: str | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Expired:
    """What retention removed from a repository, and the sound backups that are left."""

    repository: int
    removed: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The job ended. ``ok`` is the engine's judgement of the evidence.

    ``expired`` names the backups that an expiry removed.
    """

    ok: bool
    detail: str
    finished_at: datetime
    evidence: tuple[Evidence, ...]
    rehearsal: Rehearsal | None = None
    examinations: tuple[Examination, ...] = ()
    expired: tuple[Expired, ...] = ()


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

    def has(self, datastore: str) -> bool:
        """Say whether the datastore is in this engine's care here."""
        ...

    def describe(self, datastore: str) -> Description:
        """Look at the running datastore."""
        ...

    def preflight(
        self, datastore: str, repository: int, target: datetime | None = None
    ) -> Preflight:
        """Check that a restore from the repository could work: versions, keys, space,
        reach, and whether the archive goes beyond the ``target``.
        """
        ...

    def points(self, datastore: str) -> Points:
        """List what could be restored, from the repositories themselves."""
        ...

    def measure(
        self, datastore: str, points: Points, plant_after: datetime | None = None
    ) -> Measure | None:
        """Commit a heartbeat and read replication, WAL and canaries.

        ``points`` say what the repositories hold. Canaries that were planted before
        ``plant_after`` are planted anew. ``None`` where no server answers, or
        where it takes no writes.
        """
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
