"""A region is lost: what is left is a bucket elsewhere, and the key in escrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.drills.bucket import Bucket, a_bucket
from tests.drills.rig import DATASTORE, Rig, a_rig
from tests.drills.test_drill import assert_nothing_left, keep_still

from holdfast.engines.protected import Protected
from holdfast.operations.ports.engine import Job, SmokeTest

pytestmark = [pytest.mark.engine, pytest.mark.drills]

ROWS, OPEN = 50, 7


@pytest.fixture(name="rig", scope="module")
def _rig() -> Iterator[tuple[Rig, Bucket]]:
    """Provide a server whose off-site repository is a bucket, with unarchived rows."""
    with ExitStack() as stack:
        made: list[Bucket] = []

        def in_bucket(protected: Protected, base: Path) -> Protected:
            made.append(stack.enter_context(a_bucket(base / "bucket")))
            on_site, off_site = protected.repositories
            off_site = replace(off_site, path=Path("/orders"), s3=made[0].place)
            return replace(protected, repositories=(on_site, off_site))

        with a_rig(in_bucket) as rig:
            keep_still(rig)
            rig.insert(0)
            assert rig.run("backup", "first", 2).ok
            rig.insert(*range(1, ROWS))
            rig.archive()
            rig.insert(*range(ROWS, ROWS + OPEN))
            yield rig, made[0]


def test_a_fenced_server_comes_back_from_a_bucket(rig: tuple[Rig, Bucket]) -> None:
    """The archive is brought in before the fence closes; inside there is no network."""
    server, bucket = rig
    before = set(bucket.stored())
    cut_off = SmokeTest(
        "cut off",
        (
            "/bin/sh",
            "-c",
            "! ls /sys/class/net | grep -qv lo || ! ip -o route | grep .",
        ),
        timedelta(seconds=10),
    )
    holds = (("all that was archived", f"select count(*) = {ROWS} from orders"),)
    job = Job(
        "region",
        DATASTORE,
        "drill",
        2,
        invariants=holds,
        scenario="region-loss",
        smoke_tests=(cut_off,),
    )
    server.engine.start(job)
    ended = server.finish(job)

    assert ended.ok, ended.detail
    measured = ended.rehearsal
    assert measured is not None
    assert (measured.fence, measured.key_from) == ("namespaces", "escrow")
    assert (measured.commits_lost, measured.timeline) == (OPEN, 2)
    assert measured.acknowledged is not None
    assert measured.acknowledged.noted == measured.acknowledged.lost
    assert (measured.untouched, measured.disposed) == (True, True)
    assert set(bucket.stored()) == before
    assert_nothing_left(server)


def test_a_bucket_that_does_not_answer_fails_the_drill(
    rig: tuple[Rig, Bucket],
) -> None:
    """Each call has its own deadline: the drill ends with the reason, and soon."""
    server, _ = rig
    away = server.protected.repository(2)
    assert away.s3 is not None
    gone = replace(away, s3=replace(away.s3, endpoint="localhost:9"))
    kept = replace(
        server.protected,
        repositories=(server.protected.repository(1), gone),
        deadlines=replace(server.protected.deadlines, short=timedelta(seconds=4)),
    )
    engine = replace(server.engine, datastores=(kept,))
    job = Job("gone", DATASTORE, "drill", 2, scenario="region-loss")
    engine.start(job)
    ended = replace(server, engine=engine).finish(job)

    assert not ended.ok
    assert ended.rehearsal is not None
    assert ended.rehearsal.findings[0].startswith("preflight: repository: ")
    assert ended.rehearsal.verified_at is None
    assert_nothing_left(server)
