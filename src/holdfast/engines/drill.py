"""A drill: restore a datastore beside production, from one repository, and measure it.

The disaster is assumed at one moment. What the repository held then is listed, and the
replay gets no more than that: production goes on archiving, and what arrives later
would have been lost. What was committed by then stands in production's own log, so the
loss is counted. Then everything is removed, and production is shown to be as it was.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from holdfast.engines import preflight, recorder
from holdfast.engines.account import write_private
from holdfast.engines.drill_target import (
    archive_list,
    fenced,
    remove,
    target_of,
    walls,
    write_configuration,
)
from holdfast.engines.evidence import Ran, scrub, summarise
from holdfast.engines.pgbackrest_command import base_options, call
from holdfast.engines.pgbackrest_info import read_info
from holdfast.engines.postgresql import (
    ask,
    check_invariants,
    postmaster,
    start_server,
    wait_out_of_recovery,
)
from holdfast.engines.protected import Cluster, Protected
from holdfast.engines.recorder import Loss, Recorded
from holdfast.engines.report import Ended, Report
from holdfast.engines.repository import list_archive
from holdfast.engines.restore import choose
from holdfast.engines.sabotage import sabotaged
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Backup, Job, Rehearsal

_STANDING = (
    "select pg_is_in_recovery(),"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,"
    " pg_last_xact_replay_timestamp(), pg_last_wal_replay_lsn()::text,"
    " current_setting('archive_mode') = 'off'"
    " and current_setting('listen_addresses') = ''"
)
_PRODUCTION = (
    "select pg_postmaster_start_time()::text, pg_is_in_recovery(),"
    " case when pg_is_in_recovery() then null else"
    " left(pg_walfile_name(pg_current_wal_lsn()), 8) end"
)
_FETCH = """#!/bin/sh
# Only what the repository held at the assumed fault: a disaster leaves no more.
grep -qxF "$1" {listed} || exit 1
exec {program} {options} archive-get "$1" "$2"
"""


@dataclass(slots=True)
class _Course:
    """What is known so far of a drill under way."""

    report: Report
    fault_at: datetime
    verified_at: datetime | None = None
    recovered_to: datetime | None = None
    loss: Loss | None = None
    timeline: int | None = None
    untouched: bool = False
    disposed: bool = False
    findings: list[str] = field(default_factory=list)
    steps: list[tuple[str, timedelta]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; what it cannot do is a finding, and ends it only."""
        began = time.monotonic()
        try:
            yield
        except HoldfastError as error:
            self.findings.append(f"{name}: {error}")
        finally:
            spent = timedelta(seconds=time.monotonic() - began)
            self.steps.append((name, spent))


@dataclass(frozen=True, slots=True)
class _Fault:
    """The assumed disaster: what the repository held, and production had committed."""

    backup: Backup
    newest_timeline: int
    newest_segment: str
    recorded: Recorded | None


def drill(protected: Protected, job: Job, report: Report) -> Ended:
    """Rehearse the recovery; what was measured is in the end's ``rehearsal``."""
    number = job.repository or protected.repositories[0].number
    course = _Course(report, datetime.now(UTC))
    before = _production(protected, report)
    target = target_of(protected)
    try:
        with fenced(protected):
            _rehearse(protected, target, job, number, course)
            report.step("removing the restored copy")
            with course.step("dispose"):
                remove(target)
                course.disposed = True
    except HoldfastError as error:
        course.findings.append(str(error))
    after = _production(protected, report)
    course.untouched = before == after
    if not course.untouched:
        course.findings.append("production or its archive is not as it was")
    return _ended(job, course)


def _rehearse(
    protected: Protected, target: Protected, job: Job, number: int, course: _Course
) -> None:
    report = course.report
    if job.sabotage is not None:
        with course.step("sabotage"):
            target = sabotaged(target, number, job.sabotage, report)
    report.step("checking that a restore could work")
    with course.step("preflight"):
        _insist_on_preflight(target, number, report)
    if course.findings:
        return
    with course.step("fault"):
        fault = _strike(protected, target, number, course)
    if course.findings:
        return
    with course.step("restore"):
        _fetch(target, fault.backup, report, hurry=job.sabotage is not None)
    if course.findings:
        return
    with course.step("replay"):
        _replay(target, fault, course)
    if course.findings:
        return
    with course.step("verify"):
        _verify(target, job, course)


def _insist_on_preflight(target: Protected, number: int, report: Report) -> None:
    found = preflight.check(target, number)
    report.keep_all(found.evidence)
    # With a wrong key the tool complains of what it decrypted to, not of the key.
    wrong = [
        "key: it does not open the repository"
        if check == "key"
        else f"{check}: {detail.partition(chr(10))[0]}"
        for check, ok, detail in found.checks
        if not ok
    ]
    if wrong:
        raise HoldfastError("; ".join(wrong), "Mend it and run the drill again.")


def _strike(
    protected: Protected, target: Protected, number: int, course: _Course
) -> _Fault:
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
    recorded = recorder.record(protected, max(segments, key=_place), course.report)
    held = (*segments, *(f"{timeline:08X}.history" for timeline in histories))
    write_private(archive_list(target), "\n".join(held) + "\n")
    newest = max({int(name[:8], 16) for name in segments} | set(histories))
    return _Fault(backup, newest, max(segments, key=_place), recorded)


def _place(segment: str) -> str:
    return segment[8:]


def _fetch(target: Protected, backup: Backup, report: Report, *, hurry: bool) -> None:
    data, config = target.cluster.data, target.recovery_config(backup.repository)
    report.step("restoring", data, backup.size_bytes)
    script = target.folder / "fetch"
    options = (*base_options(target, config), f"--repo={backup.repository}")
    text = _FETCH.format(
        listed=shlex.quote(str(archive_list(target))),
        program=shlex.quote(str(target.pgbackrest)),
        options=shlex.join((*options, f"--pg1-path={data}")),
    )
    write_private(script, text)
    ran = report.keep(
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
            *(("--job-retry=1",) if hurry else ()),
            config=config,
            deadline=target.deadlines.restore,
        )
    )
    if not ran.exited_well or not (data / "global" / "pg_control").exists():
        raise HoldfastError(_reason(ran), "Read the evidence of the job.")


def _replay(target: Protected, fault: _Fault, course: _Course) -> None:
    """Bring it up behind its walls, out of recovery, on the expected timeline."""
    cluster, deadlines, report = target.cluster, target.deadlines, course.report
    report.step("replaying the archive")
    write_configuration(target)
    began = report.keep(start_server(cluster, deadlines, walls=walls(target)))
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
    _, timeline, replayed_at, replayed_to, walled = row
    if not walled:
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


def _reason(ran: Ran) -> str:
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


def _verify(target: Protected, job: Job, course: _Course) -> None:
    course.report.step("asking the invariants")
    timeout = target.deadlines.statement
    results = check_invariants(target.cluster, job.invariants, timeout)
    wrong = [
        f"{result.name}: {result.detail}" for result in results if not result.holds
    ]
    if wrong:
        raise HoldfastError("; ".join(wrong), "")
    course.verified_at = datetime.now(UTC)


def _production(protected: Protected, report: Report) -> tuple[object, ...]:
    """Return what a drill must not change: the server, and each archive's timelines."""
    asked = ask(protected.cluster, _PRODUCTION, protected.deadlines.statement)
    report.keep_all((asked.evidence,))
    return (asked.rows, *(_timelines(protected, r.number, report)
                          for r in protected.repositories))  # fmt: skip


def _timelines(protected: Protected, number: int, report: Report) -> object:
    info = read_info(protected, number)
    report.keep_all(info.evidence)
    if info.archive_id is None:
        return None
    segments, histories, ran = list_archive(protected, number, info.archive_id)
    report.keep(ran)
    return {name[:8] for name in segments}, set(histories)


def _ended(job: Job, course: _Course) -> Ended:
    if job.sabotage is not None and not course.findings:
        course.findings.append(f"{job.sabotage} went unnoticed")
    loss = course.loss
    rehearsal = Rehearsal(
        fault_at=course.fault_at,
        verified_at=course.verified_at,
        recovered_to=course.recovered_to,
        first_lost_at=loss.first_at if loss else None,
        commits_lost=loss.commits if loss else None,
        timeline=course.timeline,
        invariants=tuple(name for name, _ in job.invariants),
        untouched=course.untouched,
        disposed=course.disposed,
        findings=tuple(course.findings),
        steps=tuple(course.steps),
    )
    detail = "; ".join(course.findings) or "restored, verified and removed"
    return Ended(not course.findings, detail, rehearsal)
