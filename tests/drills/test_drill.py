"""Drills on the real PostgreSQL and the real pgBackRest, production running beside."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.domain.events.drill import Sabotage
from holdfast.engines import drill, drill_verify, recorder
from holdfast.engines.account import own_folder
from holdfast.engines.drill_target import fenced, target_of
from holdfast.engines.jobs import PROCESS
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.postgresql import ask, postmaster
from holdfast.engines.report import Report
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Finished, Job, Lost, Rehearsal

from .rig import DATASTORE, Rig, a_rig, until

# One server for all of them, and not one in each worker.
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("drill")]

ARCHIVED, OPEN = 50, 7
OPENED: list[int] = []  # The first transaction that is not archived.
HOLDS = (("orders are there", f"select count(*) = {ARCHIVED} from orders"),)
BROKEN: list[tuple[Sabotage, str]] = [
    ("corrupt-repository", "restore: .*data error"),
    ("missing-wal", "preflight: archive: segment [0-9A-F]{24} is missing"),
    ("wrong-key", "preflight: key: it does not open the repository"),
    ("no-space", "restore: .*unable to write"),
]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """Provide a server with off-site backup and archive, and commits in neither."""
    with a_rig() as made:
        keep_still(made)
        made.insert(0)
        assert made.run("backup", "first", 2).ok
        made.insert(*range(1, ARCHIVED))
        made.archive()
        before = next_transaction(made)
        made.insert(*range(ARCHIVED, ARCHIVED + OPEN))
        assert next_transaction(made) - before == OPEN
        OPENED.append(before)
        yield made


def next_transaction(rig: Rig) -> int:
    """Return the number that the next writing transaction will have."""
    with rig.connect() as connection:
        sql = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


def keep_still(rig: Rig) -> None:
    """Keep the server from commits of its own, and from archiving by the clock."""
    with rig.connect() as connection:
        connection.execute("alter system set autovacuum = off")
        connection.execute("alter system set archive_timeout = 0")
        connection.execute("select pg_reload_conf()")


def rehearse(
    rig: Rig,
    name: str,
    sabotage: Sabotage | None = None,
    invariants: tuple[tuple[str, str], ...] = HOLDS,
) -> tuple[Finished, Rehearsal]:
    """Run a drill from off-site to its end."""
    job = Job(name, DATASTORE, "drill", 2, invariants=invariants, sabotage=sabotage)
    rig.engine.start(job)
    ended = rig.finish(job)
    assert ended.rehearsal is not None
    return ended, ended.rehearsal


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file below a folder."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def names(folder: Path) -> set[str]:
    """Return the names of all segments and histories of a repository's archive."""
    return {path.name for path in folder.rglob("0*") if path.is_file()}


def assert_nothing_left(rig: Rig) -> None:
    """Production serves, and no server, folder or process of a drill is there."""
    target = target_of(rig.protected)
    assert not target.folder.exists()
    assert postmaster(target.cluster) is None
    assert len(rig.rows()) >= ARCHIVED


def test_the_lost_commits_are_counted_one_by_one(rig: Rig) -> None:
    """A drill beside production brings the archive back and counts what it lacks."""
    repositories = [place.path for place in rig.protected.repositories]
    before = [names(path) for path in repositories]
    # Whatever drill came before left a commit of its recorder.
    unarchived = next_transaction(rig) - OPENED[-1]

    ended, measured = rehearse(rig, "drill")

    assert ended.ok, ended.detail
    assert unarchived >= OPEN
    assert (measured.commits_lost, measured.timeline) == (unarchived, 2)
    assert measured.recovered_to is not None
    assert measured.first_lost_at is not None
    assert measured.recovered_to < measured.first_lost_at < measured.fault_at
    assert measured.verified_at is not None
    assert measured.fault_at < measured.verified_at <= ended.finished_at
    steps = ["fence", "preflight", "fault", "restore", "replay", "verify", "dispose"]
    assert [step for step, _, _ in measured.steps] == steps
    assert all(
        began + took <= then
        for (_, began, took), (_, then, _) in pairwise(measured.steps)
    )
    assert (measured.untouched, measured.disposed) == (True, True)
    # No timeline, no segment, no history came to production's repositories.
    assert [names(path) for path in repositories] == before
    seen = rig.engine.describe(DATASTORE)
    assert (seen.running, seen.timeline, seen.archive_failing) == (True, 1, False)
    assert_nothing_left(rig)


def test_the_restored_server_is_held_in(rig: Rig, monkeypatch) -> None:
    """It listens on no network, archives nowhere, and starts no work of its own."""
    asked: list[tuple[str, str]] = []

    def look(cluster, invariants, timeout):  # noqa: ANN202
        del invariants
        sql = (
            "select name, setting from pg_settings where name in ('listen_addresses',"
            " 'archive_mode', 'archive_command', 'shared_preload_libraries',"
            " 'max_logical_replication_workers', 'synchronous_standby_names')"
        )
        found = ask(cluster, sql, timeout)
        asked.extend(found.rows or ())
        return ()

    monkeypatch.setattr(drill_verify, "check_invariants", look)
    ended = drill.drill(rig.protected, Job("x", DATASTORE, "drill", 2), report(rig))

    assert ended.ok, ended.detail
    assert dict(asked) == {
        "listen_addresses": "",
        "archive_mode": "off",
        "archive_command": "(disabled)",
        "shared_preload_libraries": "",
        "max_logical_replication_workers": "0",
        "synchronous_standby_names": "",
    }


def test_an_invariant_that_does_not_hold_fails_the_drill(rig: Rig) -> None:
    """Data that are back but wrong are not recovered: there is no figure for them."""
    wrong = (("all are there", "select count(*) = 57 from orders"),)

    ended, measured = rehearse(rig, "invariant", invariants=wrong)

    assert not ended.ok
    assert measured.findings == ("verify: all are there: false",)
    assert measured.verified_at is None
    assert_nothing_left(rig)


@pytest.mark.parametrize(("kind", "reason"), BROKEN)
def test_what_is_broken_on_purpose_is_found(
    rig: Rig, kind: Sabotage, reason: str
) -> None:
    """Each sabotage ends the drill with the true reason, and harms nothing real."""
    away = rig.protected.repository(2).path
    before = contents(away)

    ended, measured = rehearse(rig, f"broken-{kind}", kind)

    assert not ended.ok
    [finding] = measured.findings
    assert re.match(reason, finding), finding
    assert measured.verified_at is None
    assert contents(away) == before
    assert (measured.untouched, measured.disposed) == (True, True)
    assert_nothing_left(rig)


def test_one_drill_at_a_time(rig: Rig) -> None:
    """While one drill holds the target, another ends with the reason."""
    with fenced(rig.protected):
        ended, measured = rehearse(rig, "second")

    assert not ended.ok
    assert measured.findings == (f"another drill of {DATASTORE} is under way",)


def test_a_drill_that_dies_is_cleared_away(rig: Rig) -> None:
    """A killed drill is lost; its server is ended and its place removed."""
    target = target_of(rig.protected)
    slow = (("slow", "select pg_sleep(9) is not null"),)
    job = Job("dying", DATASTORE, "drill", 2, invariants=slow)
    folder = Path(rig.engine.start(job))
    until(lambda: postmaster(target.cluster) is not None)

    os.kill(json.loads((folder / PROCESS).read_text())["pid"], signal.SIGKILL)
    until(lambda: isinstance(rig.engine.observe(job), Lost))
    assert postmaster(target.cluster) is not None
    rig.engine.dispose(job)

    assert_nothing_left(rig)


def test_tablespaces_of_production_are_left_alone() -> None:
    """A restored tablespace lies in the drill's own place, not over production's."""
    with a_rig() as rig:
        space = own_folder(rig.base / "space")
        with rig.connect() as connection:
            connection.execute(f"create tablespace apart location '{space}'")
            connection.execute("create table far (id int) tablespace apart")
        rig.insert(*range(3))
        assert rig.run("backup", "first", 2).ok
        before = contents(space)

        _, measured = rehearse(rig, "spaces", invariants=(("far", "select true"),))

        assert measured.findings == ()
        assert contents(space).keys() == before.keys()


def test_what_is_archived_after_the_fault_does_not_count(monkeypatch) -> None:
    """Production archives on; a disaster would have taken it, so it is lost."""
    with a_rig() as rig:
        keep_still(rig)
        rig.insert(0)
        assert rig.run("backup", "first", 2).ok
        rig.archive()
        rig.insert(1, 2, 3)
        record = recorder.record

        def and_archive(*arguments):  # noqa: ANN002, ANN202
            found = record(*arguments)
            rig.archive()
            return found

        monkeypatch.setattr(recorder, "record", and_archive)
        one = (("only the first", "select array_agg(id) = '{0}' from orders"),)
        job = Job("late", DATASTORE, "drill", 2, invariants=one)
        ended = drill.drill(rig.protected, job, report(rig))

        assert ended.ok, ended.detail
        assert ended.rehearsal is not None
        assert ended.rehearsal.commits_lost == 3

        # And once everything is archived and all is quiet, nothing is lost.
        monkeypatch.undo()
        _, measured = rehearse(rig, "quiet", invariants=())
        assert (measured.commits_lost, measured.first_lost_at) == (0, None)


def test_a_timeline_that_appears_in_the_archive_fails_the_drill(monkeypatch) -> None:
    """Whatever writes to production's repository meanwhile, the drill says so."""
    with a_rig() as rig:
        assert rig.run("backup", "first", 2).ok
        [place] = rig.protected.repository(2).path.glob("archive/*/15-1")
        record = recorder.record

        def and_write(*arguments):  # noqa: ANN002, ANN202
            (place / "00000002.history").write_text("1\t0/3000000\tno reason\n")
            return record(*arguments)

        monkeypatch.setattr(recorder, "record", and_write)
        job = Job("written", DATASTORE, "drill", 2)
        ended = drill.drill(rig.protected, job, report(rig))

        assert ended.rehearsal is not None
        assert ended.rehearsal.findings == (
            "production or its archive is not as it was",
        )
        assert not ended.rehearsal.untouched


def report(rig: Rig) -> Report:
    """Return a report for a drill that is run in this process."""
    folder = rig.base / "in-process"
    with suppress(FileExistsError):
        folder.mkdir()
    return Report(folder)


def test_a_path_too_long_for_a_socket_is_refused(rig: Rig) -> None:
    """A folder whose name no socket can bear is named before anything is done."""
    far = replace(rig.protected, folder=rig.base / ("x" * 100))
    with pytest.raises(HoldfastError, match="socket"):
        target_of(far)


def test_a_slow_invariant_is_given_time_and_a_hanging_one_is_not(rig: Rig) -> None:
    """A query over all data outlasts a question to the server; no query is endless."""
    slow = (("all of it", "select pg_sleep(1.5) is not null"),)
    limits = replace(rig.protected.deadlines, statement=timedelta(seconds=1))
    patient = replace(rig.protected, deadlines=limits)
    [found] = PgBackRest(rig.base / "work", (patient,)).check_invariants(
        DATASTORE, slow
    )
    assert found.holds, found.detail
    hasty = replace(patient, deadlines=replace(limits, invariant=timedelta(seconds=1)))
    [found] = PgBackRest(rig.base / "work", (hasty,)).check_invariants(DATASTORE, slow)
    assert (found.holds, found.detail) == (
        False,
        "canceling statement due to statement timeout",
    )
