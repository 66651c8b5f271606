"""A drill: restore a datastore beside production, from one repository, and measure it.

A recorder commits to production and notes outside of it what was acknowledged. Then a
disaster is assumed: what the repository held at that moment is restored inside a fence,
replayed, and verified against the notes, the invariants and the application. Then
everything is removed, and production is shown to be as it was.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from holdfast.engines.acknowledged import Recorder
from holdfast.engines.drill_course import Course
from holdfast.engines.drill_restore import fetch, insist_on_preflight, replay, strike
from holdfast.engines.drill_target import fenced, remove, target_of, walled
from holdfast.engines.drill_verify import verify
from holdfast.engines.pgbackrest_info import read_info
from holdfast.engines.postgresql import ask
from holdfast.engines.protected import Protected
from holdfast.engines.report import Ended, Report
from holdfast.engines.repository import list_archive
from holdfast.engines.sabotage import sabotaged
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Job

_PRODUCTION = (
    "select pg_postmaster_start_time()::text, pg_is_in_recovery(),"
    " case when pg_is_in_recovery() then null else"
    " left(pg_walfile_name(pg_current_wal_lsn()), 8) end"
)


def drill(protected: Protected, job: Job, report: Report) -> Ended:
    """Rehearse the recovery; what was measured is in the end's ``rehearsal``."""
    number = job.repository or protected.repositories[0].number
    recorder = Recorder(protected)
    course = Course(report, job, recorder, datetime.now(UTC))
    before = _production(protected, report)
    try:
        with fenced(protected):
            recorder.start()
            _rehearse(protected, number, course)
            report.step("removing the restored copy")
            with course.step("dispose"):
                remove(target_of(protected))
                course.disposed = True
    except HoldfastError as error:
        course.findings.append(str(error))
    finally:
        recorder.cut()
    after = _production(protected, report)
    course.untouched = before == after
    if not course.untouched:
        course.findings.append("production or its archive is not as it was")
    return course.ended()


def _rehearse(protected: Protected, number: int, course: Course) -> None:
    job, report = course.job, course.report
    report.step("checking that a restore could work")
    with course.step("fence"):
        course.walled = place = walled(protected, number, job.scenario)
    if course.findings:
        return
    if job.sabotage is not None:
        with course.step("sabotage"):
            place = sabotaged(place, number, job.sabotage, report)
    if course.findings:
        return
    target, fence = place.target, place.fence
    with course.step("preflight"):
        insist_on_preflight(target, number, course)
    if course.findings:
        return
    with course.step("fault"):
        fault = strike(protected, target, number, course)
    if course.findings:
        return
    with course.step("restore"):
        fetch(target, fault, course, fence)
    if course.findings:
        return
    with course.step("replay"):
        replay(target, fault, course, fence)
    if course.findings:
        return
    with course.step("verify"):
        verify(target, course, fence)


def _production(protected: Protected, report: Report) -> tuple[object, ...]:
    """Return what a drill must not change: the server, and each archive's timelines."""
    asked = ask(protected.cluster, _PRODUCTION, protected.deadlines.statement)
    report.keep_all((asked.evidence,))
    # Side by side: one that is far away costs no more than itself.
    with ThreadPoolExecutor() as pool:
        numbers = (r.number for r in protected.repositories)
        found = pool.map(lambda n: _timelines(protected, n, report), numbers)
    return (asked.rows, *found)


def _timelines(protected: Protected, number: int, report: Report) -> object:
    info = read_info(protected, number)
    report.keep_all(info.evidence)
    if info.archive_id is None:
        return None
    segments, histories, ran = list_archive(protected, number, info.archive_id)
    report.keep(ran)
    return {name[:8] for name in segments}, set(histories)
