"""Restore a datastore in place, from one repository alone.

Nothing is deleted: what lies in the data directory is put aside under another name.
The restore, and the server while it replays, know only the repository they restore
from. Then production's archiving is made to work again: repositories that are gone are
prepared anew before the server starts, since PostgreSQL archives to all or to none.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from holdfast.engines import jobs
from holdfast.engines.account import own_folder
from holdfast.engines.evidence import Call, argv_of, run, summarise
from holdfast.engines.pgbackrest_command import call, configure_production, version
from holdfast.engines.pgbackrest_info import Info, read_info
from holdfast.engines.postgresql import (
    ask,
    is_closed,
    keep_the_archive_clock,
    postmaster,
    start_server,
    stop_server,
    wait_out_of_recovery,
)
from holdfast.engines.protected import Protected
from holdfast.engines.report import Ended, Report
from holdfast.engines.repository import list_archive
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Backup, Job

_STANDING = (
    "select pg_is_in_recovery(),"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,"
    " pg_last_xact_replay_timestamp()"
)


_NEXT_TRANSACTION = re.compile(r"NextXID:\s+(\d+):(\d+)")
_NEXT_NOW = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_LISTENING = (
    "select current_setting('listen_addresses') <> '' and not pg_is_in_recovery()"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, for `ready`.

    ``recovered_to`` is the last replayed commit, or where none was replayed the start
    of the backup, before which every commit is in it.
    """

    job: str
    repository: int
    backup: str
    timeline_expected: int
    timeline: int
    target: datetime | None
    recovered_to: datetime
    commits_replayed: bool
    at: datetime


def restore(protected: Protected, job: Job, report: Report) -> Ended:
    """Restore, start fenced, wait until out of recovery, record how far it came.

    Applications do not reach the server before `failover`: its data are not verified.
    """
    number = job.repository or protected.repositories[0].number
    report.step("looking for the backup")
    info = read_info(protected, number)
    with _fence(protected):
        report.keep_all(info.evidence)
        backup = choose(info, job)
        expected = next_timeline(protected, info, report)
        _stop_closed(protected, report)
        left = next_transaction(protected, report)
        aside = _put_aside(protected, job)
        _fetch(protected, job, backup, report)
        notes = _mend_archiving(protected, report)
        restored = _bring_up(protected, job, backup, expected, report)
        notes = (*_left_out(protected, left, aside, report), *notes)
    jobs.write(protected.restored_record, restored)
    detail = (
        f"restored {backup.label} from repository {number} "
        f"to {restored.recovered_to.isoformat()} on timeline {restored.timeline}"
    )
    return Ended(_reached(restored), "; ".join((detail, *notes)))


def failover(protected: Protected, report: Report) -> Ended:
    """Open a restored and verified server to its applications again."""
    cluster, deadlines = protected.cluster, protected.deadlines
    report.step("opening the restored server")
    report.keep(stop_server(cluster, deadlines))
    began = report.keep(start_server(cluster, deadlines))
    waited = wait_out_of_recovery(cluster, deadlines)
    report.keep_all((waited.evidence,))
    listening = ask(cluster, _LISTENING, deadlines.statement)
    report.keep_all((listening.evidence,))
    if listening.rows != ((True,),):
        return Ended(ok=False, detail=f"not in service: {summarise(began)}")
    report.keep_all((keep_the_archive_clock(cluster, deadlines).evidence,))
    return Ended(ok=True, detail=f"{protected.id} is in service again")


@contextmanager
def _fence(protected: Protected) -> Iterator[None]:
    """Let one restore at a time touch the target, and never under a live server."""
    with (protected.folder / "restore.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "Wait until it ends; `observe` shows how it stands."
            message = f"another restore of {protected.id} is under way"
            raise HoldfastError(message, hint) from error
        pid = postmaster(protected.cluster)
        if pid is not None and not is_closed(protected.cluster):
            raise HoldfastError(
                f"PostgreSQL runs on the data directory as process {pid}",
                "Stop it first; Holdfast never restores under a live server.",
            )
        yield


def choose(info: Info, job: Job) -> Backup:
    """Return the newest sound backup that fits the job.

    Raises `HoldfastError` where the repository cannot be read or has none.
    """
    if not info.answers:
        raise HoldfastError(
            f"repository {info.repository} cannot be read: {info.message}",
            "Check that it is reachable and that its cipher key is the right one.",
        )
    fitting = [
        b
        for b in info.good_backups
        if (job.set_label is None or b.label == job.set_label)
        and (job.target is None or b.finished_at <= job.target)
    ]
    if not fitting:
        raise HoldfastError(
            f"repository {info.repository} has no backup for that moment",
            "Choose a later moment or another repository.",
        )
    return fitting[-1]


def next_timeline(protected: Protected, info: Info, report: Report) -> int:
    """Return the timeline that PostgreSQL will open: the highest known, plus one."""
    assert info.archive_id is not None, "a repository with a backup has an archive"
    segments, histories, ran = list_archive(protected, info.repository, info.archive_id)
    report.keep(ran)
    used = {int(name[:8], 16) for name in segments} | set(histories)
    return max(used, default=1) + 1


def _stop_closed(protected: Protected, report: Report) -> None:
    """Stop what an earlier restore left running closed: nobody relies on it."""
    if postmaster(protected.cluster) is None:
        return
    report.step("stopping the restored server that was not opened")
    report.keep(stop_server(protected.cluster, protected.deadlines))
    if postmaster(protected.cluster) is not None:
        raise HoldfastError(
            "the restored server that was not opened does not stop",
            "Stop it with pg_ctl, then order the recovery anew.",
        )


def next_transaction(protected: Protected, report: Report) -> int | None:
    """Return the next transaction of what lies there, by its last checkpoint."""
    data = protected.cluster.data
    if not (data / "global" / "pg_control").exists():
        return None
    program = protected.cluster.bin_folder / "pg_controldata"
    argv = argv_of(program, f"--pgdata={data}")
    deadline = protected.deadlines.short
    ran = report.keep(run(Call(argv, deadline, Path("/"), version(program))))
    found = _NEXT_TRANSACTION.search(ran.output)
    return (int(found[1]) << 32) + int(found[2]) if found else None


def _left_out(
    protected: Protected, left: int | None, aside: Path | None, report: Report
) -> tuple[str, ...]:
    """Say what the restored data do not hold, and where it lies now.

    Counted by transaction numbers, which every write takes one of: those that failed
    and Holdfast's own are in it.
    """
    if aside is None:
        return ()
    where = f"what lay there is kept at {aside}"
    asked = ask(protected.cluster, _NEXT_NOW, protected.deadlines.statement)
    report.keep_all((asked.evidence,))
    if left is None or asked.rows is None:
        return (where,)
    count = max(left - int(str(asked.rows[0][0])), 0)
    return (f"{count:,} transactions begun since are not in it", where)


def _put_aside(protected: Protected, job: Job) -> Path | None:
    """Rename what lies there; return its new place."""
    data, aside = protected.cluster.data, None
    if data.exists() and any(data.iterdir()):
        aside = data.rename(data.with_name(f"{data.name}.before-{job.id}"))
    own_folder(data)
    data.chmod(0o700)
    return aside


def _fetch(protected: Protected, job: Job, backup: Backup, report: Report) -> None:
    report.step("restoring", protected.cluster.data, backup.size_bytes)
    target = (
        ("--type=time", f"--target={job.target.astimezone(UTC).isoformat(' ')}")
        if job.target
        else ("--type=default",)
    )
    action = ("--target-action=promote",) if job.target else ()
    ran = report.keep(
        call(
            protected,
            "restore",
            f"--repo={backup.repository}",
            f"--set={backup.label}",
            *(*target, *action, "--process-max=2", "--log-level-console=info"),
            config=protected.recovery_config(backup.repository),
            deadline=protected.deadlines.restore,
        )
    )
    if not (protected.cluster.data / "global" / "pg_control").exists():
        raise HoldfastError(
            f"the restore did not complete: {summarise(ran)}",
            "Preflight names what is wrong; try another backup or repository.",
        )


def _mend_archiving(protected: Protected, report: Report) -> tuple[str, ...]:
    """Prepare repositories that are gone; a failure is told, and stops nothing."""
    report.step("preparing the archive")
    try:
        config = configure_production(protected)
    except HoldfastError as error:
        return (f"archiving is not restored: {error}",)
    for repository in protected.repositories:
        if repository.folder is not None and repository.folder.parent.exists():
            own_folder(repository.folder)
    ran = report.keep(
        call(
            protected,
            "stanza-create",
            *("--no-online", "--log-level-console=warn"),
            config=config,
        )
    )
    return () if ran.exited_well else (f"archiving is not restored: {summarise(ran)}",)


def _bring_up(
    protected: Protected, job: Job, backup: Backup, expected: int, report: Report
) -> Restored:
    cluster, deadlines = protected.cluster, protected.deadlines
    report.step("replaying the archive")
    began = report.keep(start_server(cluster, deadlines, fenced=True))
    if postmaster(cluster) is None:
        raise HoldfastError(
            f"PostgreSQL did not come up: {summarise(began)}",
            f"Read {cluster.log}; a target after the last WAL ends recovery so.",
        )
    waited = wait_out_of_recovery(cluster, deadlines)
    report.keep_all((waited.evidence,))
    standing = ask(cluster, _STANDING, deadlines.statement)
    report.keep_all((standing.evidence,))
    if waited.rows != ((False,),) or standing.rows is None:
        raise HoldfastError(
            "PostgreSQL did not come out of recovery",
            f"Read {cluster.log}; a target after the last WAL ends recovery so.",
        )
    _, timeline, replayed = standing.rows[0]
    assert isinstance(timeline, int)
    assert replayed is None or isinstance(replayed, datetime)
    return Restored(
        job=job.id,
        repository=backup.repository,
        backup=backup.label,
        timeline_expected=expected,
        timeline=timeline,
        target=job.target,
        recovered_to=(replayed or backup.started_at).astimezone(UTC),
        commits_replayed=replayed is not None,
        at=datetime.now(UTC),
    )


def _reached(restored: Restored) -> bool:
    return restored.timeline == restored.timeline_expected
