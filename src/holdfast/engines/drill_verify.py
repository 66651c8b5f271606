"""What a drill asks of restored data, before the clock stops.

The recorder's rows are held against its notes, the newest row of ours is dated, the
datastore's own invariants are asked, and the application is tried on it. Commands of
smoke tests run in the fence and see no process but their own; they get no password,
for the socket's folder lets in nobody else. Their output may be customers' data: it is
not kept, only its digest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from holdfast.engines.acknowledged import rows_in
from holdfast.engines.drill_course import Course
from holdfast.engines.evidence import Call, require, run
from holdfast.engines.fence import Fence
from holdfast.engines.postgresql import ask, check_invariants
from holdfast.engines.protected import Protected
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import SmokeTest

_HEARTBEAT_THERE = "select to_regclass('holdfast.heartbeat') is not null"
_HEARTBEAT = "select max(at) from holdfast.heartbeat"


def verify(target: Protected, course: Course, fence: Fence | None) -> None:
    """Ask everything; only then the clock stops.

    Raises `HoldfastError` with all that is wrong.
    """
    course.report.step("comparing acknowledged commits")
    wrong = _compare(target, course)
    course.report.step("asking the invariants")
    timeout = target.deadlines.invariant
    results = check_invariants(target.cluster, course.job.invariants, timeout)
    wrong += [f"{r.name}: {r.detail}" for r in results if not r.holds]
    for test in course.job.smoke_tests:
        course.report.step(f"trying {test.name}")
        wrong += _smoke(test, target, course, fence)
    if wrong:
        raise HoldfastError("; ".join(wrong), "")
    course.verified_at = datetime.now(UTC)


def _compare(target: Protected, course: Course) -> list[str]:
    timeout = target.deadlines.statement
    back = rows_in(target.cluster, timeout)
    course.compared = found = course.recorder.compare(back, course.fault_at)
    moments = [found.newest_at] if found and found.newest_at else []
    there = ask(target.cluster, _HEARTBEAT_THERE, timeout)
    if there.rows == ((True,),):
        asked = ask(target.cluster, _HEARTBEAT, timeout)
        beat = cast("datetime | None", asked.rows[0][0]) if asked.rows else None
        moments += [beat.astimezone(UTC)] if beat else []
    course.heartbeat_at = max(moments, default=None)
    if found is None or not found.holes:
        return []
    return [f"{found.holes} acknowledged commits are missing before later ones"]


def _smoke(
    test: SmokeTest, target: Protected, course: Course, fence: Fence | None
) -> list[str]:
    if fence is None:
        return [f"{test.name}: not tried, for nothing here would hold it in"]
    cluster = target.cluster
    environment = {
        "PGHOST": str(cluster.socket_folder),
        "PGPORT": str(cluster.port),
        "PGUSER": cluster.superuser,
        "PGDATABASE": cluster.database,
    }
    alone = replace(fence, cut_off=True, alone=True)
    try:
        require(Path(test.command[0]))
        ran = course.report.keep(
            run(
                Call(
                    test.command,
                    test.timeout,
                    target.folder,
                    environment=environment,
                    secret_output=True,
                    fence=alone,
                )
            )
        )
    except HoldfastError:
        return [f"{test.name}: there is no program {test.command[0]} here"]
    if ran.timed_out:
        return [f"{test.name}: no end within {test.timeout.total_seconds():g} s"]
    if not ran.exited_well:
        return [f"{test.name}: exit status {ran.evidence.exit_status}"]
    return []
