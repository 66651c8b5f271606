"""An engine that follows a script: for tests and for years in seconds.

It does no work. Everything it says follows from what was recorded on its shelf (jobs
started, disasters struck) and from the clock, so that the same script gives the same
story, and a restarted process reads on in the middle of it. Faults come by script.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from holdfast.engines.codec import from_json, to_json
from holdfast.engines.shelf import MemoryShelf, Shelf
from holdfast.errors import HoldfastError
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.engine import (
    Acknowledged,
    Backup,
    Description,
    Evidence,
    Examination,
    Finished,
    InvariantResult,
    Job,
    Lost,
    Measure,
    Points,
    Preflight,
    Readiness,
    Rehearsal,
    Repository,
    Running,
    Verb,
    Window,
)

Fault = Literal["fail", "lost", "hang"]
REPOSITORIES = (1, 2)
OFF_SITE = 2
LENGTHS = {
    "backup": timedelta(minutes=2),
    "verify": timedelta(minutes=1),
    "expire": timedelta(seconds=10),
    "restore": timedelta(minutes=10),
    "failover": timedelta(seconds=10),
    "drill": timedelta(minutes=15),
}


@dataclass(frozen=True, slots=True)
class Script:
    """How long each verb takes, and what goes wrong: by job id, or else by verb."""

    lengths: Mapping[str, timedelta] = field(default_factory=lambda: dict(LENGTHS))
    faults: Mapping[str, Fault] = field(default_factory=dict)
    false_invariants: frozenset[str] = frozenset()
    archive_every: timedelta = timedelta(seconds=60)

    def fault(self, job: Job) -> Fault | None:
        """Return what goes wrong with this job."""
        return self.faults.get(job.id) or self.faults.get(job.verb)


@dataclass(frozen=True, slots=True)
class Started:
    """A job on the shelf, with its fate fixed when it began."""

    job: Job
    at: datetime
    length: timedelta
    fault: Fault | None

    @property
    def ends_at(self) -> datetime:
        """When it ends, unless it hangs."""
        return self.at + self.length

    def succeeded(self, now: datetime) -> bool:
        """Say whether it has ended well by now."""
        return self.fault is None and self.ends_at <= now


@dataclass(frozen=True, slots=True)
class Disaster:
    """The server's death, with the repositories that it took along."""

    datastore: str
    at: datetime
    repositories: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scripted:
    """The scripted engine."""

    clock: Clock
    datastores: tuple[str, ...]
    script: Script = field(default_factory=Script)
    shelf: Shelf = field(default_factory=MemoryShelf)

    def strike(self, datastore: str, repositories: tuple[int, ...] = (1,)) -> None:
        """Kill the server and destroy its data and these repositories."""
        self._known(datastore)
        now = self.clock.now()
        name = f"disaster-{datastore}-{now.isoformat()}"
        self.shelf.put(name, to_json(Disaster(datastore, now, repositories)))

    def capabilities(self) -> frozenset[str]:
        """Return what a single cluster can do."""
        return frozenset(get_args(Verb))

    def has(self, datastore: str) -> bool:
        """Say whether the datastore is scripted here."""
        return datastore in self.datastores

    def describe(self, datastore: str) -> Description:
        """Look at the server of the story."""
        self._known(datastore)
        now = self.clock.now()
        up = self._is_up(datastore, now)
        return Description(
            datastore=datastore,
            at=now,
            running=up,
            in_recovery=False if up else None,
            timeline=self._timeline(datastore, now) if up else None,
            server_version="15 (scripted)" if up else None,
            archiving=up,
            last_archived_at=self._archived(now) if up else None,
            archive_failing=False,
            evidence=(self._evidence("describe", datastore),),
        )

    def preflight(
        self, datastore: str, repository: int, target: datetime | None = None
    ) -> Preflight:
        """Check that the repository has a backup to restore."""
        del target  # The use case has looked at the window.
        self._known(datastore)
        now = self.clock.now()
        found = bool(self._backups(datastore, repository, now))
        checks = (
            ("tools", True, "scripted"),
            ("backup", found, "there" if found else "no backup"),
        )
        evidence = (self._evidence("preflight", datastore),)
        return Preflight(found, checks, evidence)

    def points(self, datastore: str) -> Points:
        """List the backups that ended well, and how far the archive reaches."""
        self._known(datastore)
        now = self.clock.now()
        repositories = tuple(self._repository(datastore, n, now) for n in REPOSITORIES)
        usable = any(r.backups for r in repositories)
        return Points(
            datastore=datastore,
            at=now,
            repositories=repositories,
            recoverable_to=self._reach(datastore, now) if usable else None,
            evidence=(self._evidence("points", datastore),),
        )

    def measure(
        self, datastore: str, points: Points, plant_after: datetime | None = None
    ) -> Measure | None:
        """Show a heartbeat, and nobody who replicates."""
        del plant_after  # Nobody touches canaries in a story.
        self._known(datastore)
        now = self.clock.now()
        if not self._is_up(datastore, now):
            return None
        return Measure(
            at=now,
            heartbeat_at=now,
            recoverable_heartbeat_at=points.recoverable_to,
            waiting_segments=0,
            wal_position=0,
            streaming=(),
            not_streaming=(),
            canaries="intact",
            evidence=(self._evidence("measure", datastore),),
        )

    def start(self, job: Job) -> str:
        """Put the job on the shelf, once."""
        self._known(job.datastore)
        if job.verb not in self.capabilities():
            message = f"{job.verb} is not possible for {job.datastore}"
            raise HoldfastError(message, "Its engine does not offer that.")
        length = self.script.lengths.get(job.verb, timedelta())
        started = Started(job, self.clock.now(), length, self._fate(job))
        name = f"job-{job.id}"
        if not self.shelf.put(name, to_json(started)) and self._job(job).job != job:
            hint = "Give each job an id of its own."
            message = f"job {job.id} was started before with other orders"
            raise HoldfastError(message, hint)
        return f"scripted:{job.id}"

    def observe(self, job: Job) -> Running | Finished | Lost:
        """Say how the job stands at this moment of the story."""
        if self.shelf.get(f"job-{job.id}") is None:
            return Lost("no such job was started on this host")
        started, now = self._job(job), self.clock.now()
        if now < started.ends_at or started.fault == "hang":
            share = (now - started.at) / started.length if started.length else 0.0
            return Running(min(share, 0.99), f"{job.verb} under way")
        if job.verb == "drill" and started.fault != "lost":
            return self._rehearsed(started)
        match started.fault:
            case "lost":
                return Lost("the process is gone and left no result")
            case "fail":
                ok, detail = False, f"{job.verb} failed as scripted"
            case _:
                ok, detail = True, f"{job.verb} done"
        proof = (self._evidence(job.verb, job.datastore, at=started.at),)
        tried = self._tried(job, ok=ok, proof=proof) if job.verb == "verify" else ()
        return Finished(ok, detail, started.ends_at, proof, examinations=tried)

    def _tried(
        self, job: Job, *, ok: bool, proof: tuple[Evidence, ...]
    ) -> tuple[Examination, ...]:
        """Return what a verification tries; the off-site copy is out of reach."""
        numbers = REPOSITORIES if job.repository is None else (job.repository,)
        return tuple(
            Examination(
                repository=number,
                read_back=ok,
                cipher="aes-256-cbc",
                wrong_key="refused",
                deletion="refused" if number == OFF_SITE else "unknown",
                escrow="none",
                owner=None,
                region=None,
                evidence=proof,
            )
            for number in numbers
        )

    def _rehearsed(self, started: Started) -> Finished:
        """End a drill: it has to fail where something was broken on purpose."""
        job, end = started.job, started.ends_at
        findings = [
            f"verify: {name}: false"
            for name, _ in job.invariants
            if name in self.script.false_invariants
        ]
        if started.fault == "fail":
            findings = ["restore: drill failed as scripted"]
        if job.sabotage is not None:
            findings = [f"preflight: {job.sabotage}"]
        # Nobody writes to a scripted datastore: what is archived is all there is.
        recovered_to = None if findings else self._archived(started.at)
        rehearsal = Rehearsal(
            fault_at=started.at,
            verified_at=None if findings else end,
            recovered_to=recovered_to,
            first_lost_at=None,
            commits_lost=None if findings else 0,
            timeline=None if findings else 1 + self._timeline(job.datastore, end),
            invariants=tuple(name for name, _ in job.invariants),
            untouched=True,
            disposed=True,
            findings=tuple(findings),
            steps=(("restore", timedelta(0), started.length),),
            fence="namespaces",
            key_from="escrow",
            detected_at=started.at,
            acknowledged=None if findings else Acknowledged(0, 0, 0, 0),
            heartbeat_at=recovered_to,
            smoke_tests=tuple(test.name for test in job.smoke_tests),
        )
        proof = (self._evidence(job.verb, job.datastore, at=started.at),)
        detail = "; ".join(findings) or "restored, verified and removed"
        return Finished(not findings, detail, end, proof, rehearsal)

    def ready(self, datastore: str) -> Readiness:
        """Judge the server after the newest restore."""
        self._known(datastore)
        now = self.clock.now()
        up = self._is_up(datastore, now)
        restored = self._restores(datastore, now)
        ready = up and bool(restored)
        return Readiness(
            ready=ready,
            in_recovery=False if up else None,
            timeline=self._timeline(datastore, now) if up else None,
            recovered_to=self._recovered_to(restored[-1]) if restored else None,
            detail="takes writes" if ready else "not restored",
            evidence=(self._evidence("ready", datastore),),
        )

    def check_invariants(
        self, datastore: str, invariants: Sequence[tuple[str, str]]
    ) -> Sequence[InvariantResult]:
        """Answer as scripted; nothing holds on a server that is down."""
        self._known(datastore)
        up = self._is_up(datastore, self.clock.now())
        return tuple(
            InvariantResult(name, holds, "true" if holds else "false")
            for name, _ in invariants
            for holds in [up and name not in self.script.false_invariants]
        )

    def dispose(self, job: Job) -> None:
        """Nothing is left behind but the story, which a later look still needs."""
        if isinstance(self.observe(job), Running):
            hint = "Wait until it ends, or end it first."
            raise HoldfastError(f"job {job.id} is still running", hint)

    def _known(self, datastore: str) -> None:
        if datastore not in self.datastores:
            hint = "Name it in the script."
            raise HoldfastError(f"no datastore {datastore} is scripted here", hint)

    def _fate(self, job: Job) -> Fault | None:
        fault = self.script.fault(job)
        if fault is None and job.verb in {"restore", "drill"}:
            number = job.repository or REPOSITORIES[0]
            if not self._backups(job.datastore, number, self.clock.now()):
                return "fail"
        return fault

    def _job(self, job: Job) -> Started:
        text = self.shelf.get(f"job-{job.id}")
        assert text is not None, "only a started job is looked up"
        return from_json(text, Started)

    def _jobs(self, datastore: str, verb: str, now: datetime) -> list[Started]:
        texts = [self.shelf.get(n) for n in self.shelf.names() if n.startswith("job-")]
        started = [from_json(text, Started) for text in texts if text is not None]
        fitting = [s for s in started if s.job.datastore == datastore]
        done = [s for s in fitting if s.job.verb == verb and s.succeeded(now)]
        return sorted(done, key=lambda s: (s.ends_at, s.job.id))

    def _restores(self, datastore: str, now: datetime) -> list[Started]:
        return self._jobs(datastore, "restore", now)

    def _disasters(self, datastore: str, now: datetime) -> list[Disaster]:
        names = [n for n in self.shelf.names() if n.startswith("disaster-")]
        texts = [self.shelf.get(name) for name in names]
        struck = [from_json(text, Disaster) for text in texts if text is not None]
        fitting = [d for d in struck if d.datastore == datastore and d.at <= now]
        return sorted(fitting, key=lambda d: d.at)

    def _is_up(self, datastore: str, now: datetime) -> bool:
        struck = self._disasters(datastore, now)
        restored = self._restores(datastore, now)
        return not struck or any(r.at >= struck[-1].at for r in restored)

    def _timeline(self, datastore: str, now: datetime) -> int:
        return 1 + len(self._restores(datastore, now))

    def _archived(self, moment: datetime) -> datetime:
        every = self.script.archive_every
        origin = datetime(2000, 1, 1, tzinfo=UTC)
        return moment - (moment - origin) % every if every else moment

    def _reach(self, datastore: str, now: datetime) -> datetime:
        struck = self._disasters(datastore, now)
        up = self._is_up(datastore, now)
        return self._archived(now if up or not struck else struck[-1].at)

    def _recovered_to(self, restored: Started) -> datetime:
        struck = self._disasters(restored.job.datastore, restored.at)
        reach = self._archived(struck[-1].at if struck else restored.at)
        return min(restored.job.target or reach, reach)

    def _backups(
        self, datastore: str, repository: int, now: datetime
    ) -> tuple[Backup, ...]:
        struck = self._disasters(datastore, now)
        taken = [d.at for d in struck if repository in d.repositories]
        since = max(taken, default=datetime.min.replace(tzinfo=UTC))
        return tuple(
            _backup(started, repository)
            for started in self._jobs(datastore, "backup", now)
            if started.job.repository in {None, repository} and started.at >= since
        )

    def _repository(self, datastore: str, number: int, now: datetime) -> Repository:
        backups = self._backups(datastore, number, now)
        return Repository(
            number=number,
            location=f"scripted:{datastore}/{number}",
            off_site=number == OFF_SITE,
            reachable=bool(backups) or not self._disasters(datastore, now),
            cipher="aes-256-cbc" if backups else None,
            backups=backups,
            wal_max=backups[-1].wal_stop if backups else None,
            detail="ok" if backups else "no backup",
            window=Window(backups[0].finished_at, self._reach(datastore, now), ())
            if backups
            else None,
        )

    def _evidence(
        self, verb: str, datastore: str, at: datetime | None = None
    ) -> Evidence:
        said = f"{verb} {datastore} as scripted"
        return Evidence(
            argv=("scripted", verb, datastore),
            exit_status=0,
            output_digest=f"sha256:{hashlib.sha256(said.encode()).hexdigest()}",
            output_tail=said,
            tool_version="scripted 1",
            started_at=at or self.clock.now(),
            wall=timedelta(),
            monotonic=timedelta(),
        )


_BACKUP = Backup(
    label="",
    repository=0,
    kind="full",
    started_at=datetime.min.replace(tzinfo=UTC),
    finished_at=datetime.min.replace(tzinfo=UTC),
    size_bytes=1 << 20,
    wal_start="000000010000000000000001",
    wal_stop="000000010000000000000002",
    error=False,
)


def _backup(started: Started, repository: int) -> Backup:
    return replace(
        _BACKUP,
        label=f"{started.at:%Y%m%d-%H%M%S}F",
        repository=repository,
        started_at=started.at,
        finished_at=started.ends_at,
    )
