"""The stores under contract: memory, SQLite, and a real PostgreSQL of our own.

The server runs once per session, as an unprivileged user, in a temporary folder, on
loopback only. Where its programs are missing the run fails and says what to install:
a contract that was not checked is not kept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

from holdfast.demo.ports import free_port
from holdfast.operations.ports.store import Store
from holdfast.storage.opening import open_store

ROOT_USER = 0
_NUMBERS = count()


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL: address of its maintenance database, and its folder."""

    url: str
    folder: Path

    def new_database(self) -> str:
        """Create an empty database and return its address."""
        name = f"ledger{next(_NUMBERS)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return self.url.removesuffix("postgres") + name


@dataclass(frozen=True)
class Home:
    """A place for one store, that any number of processes may open."""

    kind: str
    url: str

    @property
    def bytes_type(self) -> str:
        """How the database calls bytes."""
        return "BLOB" if self.kind == "sqlite" else "BYTEA"

    def open(self) -> Store:
        """Open the store."""
        return open_store(self.url)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    local = shutil.which("initdb")
    candidates = [*found[-1:], *([Path(local)] if local else [])]
    if not candidates:
        pytest.fail(
            "PostgreSQL's server programs are not installed: run `make packages`",
            pytrace=False,
        )
    return candidates[0].parent


def _run(*argv: str) -> None:
    # PostgreSQL refuses to run as root; its folder belongs to its own user then.
    as_root = os.geteuid() == ROOT_USER
    done = subprocess.run(
        argv,
        check=False,
        stdout=subprocess.PIPE if argv[-1] != "start" else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        cwd="/",
        text=True,
        timeout=120,
        user="postgres" if as_root else None,
        group="postgres" if as_root else None,
        extra_groups=[] if as_root else None,
    )
    if done.returncode:
        pytest.fail(f"{argv[0]} failed: {done.stdout}", pytrace=False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Start a PostgreSQL, and stop it when the session ends."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="holdfast-pg-"))
    data, port = folder / "data", free_port()
    if os.geteuid() == ROOT_USER:
        shutil.chown(folder, "postgres", "postgres")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        initdb = ("-A", "trust", "-U", "holdfast", "-E", "UTF8", "--no-sync")
        _run(str(binaries / "initdb"), "-D", str(data), *initdb)
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c max_connections=60"
        control = (str(binaries / "pg_ctl"), "-D", str(data), "-w")
        log = ("-l", str(folder / "log"))
        stack.callback(_run, *control, "-m", "immediate", "stop")
        _run(*control, *log, "-o", options, "start")
        yield Server(f"postgresql://holdfast@127.0.0.1:{port}/postgres", folder)


@pytest.fixture
def new_home(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Home]:
    """Return the function that makes a place for a store of one kind."""

    def make(kind: str) -> Home:
        match kind:
            case "memory":
                return Home(kind, "memory:")
            case "sqlite":
                name = f"ledger{next(_NUMBERS)}.sqlite"
                return Home(kind, f"sqlite://{tmp_path / name}")
            case _:
                server: Server = request.getfixturevalue("postgresql")
                return Home(kind, server.new_database())

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, new_home: Callable[[str], Home]) -> Home:
    """Return a place that outlives a process."""
    return new_home(request.param)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, new_home: Callable[[str], Home]
) -> Iterator[Store]:
    """Return an empty store of each kind."""
    opened = new_home(request.param).open()
    yield opened
    opened.close()
