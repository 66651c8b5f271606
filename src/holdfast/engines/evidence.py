"""Run an outside command and keep the proof of how it went.

Every command has its own deadline, its own process group and an environment made for
it: nothing of ours (`PGBACKREST_*`, `PG*`, credentials) leaks in. When the deadline
passes, the whole group is killed; and when we are killed ourselves, the kernel ends
the command (`setpriv --pdeathsig`), so that no orphan writes on. The output goes to a
file, not a pipe, so that a daemon which keeps its descriptors open cannot hold us.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from holdfast.engines.account import unprivileged
from holdfast.engines.fence import DIES_WITH_US, Fence
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Evidence

TAIL_CHARACTERS = 2000
BASE_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
PACKAGES = {
    "pgbackrest": "pgbackrest",
    "pg_waldump": "postgresql-15",
    "pg_ctl": "postgresql-15",
    "initdb": "postgresql-15",
    "postgres": "postgresql-15",
    "pg_isready": "postgresql-client-15",
    "pg_controldata": "postgresql-15",
}
_SECRET = re.compile(r"(?i)((?:cipher-pass|password|secret|key)\s*[=:]\s*)(\S+)")
_UNPRINTABLE = re.compile(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended, or was ended: its evidence, and its output for parsing."""

    evidence: Evidence
    data: bytes

    @property
    def output(self) -> str:
        """Return the output as text; bytes that are none stand as replacements."""
        return self.data.decode("utf-8", errors="replace")

    @property
    def exited_well(self) -> bool:
        """Say whether the exit status was 0, which is evidence and not a verdict."""
        return self.evidence.exit_status == 0

    @property
    def timed_out(self) -> bool:
        """Say whether the deadline ended it."""
        return self.evidence.exit_status is None


@dataclass(frozen=True, slots=True)
class Call:
    """A command to run: what, for how long at most, where, and with what around it.

    ``secret_output``: what it prints is customers' data; evidence keeps the digest.
    ``fence``: it runs inside, cut off from the rest. ``into``: a file that is there and
    takes the output, however large; then `Ran.data` is empty.
    """

    argv: tuple[str, ...]
    deadline: timedelta
    folder: Path
    version: str = ""
    environment: Mapping[str, str] | None = None
    secret_output: bool = False
    fence: Fence | None = None
    into: Path | None = None


def run(call: Call) -> Ran:
    """Run the command to its end or its deadline; raise only if it cannot begin.

    Raises `HoldfastError` naming the package to install where the program is missing.
    """
    with call.into.open("r+b") if call.into else tempfile.TemporaryFile() as sink:
        started_at, began = datetime.now(UTC), time.monotonic()
        status = _wait(_launch(call, sink), call.deadline)
        spent = timedelta(seconds=time.monotonic() - began)
        wall = datetime.now(UTC) - started_at
        sink.seek(0)
        digest, size = hashlib.file_digest(sink, "sha256").hexdigest(), sink.tell()
        sink.seek(0)
        data = b"" if call.into else sink.read()
    evidence = Evidence(
        argv=call.argv,
        exit_status=status,
        output_digest=f"sha256:{digest}",
        output_tail=f"{size} bytes" if call.secret_output else _tail(data),
        tool_version=call.version,
        started_at=started_at,
        wall=wall,
        monotonic=spent,
    )
    return Ran(evidence, data)


def scrub(text: str) -> str:
    """Return the text fit to be shown: no secret beside its name, no control bytes."""
    return _UNPRINTABLE.sub("?", _SECRET.sub(r"\1<redacted>", text))


def require(program: Path) -> None:
    """Refuse, with the package to install, where a program is missing."""
    if not os.access(program, os.X_OK):
        package = PACKAGES.get(program.name, program.name)
        raise HoldfastError(
            f"{program.name} is not installed at {program}",
            f"Install it with `apt-get install {package}`, or correct the path.",
        )


def argv_of(*parts: str | Path | None) -> tuple[str, ...]:
    """Return the parts as an argument vector, those that are `None` left out."""
    return tuple(str(part) for part in parts if part is not None)


def _launch(call: Call, sink: IO[bytes]) -> subprocess.Popen[bytes]:
    require(Path(call.argv[0]))
    account = None if call.fence else unprivileged()
    argv = call.fence.enclose(call.argv) if call.fence else (*DIES_WITH_US, *call.argv)
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=subprocess.STDOUT,
        cwd=call.folder,
        env={**BASE_ENVIRONMENT, "HOME": str(call.folder), **(call.environment or {})},
        start_new_session=True,
        user=account.name if account else None,
        group=account.gid if account else None,
        extra_groups=() if account else None,
        umask=0o077,
    )


def _wait(process: subprocess.Popen[bytes], deadline: timedelta) -> int | None:
    try:
        return process.wait(deadline.total_seconds())
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Also when we are interrupted: a command never outlives who waits for it.
        if process.returncode is None:
            _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(data: bytes) -> str:
    # Twice the length, so that a secret cut in the middle is scrubbed with its name.
    end = data[-2 * TAIL_CHARACTERS :].decode("utf-8", errors="replace")
    return scrub(end)[-TAIL_CHARACTERS:]


def summarise(ran: Ran, lines: int = 2) -> str:
    """Return the last lines of what a command said, for a person."""
    if ran.timed_out:
        return f"ended by its deadline after {ran.evidence.wall.total_seconds():.0f} s"
    said = [line.strip() for line in scrub(ran.output).splitlines() if line.strip()]
    return "; ".join(said[-lines:]) or f"exit status {ran.evidence.exit_status}"
