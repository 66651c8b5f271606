"""A drill's own restore: assume the fault, fetch, replay behind the walls.

The disaster is assumed at one moment. What the repository held then is listed, and the
replay gets no more than that: production goes on archiving, and what arrives later
would have been lost.
"""

from __future__ import annotations

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from holdfast.engines import preflight, recorder
from holdfast.engines.account import own_folder, write_private
from holdfast.engines.drill_course import Course
from holdfast.engines.drill_target import archive_list, walls, write_configuration
from holdfast.engines.evidence import Ran, scrub, summarise
from holdfast.engines.fence import Fence
from holdfast.engines.pgbackrest_command import base_options, call
from holdfast.engines.pgbackrest_info import read_info
from holdfast.engines.postgresql import (
    ask,
    postmaster,
    start_server,
    wait_out_of_recovery,
)
from holdfast.engines.protected import Cluster, Protected
from holdfast.engines.recorder import Recorded
from holdfast.engines.repository import list_archive
from holdfast.engines.restore import choose
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Backup, Job

_STANDING = (
    "select pg_is_in_recovery(),"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,"
    " pg_last_xact_replay_timestamp(), pg_last_wal_replay_lsn()::text,"
    " current_setting('archive_mode') = 'off'"
    " and current_setting('listen_addresses') = ''"
)
_FETCH = """#!/bin/sh
# Only what the repository held at the assumed fault: a disaster leaves no more.
grep -qxF "$1" {listed} || exit 1
exec {get}
"""
_UNREACHED = re.compile(
    r"ended by its deadline|HostConnect|ServiceError|timeout|unable to (?:connect|find)"
)
# The fenced server reaches no bucket: what it will ask for is brought in before it
# starts, by so many commands at once.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Fault:
    """The assumed disaster: what the repository held, and production had committed."""

    backup: Backup
    held: tuple[str, ...]
    newest_timeline: int
    newest_segment: str
    recorded: Recorded | None


def insist_on_preflight(target: Protected, number: int, course: Course) -> None:
    """Check that the restore could work, before anything is assumed."""
    found = preflight.check(target, number)
    course.report.keep_all(found.evidence)
    wrong = [_said(check, detail) for check, ok, detail in found.checks if not ok]
    if wrong:
        raise HoldfastError("; ".join(wrong), "Mend it and run the drill again.")


def strike(
    protected: Protected, target: Protected, number: int, course: Course
) -> Fault:
    """Assume the disaster: from here on nothing that is new counts."""
    info = read_info(target, number)
    course.report.keep_all(info.evidence)
    backup = choose(info, Job("", target.id, "drill"))
    assert info.archive_id is not None, "a repository with a backup has an archive"
    segments, histories, ran = list_archive(target, number, info.archive_id)
    course.report.keep(ran)
    if not segments:
        raise HoldfastError("the archive could not be listed", summarise(ran))
    # The archive first, production after it: what is archived in between counts as
    # lost, so that no loss is ever hidden.
    course.fault_at = datetime.now(UTC)
    course.recorder.cut()
    own, newest = frozenset(course.recorder.xids), max(segments, key=_place)
    recorded = recorder.record(protected, newest, course.report, own)
    held = (*segments, *(f"{timeline:08X}.history" for timeline in histories))
    write_private(archive_list(target), "\n".join(held) + "\n")
    highest = max({int(name[:8], 16) for name in segments} | set(histories))
    return Fault(backup, held, highest, newest, recorded)


def fetch(target: Protected, fault: Fault, course: Course, fence: Fence | None) -> None:
    """Restore the backup into the drill's place, with that repository's key alone."""
    backup = fault.backup
    data, config = target.cluster.data, target.recovery_config(backup.repository)
    course.report.step("restoring", data, backup.size_bytes)
    script = target.folder / "fetch"
    far = target.repository(backup.repository).folder is None
    if far and fence is not None:
        fence = replace(fence, cut_off=False)
    get = shlex.join((*_archive_get(target, backup.repository), "archive-get"))
    text = _FETCH.format(
        listed=shlex.quote(str(archive_list(target))),
        get=f'cp {_brought(target)}/"$1" "$2"' if far else f'{get} "$1" "$2"',
    )
    write_private(script, text)
    ran = course.report.keep(
        call(
            target,
            "restore",
            f"--repo={backup.repository}",
            f"--set={backup.label}",
            *("--type=default", "--archive-mode=off"),
            # Production's own tablespaces must never be written over.
            f"--tablespace-map-all={target.folder / 'tablespaces'}",
            f'--recovery-option=restore_command=/bin/sh "{script}" %f "%p"',
            *("--process-max=2", "--log-level-console=info"),
            # What is broken on purpose does not mend itself in a quarter of a minute.
            *(("--job-retry=1",) if course.job.sabotage is not None else ()),
            config=config,
            deadline=target.deadlines.restore,
            fence=fence,
        )
    )
    if not ran.exited_well or not (data / "global" / "pg_control").exists():
        raise HoldfastError(_complaint(ran), "Read the evidence of the job.")
    if far:
        _bring(target, fault, course, fence)


def _bring(
    target: Protected, fault: Fault, course: Course, fence: Fence | None
) -> None:
    """Bring in all of the archive that a replay from the backup on may ask for."""
    course.report.step("fetching the archive")
    number = fault.backup.repository
    place = own_folder(_brought(target))
    since = _place(fault.backup.wal_start)
    wanted = [n for n in fault.held if n.endswith(".history") or _place(n) >= since]

    def bring(name: str) -> Ran:
        return call(
            target,
            "archive-get",
            f"--repo={number}",
            f"--pg1-path={target.cluster.data}",
            config=target.recovery_config(number),
            arguments=(name, place / name),
            fence=fence,
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, ran in zip(wanted, pool.map(bring, wanted), strict=True):
            if not ran.exited_well:
                course.report.keep(ran)
                raise HoldfastError(f"{name} of the archive: {_complaint(ran)}", "")


def _archive_get(target: Protected, number: int) -> tuple[str, ...]:
    config, data = target.recovery_config(number), target.cluster.data
    program, options = str(target.pgbackrest), base_options(target, config)
    return (program, *options, f"--repo={number}", f"--pg1-path={data}")


def _brought(target: Protected) -> Path:
    return target.folder / "archive"


def replay(
    target: Protected, fault: Fault, course: Course, fence: Fence | None
) -> None:
    """Bring it up behind its walls, out of recovery, on the expected timeline."""
    cluster, deadlines, report = target.cluster, target.deadlines, course.report
    report.step("replaying the archive")
    write_configuration(target)
    began = report.keep(
        start_server(cluster, deadlines, walls=walls(target), fence=fence)
    )
    if postmaster(cluster) is None:
        said = _fatal(cluster) or summarise(began)
        raise HoldfastError(f"PostgreSQL did not come up: {said}", "")
    waited = wait_out_of_recovery(cluster, deadlines)
    standing = ask(cluster, _STANDING, deadlines.statement)
    report.keep_all((waited.evidence, standing.evidence))
    if standing.rows is None or standing.rows[0][0] is not False:
        said = _fatal(cluster) or waited.detail
        raise HoldfastError(f"PostgreSQL did not come out of recovery: {said}", "")
    row = cast("tuple[bool, int, datetime | None, str, bool]", standing.rows[0])
    _, timeline, replayed_at, replayed_to, held_in = row
    if not held_in:
        raise HoldfastError("the restored server is not held in", "")
    course.timeline = timeline
    if timeline != fault.newest_timeline + 1:
        expected = fault.newest_timeline + 1
        raise HoldfastError(f"on timeline {timeline}, not {expected} as expected", "")
    place = recorder.position(replayed_to)
    if place < recorder.start_of(fault.newest_segment):
        raise HoldfastError("the replay ended before the archive's end", "")
    course.loss = recorder.lost(fault.recorded, fault.newest_timeline, place)
    course.recovered_to = (replayed_at or fault.backup.started_at).astimezone(UTC)


def _said(check: str, detail: str) -> str:
    """Return what a check found wrong, in one line.

    With a wrong key the tool complains of what it decrypted to, not of the key; and of
    a repository that does not answer, it cannot know the key.
    """
    line = detail.partition("\n")[0]
    if check != "key":
        return f"{check}: {line}"
    if _UNREACHED.search(detail):
        return f"repository: {line}"
    return "key: it does not open the repository"


def _place(segment: str) -> str:
    return segment[8:]


def _complaint(ran: Ran) -> str:
    """Return what the tool complains of first; the rest follows from it."""
    found = re.search(r"ERROR: (\[\d+\]: .*)", scrub(ran.output))
    return found.group(1) if found else summarise(ran)


def _fatal(cluster: Cluster) -> str:
    """Return the server's own last complaint; its log is removed with it."""
    try:
        log = cluster.log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.findall(r"(?:FATAL|PANIC): +(.*)", scrub(log))
    return str(found[-1]) if found else ""
