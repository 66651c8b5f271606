"""What a drill's fence keeps out, what the recorder counts, the loss of a region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.drills.test_drill import (
    assert_nothing_left,
    contents,
    keep_still,
    names,
    rehearse,
    report,
)

from holdfast.engines import drill, drill_target
from holdfast.engines.account import write_private
from holdfast.engines.acknowledged import NOTES, read_notes
from holdfast.engines.drill_target import target_of
from holdfast.engines.fence import Fence
from holdfast.operations.ports.engine import Finished, Job, SmokeTest

from .rig import DATASTORE, Rig, a_rig

# One server for all of them, and not one in each worker.
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("fenced")]

SH = "/bin/sh"
PSQL = "/usr/lib/postgresql/15/bin/psql"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """Provide a server with an off-site backup, its key in escrow."""
    with a_rig() as made:
        keep_still(made)
        made.insert(*range(50))
        assert made.run("backup", "first", 2).ok
        yield made


def smoke(rig: Rig, name: str, script: str, timeout: float = 20) -> Finished:
    """Run a drill whose smoke test is a script."""
    test = SmokeTest(name, (SH, "-c", script), timedelta(seconds=timeout))
    job = Job(name, DATASTORE, "drill", 2, smoke_tests=(test,))
    rig.engine.start(job)
    return rig.finish(job)


def test_a_smoke_test_sees_the_restored_data_and_nothing_else(rig: Rig) -> None:
    """The application finds its database; network, production, others it does not."""
    production = rig.protected.cluster
    script = f"""
        [ "$({PSQL} -Atc 'select count(*) from orders')" = 50 ] || exit 11
        [ "$(ls /sys/class/net)" = lo ] || [ "$(ip -o link | wc -l)" = 1 ] || exit 12
        [ -z "$(ls -A {production.data})" ] || exit 13
        [ -z "$(ls -A {production.socket_folder})" ] || exit 14
        [ -z "$(cat {production.passfile})" ] || exit 15
        touch {rig.protected.repository(2).path}/x 2>/dev/null && exit 16
        [ "$(ls -d /proc/[0-9]* | wc -l)" -lt 9 ] || exit 17
        {PSQL} -h 127.0.0.1 -p {production.port} -c 'select 1' 2>/dev/null && exit 18
        exit 0
    """
    ended = smoke(rig, "smoke", script)

    assert ended.ok, ended.detail
    assert ended.rehearsal is not None
    assert ended.rehearsal.fence == "namespaces"
    assert ended.rehearsal.smoke_tests == ("smoke",)
    assert_nothing_left(rig)


@pytest.mark.parametrize(
    ("script", "finding"),
    [
        ("exit 3", "verify: wrong: exit status 3"),
        ("sleep 60", "verify: wrong: no end within 0.5 s"),
    ],
)
def test_a_smoke_test_that_fails_fails_the_drill(
    rig: Rig, script: str, finding: str
) -> None:
    """What the application cannot work on is not recovered; the clock never stops."""
    test = SmokeTest("wrong", (SH, "-c", script), timedelta(seconds=0.5))
    job = Job("x", DATASTORE, "drill", 2, smoke_tests=(test,))
    ended = drill.drill(rig.protected, job, report(rig))

    assert ended.rehearsal is not None
    assert ended.rehearsal.findings == (finding,)
    assert ended.rehearsal.verified_at is None


def test_without_a_fence_no_command_is_run(rig: Rig, monkeypatch) -> None:
    """Where the kernel gives none, the settings hold, and the drill says so."""
    monkeypatch.setattr(Fence, "holds", lambda _: False)
    touched = rig.base / "touched"
    missing = SmokeTest("app", (SH, "-c", f"touch {touched}"), timedelta(seconds=5))
    job = Job("x", DATASTORE, "drill", 2)
    plain = drill.drill(rig.protected, job, report(rig))
    tried = drill.drill(
        rig.protected, replace(job, smoke_tests=(missing,)), report(rig)
    )

    assert plain.ok, plain.detail
    assert plain.rehearsal is not None
    assert plain.rehearsal.fence == "settings"
    assert not tried.ok
    assert "app: not tried, for nothing here would hold it in" in tried.detail
    assert not touched.exists()


def test_a_region_loss_comes_back_from_off_site_alone(rig: Rig, monkeypatch) -> None:
    """On-site is covered, the key is the one in escrow, and production is as it was."""
    away = rig.protected.repository(2)
    before = [names(place.path) for place in rig.protected.repositories]
    seen: list[Fence] = []
    fence_of = drill_target.fence_of
    monkeypatch.setattr(
        drill_target, "fence_of", lambda *a: seen.append(fence_of(*a)) or seen[-1]
    )
    # Production's own copy of the key is of no use: the drill must not need it.
    key = away.key_file.read_bytes()
    write_private(away.key_file, "another-key\n")
    try:
        job = Job("region", DATASTORE, "drill", 2, scenario="region-loss")
        ended = drill.drill(rig.protected, job, report(rig))
    finally:
        write_private(away.key_file, key)

    assert ended.ok, ended.detail
    assert ended.rehearsal is not None
    assert (ended.rehearsal.key_from, ended.rehearsal.fence) == ("escrow", "namespaces")
    assert rig.protected.repository(1).path in seen[-1].hidden
    assert [names(place.path) for place in rig.protected.repositories] == before
    assert_nothing_left(rig)


@pytest.mark.parametrize(
    ("repository", "escrow", "finding"),
    [
        (1, True, "fence: repository 1 is lost with the region: it is not off-site"),
        (2, False, "fence: the key of repository 2 is nowhere but in production"),
    ],
)
def test_a_region_loss_needs_a_copy_and_a_key_elsewhere(
    rig: Rig, repository: int, escrow: bool, finding: str
) -> None:
    """What would be gone with the region is not restored from."""
    protected = rig.protected
    if not escrow:
        kept = tuple(replace(r, escrow_file=None) for r in protected.repositories)
        protected = replace(protected, repositories=kept)
    job = Job("region", DATASTORE, "drill", repository, scenario="region-loss")
    ended = drill.drill(protected, job, report(rig))

    assert ended.rehearsal is not None
    assert ended.rehearsal.findings == (finding,)


def test_acknowledged_commits_are_told_apart() -> None:
    """Archived rows come back, later ones are lost; a missing one is a hole."""
    with a_rig() as rig:
        keep_still(rig)
        rig.insert(0)
        assert rig.run("backup", "first", 2).ok
        _, first = rehearse(rig, "one", invariants=())
        assert first.acknowledged is not None, first.recorder
        assert first.acknowledged.noted == first.acknowledged.lost > 0
        assert (first.commits_lost, first.acknowledged.holes) == (0, 0)
        assert first.detected_at is not None
        assert first.fault_at <= first.detected_at
        noted = len(read_notes(rig.protected.folder / NOTES))
        rig.archive()

        _, second = rehearse(rig, "two", invariants=())
        assert second.acknowledged is not None
        assert second.acknowledged.noted - second.acknowledged.lost == noted
        assert second.heartbeat_at is not None

        # A row that vanishes in the middle of what is archived is no honest crash.
        with rig.connect() as connection:
            connection.execute("delete from holdfast.acknowledged where number = 2")
            rig.archive()
            connection.execute("insert into holdfast.acknowledged values (2, now())")
        ended, third = rehearse(rig, "three", invariants=())
        assert not ended.ok
        assert third.acknowledged is not None
        assert third.acknowledged.holes == 1
        [finding] = third.findings
        assert finding == "verify: 1 acknowledged commits are missing before later ones"
        assert contents(target_of(rig.protected).folder) == {}


def test_a_recorder_that_cannot_note_claims_nothing(rig: Rig) -> None:
    """The drill goes on without it; there is no figure of acknowledged commits."""
    notes = rig.protected.folder / NOTES
    notes.unlink(missing_ok=True)
    notes.mkdir()
    try:
        ended, measured = rehearse(rig, "mute", invariants=())
    finally:
        notes.rmdir()
    assert ended.ok, ended.detail
    assert measured.acknowledged is None
    assert "Is a directory" in measured.recorder
