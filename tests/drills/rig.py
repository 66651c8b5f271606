"""A real protected PostgreSQL in a folder of its own, for tests to break."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from tests.drills.ports import until, unused_port

from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.postgresql import postmaster, stop_server
from holdfast.engines.protected import Protected
from holdfast.engines.provision import (
    Layout,
    create_cluster,
    create_stanza,
    lay_out,
    password,
    start_cluster,
)
from holdfast.operations.ports.engine import Finished, Job, Lost, Running, Verb

DATASTORE = "orders-db"


@dataclass(frozen=True)
class Rig:
    """The server, its repositories, and the engine over them."""

    base: Path
    protected: Protected
    engine: PgBackRest

    def connect(self) -> psycopg.Connection:
        """Open a session as the application would, over TCP with a password."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.protected.cluster.port,
            user="postgres",
            dbname="postgres",
            password=password(self.protected.cluster),
            autocommit=True,
        )

    def insert(self, *numbers: int) -> None:
        """Commit a row for each number."""
        with self.connect() as connection:
            connection.execute("create table if not exists orders (id int primary key)")
            for number in numbers:
                connection.execute("insert into orders values (%s)", (number,))

    def rows(self) -> list[int]:
        """Return the numbers of all rows."""
        with self.connect() as connection:
            found = connection.execute("select id from orders order by id").fetchall()
        return [row[0] for row in found]

    def archive(self) -> None:
        """Close the open segment and see it arrive in every repository."""
        with self.connect() as connection:
            row = connection.execute(
                "select pg_walfile_name(pg_switch_wal())"
            ).fetchone()
        assert row is not None
        until(lambda: self._archived() >= row[0])

    def run(
        self,
        verb: Verb,
        name: str,
        repository: int | None = None,
        target: datetime | None = None,
    ) -> Finished:
        """Start a job and return how it ended."""
        job = Job(name, DATASTORE, verb, repository, target)
        self.engine.start(job)
        return self.finish(job)

    def finish(self, job: Job) -> Finished:
        """Watch a job to its end."""
        until(lambda: not isinstance(self.engine.observe(job), Running))
        ended = self.engine.observe(job)
        assert not isinstance(ended, Lost), ended
        assert isinstance(ended, Finished)
        return ended

    def kill_server(self) -> None:
        """SIGKILL the server, as a dying machine would."""
        pid = postmaster(self.protected.cluster)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: postmaster(self.protected.cluster) is None)

    def strike(self) -> None:
        """Kill the server; destroy its data and the on-site repository."""
        self.kill_server()
        # Processes of the dead server may still be writing their last.
        until(lambda: _gone(self.protected.cluster.data))
        until(lambda: _gone(self.protected.repositories[0].path))

    def _archived(self) -> str:
        with self.connect() as connection:
            row = connection.execute(
                "select coalesce(last_archived_wal, '') from pg_stat_archiver"
            ).fetchone()
        assert row is not None
        return row[0][:24]


def as_laid(protected: Protected, _base: Path) -> Protected:
    """Leave the wiring of a new datastore as it is."""
    return protected


@contextmanager
def a_rig(change: Callable[[Protected, Path], Protected] = as_laid) -> Iterator[Rig]:
    """Make a protected server that runs, and leave nothing of it.

    ``change`` may alter its wiring before anything is made.
    """
    with a_server(change) as made:
        create_stanza(made.protected)
        yield made


@contextmanager
def a_server(change: Callable[[Protected, Path], Protected] = as_laid) -> Iterator[Rig]:
    """Make the same, with repositories that nobody has prepared."""
    with tempfile.TemporaryDirectory(prefix="holdfast-", dir=shared_temp()) as made:
        base = Path(made)
        base.chmod(0o711)
        layout = Layout(
            DATASTORE,
            base / "on-site",
            unused_port(),
            base / "away",
            escrow=base / "escrow",
        )
        protected = change(lay_out(layout), base)
        create_cluster(protected, rpo=timedelta(hours=1))
        start_cluster(protected)
        try:
            yield Rig(base, protected, PgBackRest(base / "work", (protected,)))
        finally:
            if postmaster(protected.cluster) is not None:
                stop_server(protected.cluster, protected.deadlines)


def shared_temp() -> str:
    """Return where other accounts can reach a folder; pytest's own they cannot."""
    return tempfile.gettempdir()


def _gone(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
