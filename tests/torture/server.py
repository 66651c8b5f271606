"""A PostgreSQL of the torture's own, which can be stopped as by a power loss."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from holdfast.demo.ports import free_port

PLACES = "/usr/lib/postgresql"


@dataclass(frozen=True)
class Server:
    """A running server, and how to end and begin it."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The address of its maintenance database."""
        return f"postgresql://holdfast@127.0.0.1:{self.port}/postgres"

    def new_database(self, name: str) -> str:
        """Create an empty database and return its address."""
        self._do(f"CREATE DATABASE {name}")
        return self.url.removesuffix("postgres") + name

    def drop_database(self, name: str) -> None:
        """Remove it, with whoever still is in it."""
        self._do(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=90"
        log = str(self.folder / "log")
        self._control("-l", log, "-o", options, "start")

    def crash(self) -> None:
        """Stop it without a checkpoint: what is not on the disk is gone."""
        self._control("-m", "immediate", "stop")

    def _control(self, *arguments: str) -> None:
        _run("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)

    def _do(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


@contextmanager
def running() -> Iterator[Server]:
    """Run a server in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-torture-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = Server(folder, free_port())
    try:
        flags = ("-A", "trust", "-U", "holdfast", "-E", "UTF8", "--no-sync")
        _run("initdb", "-D", str(folder / "data"), *flags)
        server.start()
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):
                server.crash()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str) -> None:
    found = sorted(Path(PLACES).glob(f"*/bin/{program}"))
    as_root = os.geteuid() == 0  # PostgreSQL refuses to run as root.
    subprocess.run(
        (str(found[-1]), *arguments),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        timeout=120,
        user="postgres" if as_root else None,
        group="postgres" if as_root else None,
        extra_groups=[] if as_root else None,
    )
