"""The known traps of the engine: each is walked into, then Holdfast walks around it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.engines.account import own_folder, write_private
from holdfast.engines.evidence import Call, Ran, run
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.pgbackrest_command import (
    archive_command,
    base_options,
    call,
    configure_production,
    configure_recovery,
)
from holdfast.engines.pgbackrest_info import read_info
from holdfast.engines.places import S3At
from holdfast.engines.postgresql import ask, postmaster, stop_server
from holdfast.engines.protected import Cluster, Protected
from holdfast.engines.provision import Layout, lay_out, stop_cluster
from holdfast.engines.repository import list_archive
from holdfast.errors import HoldfastError

from .ports import until, unused_port
from .rig import DATASTORE, Rig, a_rig, shared_temp

pytestmark = pytest.mark.engine
NOBODY = "65534"
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+")
SIXTEEN = struct.pack("=II", 1300, 202307071)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Provide a protected server to break."""
    with a_rig() as made:
        yield made


@pytest.fixture(name="laid")
def _laid() -> Iterator[Protected]:
    """Provide a datastore that is only laid out, without any server."""
    with tempfile.TemporaryDirectory(prefix="holdfast-", dir=shared_temp()) as made:
        base = Path(made)
        base.chmod(0o711)
        yield lay_out(Layout(DATASTORE, base / "on-site", 5999, base / "away"))


@pytest.mark.drills
def test_trap_verify_exits_with_0_on_damage_and_says_nothing(rig: Rig) -> None:
    """At log level warn a damaged repository verifies in silence; ours is red."""
    assert rig.run("backup", "first", 2).ok
    stored = (rig.base / "away" / "backup" / DATASTORE).glob("*F/*/**/*")
    victim = max((p for p in stored if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    victim.write_bytes(data)

    bare = call(
        rig.protected,
        "verify",
        "--repo=2",
        "--log-level-console=warn",
        config=rig.protected.recovery_config(2),
        deadline=timedelta(minutes=1),
    )
    ours = rig.run("verify", "ours", 2)

    assert (bare.evidence.exit_status, bare.output) == (0, "")
    assert not ours.ok
    assert not ours.examinations[0].read_back


@pytest.mark.drills
def test_trap_pg_ctl_says_0_while_recovery_is_about_to_fail(rig: Rig) -> None:
    """A target beyond the last WAL: `pg_ctl -w` is content, the restore is not."""
    rig.insert(0)
    assert rig.run("backup", "first", 2).ok
    rig.archive()
    rig.archive()
    stop_cluster(rig.protected)
    later = datetime.now(UTC) + timedelta(days=1)
    bare = copy_of(rig, "bare")
    options = shlex.join(
        (
            *base_options(bare, bare.recovery_config(2)),
            f"--pg1-path={bare.cluster.data}",
        )
    )
    slowly = f"sleep 2; {bare.pgbackrest} {options} --repo=2 archive-get %f %p"
    fetch(
        bare,
        "--type=time",
        f"--target={later.isoformat(sep=' ')}",
        "--archive-mode=off",
        f"--recovery-option=restore_command={slowly}",
    )

    assert start(bare).exited_well
    until(lambda: postmaster(bare.cluster) is None)
    restored = rig.run("restore", "too-far", 2, target=later)

    assert not restored.ok
    assert not rig.engine.ready(DATASTORE).ready


@pytest.mark.drills
def test_trap_a_rehearsal_that_archives_changes_production(rig: Rig) -> None:
    """Without `--archive-mode=off` a copy leaves its timeline in production's
    repository, and the next restore comes up on it; a drill leaves none.
    """
    rig.insert(0)
    assert rig.run("backup", "first", 2).ok
    rig.insert(1)
    rig.archive()
    assert rig.run("drill", "rehearsal", 2).ok
    assert histories(rig) == ()

    careless = copy_of(rig, "careless")
    fetch(careless)
    as_on_another_host(careless)
    with running(careless):
        sql(careless, "insert into orders values (666)")
        sql(careless, "select pg_switch_wal()")
        until(lambda: histories(rig) == (2,))
        until(lambda: newest(rig).startswith("00000002"))
    next_one = copy_of(rig, "next")
    fetch(next_one, "--archive-mode=off")
    with running(next_one):
        rows = ask(next_one.cluster, "select id from orders order by 1", SECONDS)
        timeline = ask(next_one.cluster, TIMELINE, SECONDS)

    assert rows.rows == ((0,), (1,), (666,)), "what production never held"
    assert timeline.rows == ((3,),)


@pytest.mark.drills
def test_trap_a_repository_that_never_answers_holds_nothing_up(rig: Rig) -> None:
    """A bucket that accepts and is silent ends by our own deadline; the on-site path
    is watched meanwhile, and PostgreSQL is told that archiving fails.
    """
    assert rig.run("backup", "on-site", 1).ok
    with silent() as port:
        patient = replace(rig.protected.deadlines, short=timedelta(seconds=6))
        protected = replace(in_bucket(rig.protected, port), deadlines=patient)
        engine = PgBackRest(rig.base / "work", (protected,))
        configure_production(protected)
        began = time.monotonic()
        points = engine.points(DATASTORE)
        took = time.monotonic() - began

        on_site, off_site = points.repositories
        assert took < 20
        assert (on_site.reachable, len(on_site.backups)) == (True, 1)
        assert (off_site.reachable, off_site.backups) == (False, ())
        assert "deadline" in off_site.detail
        assert engine.describe(DATASTORE).running
        rig.insert(1)
        with rig.connect() as connection:
            connection.execute("select pg_switch_wal()")
        # pgBackRest gives up after its own limits of seconds, not of minutes.
        until(lambda: engine.describe(DATASTORE).archive_failing)
        configure_production(rig.protected)


def test_trap_debians_configuration_is_not_for_other_users(laid: Protected) -> None:
    """Another user cannot read Debian's default; ours is named, private, and enough."""
    nobody = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    other = () if os.geteuid() else nobody
    bare = subprocess.run(
        ("setpriv", *other, "pgbackrest", "info", "--stanza=main"),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert "Permission denied" in bare.stdout + bare.stderr
    config = configure_recovery(laid, 2)

    ours = call(laid, "info", "--repo=2", "--output=json", config=config)

    assert ours.exited_well
    assert f"--config={config}" in ours.evidence.argv
    assert config.stat().st_mode & 0o077 == 0


def test_trap_16_is_refused_by_its_true_reason(laid: Protected) -> None:
    """2.45 speaks of control versions, late; the gate of versions, before anything."""
    data = own_folder(laid.cluster.data)
    pg15 = laid.cluster.bin_folder
    write_private(data / "PG_VERSION", "16\n")
    own_folder(data / "global")
    write_private(data / "global" / "pg_control", bytes(8) + SIXTEEN + bytes(8176))
    for repository in laid.repositories:
        own_folder(repository.path)
    bare = _bare(laid, "stanza-create", "--no-online")
    assert not bare.exited_well
    told = MOMENT.sub("", bare.output).partition("P00  ERROR")[2]
    assert told
    assert not re.search(r"\b16\b", told)
    sixteen = laid.folder / "bin"
    sixteen.mkdir(mode=0o755)
    laid.folder.chmod(0o711)
    server = sixteen / "postgres"
    server.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 16.4'\n")
    server.chmod(0o755)
    newer = replace(laid, cluster=replace(laid.cluster, bin_folder=sixteen))

    with pytest.raises(HoldfastError) as refused:
        call(newer, "stanza-create", config=configure_production(newer))

    assert "postgres (PostgreSQL) 16.4: not known to work together" in str(
        refused.value
    )
    assert "works with PostgreSQL up to 15" in refused.value.hint
    assert not list(laid.repositories[0].path.iterdir())
    assert pg15 != sixteen


SECONDS = timedelta(seconds=10)
TIMELINE = (
    "select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
)


def histories(rig: Rig) -> tuple[int, ...]:
    """Return the timelines that left a history in the off-site repository."""
    return list_archive(rig.protected, 2, "15-1")[1]


def newest(rig: Rig) -> str:
    """Return the newest segment of the off-site repository."""
    return read_info(rig.protected, 2).wal_max or ""


def copy_of(rig: Rig, name: str) -> Protected:
    """Return a scratch place beside production, with production's repositories."""
    folder = own_folder(rig.base / name)
    cluster = Cluster(
        data=folder / "data",
        port=unused_port(),
        socket_folder=folder,
        log=folder / "log",
        passfile=rig.protected.cluster.passfile,
    )
    return replace(rig.protected, cluster=cluster)


def as_on_another_host(place: Protected) -> None:
    """Let it archive by a configuration of its own, to the same repositories."""
    own = replace(place, folder=own_folder(place.folder.parent / "another-host"))
    configure_production(own)
    auto = place.cluster.data / "postgresql.auto.conf"
    with auto.open("a", encoding="utf-8") as file:
        file.write(f"archive_command = '{archive_command(own)}'\n")


def fetch(place: Protected, *options: str) -> None:
    """Restore into the scratch place as one would by hand."""
    own_folder(place.cluster.data)
    ran = call(
        place,
        "restore",
        "--repo=2",
        f"--pg1-path={place.cluster.data}",
        *options,
        config=place.recovery_config(2),
        deadline=timedelta(minutes=1),
    )
    assert ran.exited_well, ran.output


def start(place: Protected) -> Ran:
    """Start the scratch copy with `pg_ctl -w`, on its own port."""
    cluster = place.cluster
    options = f"-p {cluster.port} -k {cluster.socket_folder} -c listen_addresses="
    argv = (str(cluster.bin_folder / "pg_ctl"), f"--pgdata={cluster.data}")
    argv += (f"--log={cluster.log}", "-w", f"-o{options}", "start")
    return run(Call(argv, timedelta(minutes=1), Path("/")))


@contextmanager
def running(place: Protected) -> Iterator[None]:
    """Start the restored copy on its own port, until it takes writes; then stop it."""
    cluster = place.cluster
    began = start(place)
    assert began.exited_well, began.output
    try:
        until(
            lambda: (
                ask(cluster, "select pg_is_in_recovery()", SECONDS).rows == ((False,),)
            )
        )
        yield
    finally:
        stop_server(cluster, place.deadlines)
        shutil.rmtree(cluster.data)


def sql(place: Protected, statement: str) -> None:
    """Let the scratch copy do something."""
    import psycopg  # Writing is only for tests.

    passfile = place.cluster.passfile
    assert passfile is not None
    with psycopg.connect(
        host=str(place.cluster.socket_folder),
        port=place.cluster.port,
        user="postgres",
        dbname="postgres",
        passfile=str(passfile),
        autocommit=True,
    ) as connection:
        connection.execute(statement)


def in_bucket(protected: Protected, port: int) -> Protected:
    """Return the datastore with a bucket at that port for its off-site repository."""
    write_private(protected.folder / "s3", 'key = "k"\nsecret = "s"\n')
    place = S3At(
        "copies", f"localhost:{port}", "eu-west-3", protected.folder / "s3",
        uri_style="path",
    )  # fmt: skip
    on_site, off_site = protected.repositories
    return replace(protected, repositories=(on_site, replace(off_site, s3=place)))


@contextmanager
def silent() -> Iterator[int]:
    """Listen, let connections queue up, and never answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


def _bare(laid: Protected, command: str, *options: str) -> Ran:
    """Run pgBackRest past the gate, as a person would."""
    config = configure_production(laid)
    argv = (
        str(laid.pgbackrest),
        f"--config={config}",
        f"--config-include-path={laid.folder / 'include'}",
        f"--stanza={laid.stanza}",
        *options,
        "--log-level-console=info",
        command,
    )
    return run(Call(argv, timedelta(seconds=20), laid.folder))
