"""PostgreSQL protected by pgBackRest: the engine, as the use cases see it.

Short verbs ask the tools directly, each call under its own deadline; long verbs are
handed to a detached job. Weaker than it looks: a server's `describe` rests on its own
word, and `preflight` cannot know that a backup's files are whole; `verify` can.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast, get_args

from holdfast.engines import jobs, measure, preflight, restore
from holdfast.engines.archive import read_archive
from holdfast.engines.codec import to_json
from holdfast.engines.drill_target import fenced
from holdfast.engines.evidence import require
from holdfast.engines.pgbackrest_info import UNREADABLE, Info, read_info
from holdfast.engines.pgbackrest_jobs import Order
from holdfast.engines.postgresql import ask, check_invariants, is_accepting
from holdfast.engines.protected import Protected, RepositoryAt
from holdfast.engines.raw_bytes import cipher_shown
from holdfast.engines.wal import Proven, recoverable_to, wal_room
from holdfast.engines.window import ended, window_of
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import (
    Description,
    Evidence,
    Finished,
    InvariantResult,
    Job,
    Lost,
    Measure,
    Points,
    Preflight,
    Readiness,
    Repository,
    Running,
    Verb,
)

TOOLS = ("postgres", "pg_ctl", "pg_waldump", "pg_isready", "pg_controldata")
_DESCRIBE = (
    "select pg_is_in_recovery(),"
    " case when pg_is_in_recovery() then null else"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end,"
    " current_setting('server_version'),"
    " current_setting('archive_mode') <> 'off'"
    " and current_setting('archive_command') not in ('', '(disabled)'),"
    " last_archived_time,"
    " last_failed_time is not null"
    " and last_failed_time > coalesce(last_archived_time, '-infinity'),"
    " substring(last_archived_wal from '^[0-9A-F]{24}$')"
    " from pg_stat_archiver"
)
_IDENTITY = "select system_identifier from pg_control_system()"
_STANDING = (
    "select pg_is_in_recovery(),"
    " case when pg_is_in_recovery() then null else"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end"
)


@dataclass(frozen=True, slots=True)
class PgBackRest:
    """The engine over these datastores; its jobs lie in ``work``/jobs."""

    work: Path
    datastores: tuple[Protected, ...]

    def capabilities(self) -> frozenset[str]:
        """Return what can be done here.

        Raises `HoldfastError` naming the package where a tool is missing.
        """
        for protected in self.datastores:
            require(protected.pgbackrest)
            for tool in TOOLS:
                require(protected.cluster.bin_folder / tool)
        return frozenset(get_args(Verb))

    def has(self, datastore: str) -> bool:
        """Say whether the datastore is named in the settings here."""
        return any(protected.id == datastore for protected in self.datastores)

    def describe(self, datastore: str) -> Description:
        """Look at the running server and at how its archiving goes."""
        protected = self._find(datastore)
        accepting = is_accepting(protected.cluster, protected.deadlines)
        asked = ask(protected.cluster, _DESCRIBE, protected.deadlines.statement)
        evidence = (accepting.evidence, asked.evidence)
        now = datetime.now(UTC)
        if asked.rows is None:
            return Description(
                datastore, now, False, None, None, None, False, None, False, evidence
            )
        recovering, timeline, version, archiving, archived_at, failing, newest = (
            asked.rows[0]
        )
        wal_bytes, free_bytes = wal_room(protected.cluster.data / "pg_wal")
        assert timeline is None or isinstance(timeline, int)
        assert archived_at is None or isinstance(archived_at, datetime)
        return Description(
            datastore=datastore,
            at=now,
            running=True,
            in_recovery=bool(recovering),
            timeline=timeline,
            server_version=str(version),
            archiving=bool(archiving),
            last_archived_at=archived_at.astimezone(UTC) if archived_at else None,
            archive_failing=bool(failing),
            evidence=evidence,
            wal_bytes=wal_bytes,
            wal_free_bytes=free_bytes,
            last_archived_wal=str(newest) if newest else None,
        )

    def preflight(
        self, datastore: str, repository: int, target: datetime | None = None
    ) -> Preflight:
        """Check that a restore from the repository could work."""
        return preflight.check(self._find(datastore), repository, target)

    def points(self, datastore: str) -> Points:
        """List what could be restored, asking each repository with its own key."""
        protected = self._find(datastore)
        own = ask(protected.cluster, _IDENTITY, protected.deadlines.statement).rows
        look = partial(_look, protected, cast("int | None", own[0][0] if own else None))
        # Side by side: one that does not answer must not hold up the others.
        with ThreadPoolExecutor(len(protected.repositories)) as hands:
            looks = list(hands.map(look, protected.repositories))
        proven = _proven(protected, looks)
        return Points(
            datastore=datastore,
            at=datetime.now(UTC),
            repositories=tuple(
                replace(look.found, window=ended(look.found.window, proven.moment))
                for look in looks
            ),
            recoverable_to=proven.moment,
            evidence=tuple(e for look in looks for e in look.evidence)
            + proven.evidence,
        )

    def measure(
        self, datastore: str, points: Points, plant_after: datetime | None = None
    ) -> Measure | None:
        """Commit a heartbeat; read replication, WAL and canaries."""
        return measure.measure(self._find(datastore), points, plant_after)

    def start(self, job: Job) -> str:
        """Start a detached job; a repeat with the same id never runs it twice."""
        protected = self._find(job.datastore)
        if job.verb not in self.capabilities():
            message = f"{job.verb} is not possible for {job.datastore}"
            raise HoldfastError(message, "Its engine does not offer that.")
        folder = self._folder(job)
        jobs.start(folder, to_json(Order(job, protected)))
        return str(folder)

    def observe(self, job: Job) -> Running | Finished | Lost:
        """Say how a job stands, from its folder alone."""
        return jobs.observe(self._folder(job))

    def ready(self, datastore: str) -> Readiness:
        """Judge a restored server: out of recovery, expected timeline, target met."""
        protected = self._find(datastore)
        asked = ask(protected.cluster, _STANDING, protected.deadlines.statement)
        restored = jobs.read(protected.restored_record, restore.Restored)
        recovered_to = restored.recovered_to if restored else None
        if asked.rows is None:
            return Readiness(
                False, None, None, recovered_to, asked.detail, (asked.evidence,)
            )
        recovering, timeline = asked.rows[0]
        assert timeline is None or isinstance(timeline, int)
        doubt = _doubt(bool(recovering), timeline, restored)
        return Readiness(
            ready=not doubt,
            in_recovery=bool(recovering),
            timeline=timeline,
            recovered_to=recovered_to,
            detail=doubt or f"takes writes on timeline {timeline}",
            evidence=(asked.evidence,),
        )

    def check_invariants(
        self, datastore: str, invariants: Sequence[tuple[str, str]]
    ) -> Sequence[InvariantResult]:
        """Run approved queries, read-only and without a superuser's powers."""
        protected = self._find(datastore)
        timeout = protected.deadlines.invariant
        return check_invariants(protected.cluster, invariants, timeout)

    def dispose(self, job: Job) -> None:
        """Remove the folder of a job that is over; data put aside stay.

        A drill that died has its server ended and its place removed.
        """
        folder = self._folder(job)
        if isinstance(jobs.observe(folder), Running):
            hint = "Wait until it ends, or end it first."
            raise HoldfastError(f"job {job.id} is still running", hint)
        if job.verb == "drill":
            with fenced(self._find(job.datastore)):
                pass  # Whoever enters finds the place cleared.
        shutil.rmtree(folder, ignore_errors=True)

    def end(self, job: Job) -> None:
        """Ask a running job to stop; it leaves a result that says so."""
        jobs.end(self._folder(job))

    def _folder(self, job: Job) -> Path:
        if not job.id or not set(job.id) <= _SLUG or job.id.startswith("."):
            message = f"{job.id!r} is not fit as a job's id"
            raise HoldfastError(message, "Use letters, digits, dashes and dots.")
        return self.work / "jobs" / job.id

    def _find(self, datastore: str) -> Protected:
        for protected in self.datastores:
            if protected.id == datastore:
                return protected
        raise HoldfastError(
            f"no datastore {datastore} is protected by pgbackrest here",
            "Name it in the settings of the process that holds the engines.",
        )


_SLUG = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(frozen=True, slots=True)
class _Look:
    """One repository's own account, and what it amounts to."""

    info: Info
    found: Repository
    evidence: tuple[Evidence, ...]


def _look(protected: Protected, own_id: int | None, place: RepositoryAt) -> _Look:
    info = read_info(protected, place.number)
    if None not in {own_id, info.system_id} and own_id != info.system_id:
        info = _of_another(info, own_id)
    window, evidence = None, info.evidence
    if info.answers and info.archive_id is not None:
        archive = read_archive(protected, info)
        evidence += archive.evidence
        if archive.segments:
            window = window_of(info, archive)
    found = Repository(
        number=place.number,
        location=place.location,
        off_site=place.off_site,
        reachable=info.answers,
        # Looked at only where a command with a deadline has just been answered.
        cipher=cipher_shown(protected, info) if info.answers else None,
        backups=info.backups,
        wal_max=info.wal_max,
        detail=info.message,
        window=window,
    )
    return _Look(info, found, evidence)


def _of_another(info: Info, own_id: int | None) -> Info:
    """Return the account of a repository that protects another cluster: nothing."""
    said = (
        f"the repository belongs to another cluster: it serves {info.system_id}, "
        f"and this one is {own_id}; name this one's own path and stanza"
    )
    return Info(info.repository, UNREADABLE, said, (), None, None, info.evidence)


def _proven(protected: Protected, looks: list[_Look]) -> Proven:
    """Prove the moment for the repository that is furthest behind.

    Which one a disaster leaves cannot be known before it. Beyond a hole in its archive
    nothing counts but what a backup itself holds.
    """
    usable = [
        look
        for look in looks
        if look.info.answers and look.info.good_backups and look.info.wal_max
    ]
    if not usable:
        return Proven(None, ())
    behind = min(usable, key=lambda look: look.info.wal_max or "")
    proven = recoverable_to(protected, behind.info)
    broken = [
        max(backup.started_at for backup in look.info.good_backups)
        for look in usable
        if look.found.window is not None and look.found.window.since is None
    ]
    if proven.moment is None or not broken:
        return proven
    return Proven(min(proven.moment, *broken), proven.evidence)


def _doubt(
    recovering: bool,  # noqa: FBT001 # The server's own word, named where it is called.
    timeline: int | None,
    restored: restore.Restored | None,
) -> str:
    if recovering:
        return "still in recovery"
    if restored is None:
        return "no restore is on record here"
    if timeline != restored.timeline_expected:
        return f"on timeline {timeline}, not {restored.timeline_expected} as expected"
    return ""
