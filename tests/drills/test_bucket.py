"""The whole cycle with an off-site repository in a bucket: real engine, S3 over TLS."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.drills.bucket import Bucket, a_bucket
from tests.drills.rig import DATASTORE, Rig, a_rig, shared_temp
from tests.drills.test_drill import BROKEN, report

from holdfast.domain.events.drill import Sabotage, Scenario
from holdfast.engines import drill
from holdfast.engines.account import write_private
from holdfast.engines.deleting import CONTENT, try_to_delete
from holdfast.engines.drill_target import target_of
from holdfast.engines.examine import examine
from holdfast.engines.places import S3At
from holdfast.engines.postgresql import postmaster
from holdfast.engines.protected import Protected
from holdfast.engines.provision import Layout, lay_out
from holdfast.operations.ports.engine import Job

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
    """Archive, back up, read back, rehearse, lose all else, restore from the bucket."""
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
    [found] = read_back.examinations
    assert (found.wrong_key, found.deletion) == ("refused", "refused")
    assert (found.region, found.owner) == ("eu-west-3", None)
    said = repr(read_back.evidence)
    assert "HTTP 403" in said
    assert "AccessDenied" in said
    assert "production1-secret" not in said
    assert "keeper1-secret" not in said
    stored = bucket.stored()
    # Ours, and nobody's data: production could store it, and not remove it.
    assert stored.pop("orders/holdfast-canary") == CONTENT
    assert len(stored) > 5
    assert {data[:8] for data in stored.values() if data} == {b"Salted__"}

    rehearsed = server.run("drill", "rehearsal", 2)
    assert rehearsed.ok, rehearsed.detail
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


@pytest.fixture(name="backed_up", scope="module")
def _backed_up(rig: tuple[Rig, Bucket]) -> tuple[Rig, Bucket]:
    """Provide the same with a backup in the bucket that is there to be copied."""
    ended = rig[0].run("backup", "to-be-copied", 2)
    assert ended.ok, ended.detail
    rig[0].archive()
    return rig


@pytest.mark.parametrize("scenario", ["restore", "region-loss"])
@pytest.mark.parametrize(("kind", "reason"), BROKEN)
def test_a_sabotage_breaks_a_copy_of_the_bucket(
    backed_up: tuple[Rig, Bucket], kind: Sabotage, reason: str, scenario: Scenario
) -> None:
    """Each sabotage ends the drill with the true reason; the bucket is only read."""
    server, bucket = backed_up
    before, asked = bucket.stored(), len(bucket.asked())
    name = f"broken-{scenario}-{kind}"
    job = Job(name, DATASTORE, "drill", 2, sabotage=kind, scenario=scenario)
    server.engine.start(job)
    ended = server.finish(job)

    assert not ended.ok
    measured = ended.rehearsal
    assert measured is not None
    [finding] = measured.findings
    assert re.match(reason, finding), finding
    assert measured.verified_at is None
    assert (measured.untouched, measured.disposed) == (True, True)
    after = bucket.stored()
    assert {name: after.get(name) for name in before} == before
    keeper = {method for who, method, _ in bucket.asked()[asked:] if who == "keeper"}
    assert keeper <= {"GET", "HEAD"}
    assert not (server.protected.folder / "drill").exists()
    assert postmaster(target_of(server.protected).cluster) is None


def test_without_room_nothing_is_copied(
    backed_up: tuple[Rig, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy to break must not fill the volume that production may lie on."""
    server, bucket = backed_up
    asked = len(bucket.asked())
    full = shutil.disk_usage("/")._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    job = Job("x", DATASTORE, "drill", 2, sabotage="missing-wal")
    ended = drill.drill(server.protected, job, report(server))

    assert ended.rehearsal is not None
    [finding] = ended.rehearsal.findings
    assert finding.startswith("sabotage: a copy to break, and what is restored from it")
    fetched = [where for _, _, where in bucket.asked()[asked:] if "/bundle/" in where]
    assert not fetched


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[tuple[Protected, S3At]]:
    """Provide a bucket without a server, and a datastore that is only laid out."""
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=shared_temp())))
        base.chmod(0o711)
        made = stack.enter_context(a_bucket(base / "bucket"))
        laid = lay_out(Layout(DATASTORE, base / "on-site", 5999, base / "away"))
        yield laid, made.place


def tried(protected: Protected, place: S3At) -> str:
    """Return what comes of trying to delete with production's credentials."""
    repository = replace(protected.repositories[1], path=Path("/orders"), s3=place)
    return try_to_delete(protected, repository)[0]


def test_credentials_that_may_delete_are_found_out(
    bucket: tuple[Protected, S3At],
) -> None:
    """With the keeper's rights in production's hands a copy is not safe, and unknown
    keys or a server that is gone say nothing either way.
    """
    protected, place = bucket
    assert place.keeper is not None
    assert tried(protected, place) == "refused"
    assert tried(protected, replace(place, credentials=place.keeper)) == "possible"
    stranger = place.keeper.with_name("stranger")
    write_private(stranger, 'key = "STRANGER"\nsecret = "s"\n')
    assert tried(protected, replace(place, credentials=stranger)) == "unknown"
    assert tried(protected, replace(place, endpoint="localhost:1")) == "unknown"
    assert tried(protected, replace(place, ca_file=None)) == "unknown"


def test_a_bucket_tells_whose_it_is(bucket: tuple[Protected, S3At]) -> None:
    """The declared owner is asked of the bucket, and another account is refused."""
    protected, place = bucket

    def whose(owner: str) -> tuple[str | None, str | None]:
        at = replace(place, owner=owner)
        on_site, off_site = protected.repositories
        changed = replace(off_site, path=Path("/orders"), s3=at)
        return examine(
            replace(protected, repositories=(on_site, changed)), 2, read_back=False
        ).owner, at.owner

    assert whose("123456789012") == ("123456789012", "123456789012")
    assert whose("999999999999")[0] == "not 999999999999"
