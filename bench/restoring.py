"""A database of some size with a backup off-site, to be drilled and restored by hand.

The rows compress to about a third, as customers' rows do: half of each is random, half
repeats.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.postgresql import start_server
from holdfast.engines.protected import Protected
from holdfast.engines.provision import (
    Layout,
    create_cluster,
    create_stanza,
    lay_out,
    password,
    start_cluster,
    stop_cluster,
)
from holdfast.operations.ports.engine import Finished, Job, Running

DATASTORE = "bench"
ROW_BYTES = 1000
PARTS = 2
POLL_SECONDS = 0.05
# Loaded without write-ahead log, as nobody's data yet: only the result is measured.
LOADING = {"wal_level": "minimal", "archive_mode": "off", "max_wal_senders": "0"}
FILL = (
    "create table part_{part} as select n as id,"
    " md5(n::text) || md5((n + 1)::text) || md5((n + 2)::text) || md5((n + 3)::text)"
    " || md5((n + 4)::text) || md5((n + 5)::text) || md5((n + 6)::text)"
    " || repeat('ordered and paid, to be sent by post; ', 18) as what"
    " from generate_series({first}, {last}) n"
)
Steps = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Timed:
    """One run: the drill, the same by hand, and copying the same data; in seconds."""

    size: str
    drill: float
    hand: float
    drill_steps: Steps
    hand_steps: Steps
    copy: float
    size_bytes: int

    def step(self, name: str) -> float:
        """Return how long that step of the drill took."""
        return sum(spent for step, spent in self.drill_steps if step == name)


@dataclass(frozen=True)
class Place:
    """The protected database, its engine, and what is asked of restored data."""

    base: Path
    protected: Protected
    engine: PgBackRest
    checks: tuple[tuple[str, str], ...]


@contextmanager
def prepared(base: Path, size: int) -> Iterator[Place]:
    """Provide a running database of that size, its backup taken, and remove all."""
    base.mkdir(mode=0o711)
    layout = Layout(DATASTORE, base / "on-site", port(), base / "away")
    protected = lay_out(layout)
    create_cluster(protected, rpo=timedelta(hours=1))
    start_server(protected.cluster, protected.deadlines, walls=LOADING)
    each = max(1, size // ROW_BYTES // PARTS)
    with ThreadPoolExecutor(PARTS) as pool:
        list(pool.map(lambda part: _fill(protected, part, each), range(PARTS)))
    stop_cluster(protected)
    start_cluster(protected)
    try:
        create_stanza(protected)
        engine = PgBackRest(base / "engine", (protected,))
        finish(engine, Job("backup", DATASTORE, "backup", 2))
        checks = tuple(
            (f"part {part}", f"select count(*) = {each} from part_{part}")  # noqa: S608
            for part in range(PARTS)
        )
        yield Place(base, protected, engine, checks)
    finally:
        stop_cluster(protected)
        shutil.rmtree(base)


def rehearsed(place: Place, number: int) -> tuple[float, Steps]:
    """Run a whole drill as a node would; return the wall time, and each step's."""
    job = Job(f"drill-{number}", DATASTORE, "drill", 2, invariants=place.checks)
    began = time.monotonic()
    ended = finish(place.engine, job)
    wall = time.monotonic() - began
    assert ended.rehearsal is not None
    steps = ended.rehearsal.steps
    return wall, tuple((name, spent.total_seconds()) for name, _, spent in steps)


def copied(place: Place) -> tuple[float, int]:
    """Copy the data directory with `cp -r` and sync it; return seconds and bytes.

    The server is stopped meanwhile: one that runs recycles files under the copy.
    """
    copy = place.base / "copy"
    stop_cluster(place.protected)
    try:
        began = time.monotonic()
        subprocess.run(
            ["/usr/bin/cp", "-r", place.protected.cluster.data, copy], check=True
        )
        subprocess.run(["/usr/bin/sync", "-f", copy], check=True)
        spent = time.monotonic() - began
    finally:
        start_cluster(place.protected)
    size = sum(file.stat().st_size for file in copy.rglob("*") if file.is_file())
    shutil.rmtree(copy)
    return spent, size


def finish(engine: PgBackRest, job: Job) -> Finished:
    """Start a job and return its good end."""
    engine.start(job)
    while isinstance(ended := engine.observe(job), Running):
        time.sleep(POLL_SECONDS)
    assert isinstance(ended, Finished), ended
    assert ended.ok, ended.detail
    return ended


def session(protected: Protected) -> psycopg.Connection:
    """Open a session as the application would."""
    return psycopg.connect(
        host="127.0.0.1",
        port=protected.cluster.port,
        user="postgres",
        dbname="postgres",
        password=password(protected.cluster),
        autocommit=True,
    )


def port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _fill(protected: Protected, part: int, rows: int) -> None:
    first = part * rows + 1
    with session(protected) as connection:
        connection.execute(
            FILL.format(part=part, first=first, last=first + rows - 1)  # type: ignore[arg-type]
        )
