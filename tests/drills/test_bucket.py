"""The whole cycle with an off-site repository in a bucket: real engine, S3 over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.drills.bucket import Bucket, a_bucket
from tests.drills.rig import DATASTORE, Rig, a_rig

from holdfast.engines.protected import Protected

pytestmark = [pytest.mark.engine, pytest.mark.drills]


@pytest.fixture(name="rig", scope="module")
def _rig() -> Iterator[tuple[Rig, Bucket]]:
    """Provide a server whose second repository is a bucket."""
    with ExitStack() as stack:
        made: list[Bucket] = []

        def in_bucket(protected: Protected, base: Path) -> Protected:
            made.append(stack.enter_context(a_bucket(base / "bucket")))
            on_site, off_site = protected.repositories
            off_site = replace(off_site, path=Path("/orders"), s3=made[0].place)
            return replace(protected, repositories=(on_site, off_site))

        # Ended last: the server archives to the bucket while it stops.
        with a_rig(in_bucket) as rig:
            yield rig, made[0]


def test_a_bucket_holds_the_whole_cycle(rig: tuple[Rig, Bucket]) -> None:
    """Archive, back up, read back, lose server and site, restore from the bucket."""
    server, bucket = rig
    server.insert(*range(5))
    backed_up = server.run("backup", "nightly", 2)
    assert backed_up.ok, backed_up.detail
    server.insert(5)
    server.archive()
    [_, off_site] = server.engine.points(DATASTORE).repositories
    assert (off_site.reachable, off_site.cipher) == (True, "aes-256-cbc")
    assert off_site.location.startswith("s3://copies/orders at localhost:")
    read_back = server.run("verify", "read-back", 2)
    assert read_back.ok, read_back.detail
    stored = bucket.stored()
    assert len(stored) > 5
    assert {data[:8] for data in stored.values() if data} == {b"Salted__"}

    server.strike()
    restored = server.run("restore", "recovery", 2)

    assert restored.ok, restored.detail
    assert server.run("failover", "opening").ok
    assert server.rows() == list(range(6))
    production = server.protected.production_config.read_text()
    recovery = server.protected.recovery_config(2).read_text()
    assert "PRODUCTION1" in production
    assert "KEEPER1" not in production
    assert "KEEPER1" in recovery
    assert "PRODUCTION1" not in recovery
