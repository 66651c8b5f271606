"""What the demo's tests share: a PostgreSQL, which they may kill."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/bin"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A PostgreSQL on a socket in a temporary folder, which tests may kill."""

    folder: Path
    database: str = "postgres"

    @property
    def dsn(self) -> str:
        """Return how to connect to it."""
        return f"host={self.folder} dbname={self.database} user=postgres"

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = f"-k {self.folder} -c listen_addresses="
        self._run(
            "pg_ctl", "-w", "-D", self.data, "-o", options, "-l", self.log, "start"
        )

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        self._run("pg_ctl", "-w", "-D", self.data, "-m", "immediate", "stop")

    @property
    def runs(self) -> bool:
        """Say whether it was started, and not stopped since."""
        return (self.data / "postmaster.pid").exists()

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Return the server's log."""
        return self.folder / "log"

    def initialise(self) -> None:
        """Create the data directory."""
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-N")

    def _run(self, program: str, *arguments: str | Path) -> None:
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        subprocess.run(
            [BIN / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            **(as_user if os.geteuid() == 0 else {}),
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """Give a PostgreSQL for all tests of a module; it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="shop-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    ours = Cluster(folder)
    try:
        ours.initialise()
        ours.start()
        yield ours
    finally:
        if ours.runs:
            ours.stop()
        shutil.rmtree(folder)


_NUMBERS = count()


@pytest.fixture
def cluster(server: Cluster) -> Cluster:
    """Give the server, running, with an empty database of the test's own."""
    if not server.runs:
        server.start()
    name = f"shop{next(_NUMBERS)}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return Cluster(server.folder, name)
