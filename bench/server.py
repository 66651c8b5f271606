"""A PostgreSQL of the bench's own: a temporary folder, loopback only, as shipped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a server with its default settings; yield the address of a database."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-pg-"))
    data = str(folder / "data")
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    try:
        _run("initdb", "-D", data, "-A", "trust", "-U", "holdfast", "-E", "UTF8")
        options = f"-h 127.0.0.1 -p {port} -k {folder}"
        control = ("pg_ctl", "-D", data, "-w")
        _run(*control, "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://holdfast@127.0.0.1:{port}/postgres"
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str) -> None:
    as_root = os.geteuid() == 0  # PostgreSQL refuses to run as root.
    subprocess.run(
        (str(BINARIES / program), *arguments),
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        user="postgres" if as_root else None,
        group="postgres" if as_root else None,
        extra_groups=[] if as_root else None,
    )
