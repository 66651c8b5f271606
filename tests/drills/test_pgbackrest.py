"""Stories of loss and recovery on the real PostgreSQL and the real pgBackRest."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from holdfast.engines.account import write_private
from holdfast.engines.codec import to_json
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.pgbackrest_jobs import Order
from holdfast.engines.provision import start_cluster, stop_cluster
from holdfast.operations.ports.engine import Job, Running

from .rig import DATASTORE, Rig, a_rig, shared_temp, until

pytestmark = pytest.mark.engine

STARTER = """
import sys
from pathlib import Path
from holdfast.engines import jobs
jobs.start(Path(sys.argv[1]), sys.stdin.read())
print("started", flush=True)
sys.stdin.close()
import signal
signal.pause()
"""


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Provide a protected server to break."""
    with a_rig() as made:
        yield made


@pytest.fixture(scope="module")
def archive() -> Iterator[Rig]:
    """Provide a server with one off-site backup and some archive; do no harm to it."""
    with a_rig() as made:
        assert made.run("backup", "first", 2).ok
        made.insert(*range(10))
        made.archive()
        yield made


def test_what_was_archived_survives_the_loss_of_server_and_site(rig: Rig) -> None:
    """What was archived comes back from off-site alone, and archiving goes on."""
    rig.insert(0)
    assert rig.run("backup", "nightly").ok
    rig.insert(*range(1, 50))
    rig.archive()
    rig.insert(99)
    before = rig.engine.points(DATASTORE)
    rig.strike()

    promised = rig.engine.points(DATASTORE).recoverable_to
    restored = rig.run("restore", "recovery", 2)

    assert restored.ok, restored.detail
    ready = rig.engine.ready(DATASTORE)
    assert (ready.ready, ready.timeline, ready.recovered_to) == (True, 2, promised)
    assert promised is not None
    assert before.recoverable_to is not None
    assert promised < before.recoverable_to
    # The open segment is what an RPO is for.
    with pytest.raises(psycopg.OperationalError):
        rig.rows()
    assert rig.run("failover", "opening").ok
    assert rig.rows() == list(range(50))
    rig.insert(1000)
    rig.archive()
    description = rig.engine.describe(DATASTORE)
    assert (description.archive_failing, description.timeline) == (False, 2)
    seen = {r.number: r.wal_max for r in rig.engine.points(DATASTORE).repositories}
    assert seen[1] == seen[2]
    assert str(seen[2]).startswith("00000002")


def test_every_stored_byte_is_encrypted(archive: Rig) -> None:
    """No file of the off-site repository holds plain text, and the engine says so."""
    stored = [p for p in (archive.base / "away").rglob("*") if p.is_file()]

    assert len(stored) > 5
    assert {p.read_bytes()[:8] for p in stored if p.stat().st_size} == {b"Salted__"}
    off_site = archive.engine.points(DATASTORE).repositories[1]
    assert (off_site.off_site, off_site.cipher) == (True, "aes-256-cbc")


def test_a_plain_file_in_the_repository_ends_the_claim_of_encryption(rig: Rig) -> None:
    """The cipher is read from the files: one in plain text, and there is none."""
    assert rig.run("backup", "first", 2).ok
    backups = rig.base / "away" / "backup" / DATASTORE

    (backups / "backup.info").write_text("[backup]\nplain=true\n")

    assert rig.engine.points(DATASTORE).repositories[1].cipher is None


def test_a_quiet_database_loses_nothing(archive: Rig) -> None:
    """With nothing committed since the last archived segment, now is restorable."""
    asked = datetime.now(UTC)

    points = archive.engine.points(DATASTORE)

    assert points.recoverable_to is not None
    assert points.recoverable_to >= asked - timedelta(seconds=1)


def test_the_first_commit_not_archived_bounds_the_promise(rig: Rig) -> None:
    """The promised moment never lies after a commit that no repository has."""
    assert rig.run("backup", "first", 2).ok
    rig.archive()
    assert rig.run("backup", "on-site", 1).ok
    rig.insert(1)
    committed = datetime.now(UTC)
    rig.insert(2)

    promised = rig.engine.points(DATASTORE).recoverable_to

    assert promised is not None
    assert promised <= committed


def test_a_moment_before_the_mistake_can_be_restored(rig: Rig) -> None:
    """A restore to a moment leaves out what was committed after it."""
    rig.insert(0)
    assert rig.run("backup", "first", 2).ok
    rig.insert(1)
    moment = datetime.now(UTC)
    rig.insert(2)
    rig.archive()
    stop_cluster(rig.protected)

    restored = rig.run("restore", "before-the-mistake", 2, target=moment)

    assert restored.ok, restored.detail
    assert rig.run("failover", "opening").ok
    assert rig.rows() == [0, 1]
    ready = rig.engine.ready(DATASTORE)
    assert ready.recovered_to is not None
    assert ready.recovered_to < moment
    # What was there before is evidence, and is never deleted.
    aside = rig.protected.cluster.data.with_name("data.before-before-the-mistake")
    assert (aside / "PG_VERSION").exists()


def test_a_target_beyond_the_archive_is_not_reached(rig: Rig) -> None:
    """A restore to a moment that the archive does not hold is no success."""
    rig.insert(0)
    assert rig.run("backup", "first", 2).ok
    rig.archive()
    stop_cluster(rig.protected)
    later = datetime.now(UTC) + timedelta(days=1)

    restored = rig.run("restore", "too-far", 2, target=later)

    assert not restored.ok
    assert "recovery" in restored.detail
    assert not rig.engine.ready(DATASTORE).ready


def test_a_live_server_is_never_restored_over(archive: Rig) -> None:
    """A restore refuses while the server runs, and the server goes on."""
    refused = archive.run("restore", "careless", 2)

    assert not refused.ok
    assert "PostgreSQL runs" in refused.detail
    assert archive.engine.describe(DATASTORE).running
    checks = {n: ok for n, ok, _ in archive.engine.preflight(DATASTORE, 2).checks}
    assert not checks.pop("target")
    assert all(checks.values())


def test_a_wrong_key_opens_nothing(archive: Rig) -> None:
    """With a wrong key preflight and restore fail, and neither shows a key."""
    wrong = _with_wrong_key(archive)

    preflight = wrong.engine.preflight(DATASTORE, 2)
    restored = wrong.run("restore", "wrong-key", 2)

    assert not preflight.ok
    assert not {n: ok for n, ok, _ in preflight.checks}["key"]
    assert not restored.ok
    assert "cannot be read" in restored.detail
    assert restored.evidence[0].exit_status == 0, "which is why it is not the verdict"
    said = repr((preflight, restored))
    for repository in (*archive.protected.repositories, *wrong.protected.repositories):
        assert repository.key_file.read_text().strip() not in said


def test_off_site_credentials_alone_are_enough(archive: Rig) -> None:
    """The configuration to recover from off-site knows that repository and no other."""
    text = archive.protected.recovery_config(2).read_text()

    assert "repo2-path" in text
    assert "repo1" not in text
    assert archive.protected.repositories[0].key_file.read_text().strip() not in text
    assert archive.protected.recovery_config(2).stat().st_mode & 0o077 == 0


def test_a_damaged_backup_does_not_verify(rig: Rig) -> None:
    """One flipped byte in a stored file makes the verdict red at exit status 0."""
    assert rig.run("backup", "first", 2).ok
    assert rig.run("verify", "while-whole", 2).ok
    stored = (rig.base / "away" / "backup" / DATASTORE).glob("*F/*/**/*")
    victim = max((p for p in stored if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    victim.write_bytes(data)

    verified = rig.run("verify", "when-damaged", 2)

    assert not verified.ok
    assert verified.evidence[0].exit_status == 0


def test_a_hole_in_the_archive_does_not_verify(rig: Rig) -> None:
    """A segment missing from the middle is found, which pgbackrest verify does not."""
    assert rig.run("backup", "first", 2).ok
    for number in range(3):
        rig.insert(number)
        rig.archive()
    stored = sorted((rig.base / "away" / "archive").rglob("*.gz"))
    stored[-2].unlink()

    verified = rig.run("verify", "with-a-hole", 2)

    assert not verified.ok
    assert stored[-2].name[:24] in verified.detail
    checks = {n: ok for n, ok, _ in rig.engine.preflight(DATASTORE, 2).checks}
    assert not checks["archive"]


def test_a_lost_repository_stops_archiving_and_shows(rig: Rig) -> None:
    """When the on-site repository is gone, archiving is seen to fail."""
    rig.archive()
    repository = rig.protected.repositories[0].path
    repository.rename(repository.with_name("taken-away"))
    rig.insert(1)
    with rig.connect() as connection:
        connection.execute("select pg_switch_wal()")

    until(lambda: rig.engine.describe(DATASTORE).archive_failing)
    assert rig.engine.points(DATASTORE).repositories[0].reachable is False


def test_a_restore_outlives_its_starter_and_runs_once(rig: Rig) -> None:
    """Another process observes a restore to its end, and a repeat starts no second."""
    rig.insert(*range(5))
    assert rig.run("backup", "first", 2).ok
    rig.archive()
    rig.strike()
    job = Job("recovery", DATASTORE, "restore", 2)
    folder = rig.base / "work" / "jobs" / job.id
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdin is not None
        assert starter.stdout is not None
        starter.stdin.write(to_json(Order(job, rig.protected)))
        starter.stdin.close()
        assert starter.stdout.readline() == "started\n"
        os.kill(starter.pid, signal.SIGKILL)
    assert isinstance(rig.engine.observe(job), Running)

    rig.engine.start(job)
    ended = rig.finish(job)
    rig.engine.start(job)

    assert ended.ok, ended.detail
    assert rig.finish(job) == ended
    assert rig.run("failover", "opening").ok
    assert rig.rows() == list(range(5))
    restores = [e for e in ended.evidence if e.argv[-1] == "restore"]
    assert len(restores) == 1
    assert not list(rig.protected.cluster.data.parent.glob("data.before-*"))


def test_the_on_site_key_is_not_needed_to_recover(rig: Rig) -> None:
    """With the on-site key lost as well, off-site restores, and says what is left."""
    rig.insert(1)
    assert rig.run("backup", "first", 2).ok
    rig.strike()
    rig.protected.repositories[0].key_file.unlink()

    restored = rig.run("restore", "recovery", 2)

    assert restored.ok, restored.detail
    assert "archiving is not restored" in restored.detail
    stop_cluster(rig.protected)
    start_cluster(rig.protected)

    assert rig.run("failover", "opening").ok
    assert rig.rows() == [1]
    assert rig.engine.ready(DATASTORE).ready


def test_invariants_cannot_change_or_run_anything(archive: Rig) -> None:
    """An invariant reads; writing, running programs, or a second statement fails it."""
    trace = Path(shared_temp()) / f"holdfast-{os.getpid()}-trace"
    asked = (
        ("count", "select count(*) = 10 from orders"),
        ("false", "select count(*) = 11 from orders"),
        ("number", "select 1"),
        ("write", "insert into orders values (77) returning true"),
        ("program", f"copy (select true) to program 'touch {trace}'"),
        ("two", "select true; select true"),
        ("slow", "select true from pg_sleep(60)"),
    )
    quick = replace(archive.protected.deadlines, invariant=timedelta(seconds=1))
    engine = PgBackRest(
        archive.base / "work", (replace(archive.protected, deadlines=quick),)
    )

    results = engine.check_invariants(DATASTORE, asked)

    assert [r.name for r in results if r.holds] == ["count"]
    assert 77 not in archive.rows()
    assert not trace.exists()


def test_evidence_of_a_job_holds_no_secret(archive: Rig) -> None:
    """Neither a job's folder nor its evidence contains a key or a password."""
    protected = archive.protected
    assert protected.cluster.passfile is not None
    secrets = [r.key_file.read_text().strip() for r in protected.repositories]
    secrets.append(protected.cluster.passfile.read_text().strip().rsplit(":", 1)[1])

    folder = archive.base / "work" / "jobs" / "first"
    left = "".join(p.read_text() for p in folder.iterdir())

    assert json.loads((folder / "result.json").read_text())["ok"]
    assert not [secret for secret in secrets if secret in left]


def _with_wrong_key(rig: Rig) -> Rig:
    """Return the same repositories under a wrong key and an empty data directory."""
    folder = rig.base / "wrong"
    folder.mkdir(mode=0o711, exist_ok=True)
    write_private(folder / "key", "not-the-key\n")
    repositories = tuple(
        replace(r, key_file=folder / "key") for r in rig.protected.repositories
    )
    protected = replace(
        rig.protected,
        folder=folder / "holdfast",
        repositories=repositories,
        cluster=replace(rig.protected.cluster, data=folder / "data"),
    )
    return Rig(rig.base, protected, PgBackRest(folder / "work", (protected,)))


def test_a_recovered_server_archives_by_the_clock_again(rig: Rig) -> None:
    """Its open segment is closed at `archive_timeout`, not at the next checkpoint.

    A checkpointer that starts before the server is out of recovery computes its sleep
    without that clock, and keeps it for up to `checkpoint_timeout`.
    """
    with rig.connect() as connection:
        connection.execute("alter system set archive_timeout = 2")
    rig.insert(0)
    assert rig.run("backup", "nightly").ok
    rig.archive()
    rig.strike()
    assert rig.run("restore", "recovery", 2).ok
    assert rig.run("failover", "opening").ok

    rig.insert(1)

    until(lambda: re.fullmatch("00000002[0-9A-F]{16}", rig._archived()) is not None)
