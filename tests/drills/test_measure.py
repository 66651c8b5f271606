"""What a real server shows: its heartbeat, its standby, its canaries."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.engines.account import own_folder, unprivileged
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.postgresql import postmaster, start_server, stop_server
from holdfast.engines.protected import Cluster, Protected
from holdfast.operations.ports.engine import Measure

from .rig import DATASTORE, Rig, a_rig, until, unused_port

# One server for all of them, and not one in each worker.
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("measure")]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """Provide a protected server with one backup in each repository."""
    with a_rig() as made:
        assert made.run("backup", "first", 1).ok
        assert made.run("backup", "second", 2).ok
        yield made


def measured(rig: Rig, engine: PgBackRest | None = None) -> Measure:
    """Measure now."""
    engine = engine or rig.engine
    found = engine.measure(DATASTORE, engine.points(DATASTORE))
    assert found is not None
    return found


@contextmanager
def a_standby(rig: Rig, name: str) -> Iterator[Cluster]:
    """Run a real standby of the rig's server that calls itself by the name."""
    home = rig.protected.cluster
    folder = own_folder(rig.base / name)
    own_folder(folder / "socket")
    cluster = Cluster(folder / "data", unused_port(), folder / "socket", folder / "log")
    account = unprivileged()
    where = f"host={home.socket_folder} port={home.port} user=postgres"
    where = f"{where} passfile={home.passfile} application_name={name}"
    subprocess.run(
        [home.bin_folder / "pg_basebackup", "-d", where, "-D", cluster.data, "-R"],
        check=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        env={**os.environ, "PGPASSFILE": str(home.passfile)},
        cwd="/",
    )
    with (cluster.data / "postgresql.auto.conf").open("a", encoding="utf-8") as conf:
        conf.write(
            f"port = {cluster.port}\nunix_socket_directories = '{folder}/socket'\n"
            "listen_addresses = ''\narchive_mode = off\n"
        )
    start_server(cluster, rig.protected.deadlines)
    try:
        yield cluster
    finally:
        if postmaster(cluster) is not None:
            stop_server(cluster, rig.protected.deadlines)


def test_a_heartbeat_is_recoverable_once_its_segment_is_in_every_repository(
    rig: Rig,
) -> None:
    """On a quiet database too, the newest recoverable heartbeat follows archiving."""
    first = measured(rig)
    assert first.heartbeat_at is not None
    assert first.recoverable_heartbeat_at != first.heartbeat_at
    rig.archive()

    second = measured(rig)

    assert second.recoverable_heartbeat_at == first.heartbeat_at
    assert second.heartbeat_at is not None
    assert second.heartbeat_at > first.heartbeat_at
    assert second.wal_position > first.wal_position


def test_without_leave_nothing_is_written(rig: Rig) -> None:
    """A datastore whose settings forbid the heartbeat is only read."""
    quiet = PgBackRest(rig.base / "work", (replace(rig.protected, heartbeat=False),))
    _plant_anew(rig.protected)
    before = measured(rig)

    found = measured(rig, quiet)

    assert (found.heartbeat_at, found.canaries) == (None, "intact")
    with rig.connect() as session:
        row = session.execute("select at from holdfast.heartbeat").fetchone()
    assert row == (before.heartbeat_at,)


def test_only_a_standby_that_streams_counts(rig: Rig) -> None:
    """A real standby is seen by its name while it streams, and not once it is gone."""
    with a_standby(rig, "orders-b"):
        until(lambda: measured(rig).streaming == ("orders-b",))
    until(lambda: measured(rig).streaming == ())


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("update holdfast.canary set note = 'x' || note where id = 3", "changed"),
        ("delete from holdfast.canary where id = 3", "changed"),
        ("delete from holdfast.canary", "gone"),
        ("drop table holdfast.canary", "gone"),
    ],
)
def test_a_touched_canary_is_seen(rig: Rig, harm: str, told: str) -> None:
    """Whatever is done to the canaries shows at the next look, and stays shown."""
    _plant_anew(rig.protected)
    assert measured(rig).canaries == "intact"
    with rig.connect() as session:
        session.execute(harm)

    assert measured(rig).canaries == told
    assert measured(rig).canaries == told


def test_canaries_that_nobody_could_look_at_are_not_gone(rig: Rig) -> None:
    """A table that something else has locked raises no alarm, and hides none."""
    _plant_anew(rig.protected)
    assert measured(rig).canaries == "intact"
    deadlines = replace(rig.protected.deadlines, statement=timedelta(seconds=3))
    hasty = replace(rig.protected, deadlines=deadlines)
    engine = PgBackRest(rig.base / "work", (hasty,))
    with rig.connect() as session, session.transaction():
        session.execute("lock table holdfast.canary in access exclusive mode")
        assert measured(rig, engine).canaries is None
    assert measured(rig).canaries == "intact"


def test_canaries_are_planted_anew_once_a_person_has_seen_to_them(rig: Rig) -> None:
    """What a person ended is not told again; new rows watch from then on."""
    _plant_anew(rig.protected)
    assert measured(rig).canaries == "intact"
    with rig.connect() as session:
        session.execute("delete from holdfast.canary")
    assert measured(rig).canaries == "gone"
    points = rig.engine.points(DATASTORE)
    seen_to = rig.engine.measure(DATASTORE, points, datetime.now(UTC))
    assert seen_to is not None
    assert seen_to.canaries == "intact"
    with rig.connect() as session:
        session.execute("delete from holdfast.canary where id = 1")
    assert measured(rig).canaries == "changed"


def test_a_server_that_is_down_shows_nothing(rig: Rig) -> None:
    """No figure is made up for a server that does not answer."""
    gone = replace(rig.protected.cluster, socket_folder=Path("/nonexistent"))
    engine = PgBackRest(rig.base / "work", (replace(rig.protected, cluster=gone),))
    assert engine.measure(DATASTORE, rig.engine.points(DATASTORE)) is None


def _plant_anew(protected: Protected) -> None:
    (protected.folder / "canaries.json").unlink(missing_ok=True)
