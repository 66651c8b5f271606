"""Kill the server with SIGKILL, remove its data directory, restore from off-site, and
count what had been acknowledged and did not come back.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg
from restoring import DATASTORE, finish, port, session

from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.postgresql import postmaster
from holdfast.engines.protected import Protected
from holdfast.engines.provision import (
    Layout,
    create_cluster,
    create_stanza,
    lay_out,
    start_cluster,
    stop_cluster,
)
from holdfast.operations.ports.engine import Job

PAYLOAD = "x" * 200
# The same moments of death in every bench, spread over the time between two segments.
SEED = 2026


@dataclass(frozen=True)
class Loss:
    """One crash: acknowledged commits that did not come back, and over which time.

    ``seconds`` run from the first lost commit to the kill. ``holes`` are lost commits
    before one that did come back. ``rate`` is commits a second.
    """

    kind: str
    commits: int
    seconds: float
    holes: int
    rate: float


@dataclass
class _Writer:
    """Commits rows, as fast as it can or at a rate, and notes each acknowledgement."""

    protected: Protected
    rate: float
    next: int
    noted: list[tuple[int, float]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        insert = "insert into orders values (%s, %s)"
        try:
            with session(self.protected) as connection:
                while not self.ended.wait(1 / self.rate if self.rate else 0):
                    connection.execute(insert, (self.next, PAYLOAD))
                    self.noted.append((self.next, time.monotonic()))
                    self.next += 1
        except psycopg.Error:
            pass  # It died under us, as it should.


def lose(
    base: Path,
    kind: str,
    rate: float,
    runs: int,
    archive_timeout: int,
    say: Callable[[str], None],
) -> Iterator[Loss]:
    """Crash so many times under that load and yield what each lost."""
    base.mkdir(mode=0o711)
    layout = Layout(DATASTORE, base / "on-site", port(), base / "away")
    protected = lay_out(layout)
    create_cluster(protected, rpo=timedelta(hours=1))
    start_cluster(protected)
    try:
        create_stanza(protected)
        with session(protected) as connection:
            connection.execute("create table orders (id bigint primary key, what text)")
            connection.execute(f"alter system set archive_timeout = {archive_timeout}")
            connection.execute("select pg_reload_conf()")
        engine = PgBackRest(base / "engine", (protected,))
        finish(engine, Job("backup", DATASTORE, "backup", 2))
        draw, number = random.Random(SEED), 0  # noqa: S311
        for run in range(runs):
            say(f"{kind}: crash {run + 1} of {runs}")
            wait = archive_timeout * (1.2 + draw.random())
            loss, number = _crash(protected, engine, kind, (rate, wait, number, run))
            yield loss
    finally:
        if postmaster(protected.cluster) is not None:
            stop_cluster(protected)
        shutil.rmtree(base)


def _crash(
    protected: Protected,
    engine: PgBackRest,
    kind: str,
    how: tuple[float, float, int, int],
) -> tuple[Loss, int]:
    rate, wait, number, run = how
    writer = _Writer(protected, rate, number + 1)
    thread = threading.Thread(target=writer.run)
    thread.start()
    time.sleep(wait)
    died_at = _kill(protected)
    writer.ended.set()
    thread.join()
    finish(engine, Job(f"restore-{run}", DATASTORE, "restore", 2))
    finish(engine, Job(f"open-{run}", DATASTORE, "failover"))
    with session(protected) as connection:
        rows = connection.execute("select id from orders").fetchall()
    # The next backup is not needed: the archive holds all that came since.
    back = {int(row[0]) for row in rows}
    noted = [(n, at) for n, at in writer.noted if at <= died_at]
    lost = [(n, at) for n, at in noted if n not in back]
    newest = max(back, default=0)
    loss = Loss(
        kind=kind,
        commits=len(lost),
        seconds=died_at - min(at for _, at in lost) if lost else 0.0,
        holes=sum(n < newest for n, _ in lost),
        rate=len(noted) / wait,
    )
    return loss, max(newest, writer.next)


def _kill(protected: Protected) -> float:
    pid = postmaster(protected.cluster)
    assert pid is not None
    died_at = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    # What the dead server's processes are still writing goes with the rest.
    while protected.cluster.data.exists():
        shutil.rmtree(protected.cluster.data, ignore_errors=True)
    while postmaster(protected.cluster) is not None:
        time.sleep(0.01)
    return died_at
