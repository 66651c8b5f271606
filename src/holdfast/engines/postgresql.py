"""A PostgreSQL server: start it, stop it, wait for it, ask it.

`pg_ctl -w start` returns 0 on a server that is still in recovery, and on one that is
about to give up because its target lies beyond the last WAL. So nothing here trusts
it: a server is up when it says itself that it is out of recovery.
"""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias, TypeVar

import psycopg

from holdfast.engines.evidence import Call, Ran, argv_of, run, scrub
from holdfast.engines.fence import Fence
from holdfast.engines.pgbackrest_command import version
from holdfast.engines.protected import Cluster, Deadlines
from holdfast.operations.ports.engine import Evidence, InvariantResult

Row: TypeAlias = tuple[object, ...]
Rows: TypeAlias = tuple[Row, ...]
Session: TypeAlias = psycopg.Connection[Row]
_T = TypeVar("_T")

SHORTEST_ARCHIVE_TIMEOUT = timedelta(seconds=10)
LONGEST_ARCHIVE_TIMEOUT = timedelta(minutes=5)
POLL_SECONDS = 0.1
_CLOSED = "listen_addresses="


def archive_timeout(rpo: timedelta) -> timedelta:
    """Return how long a segment may stay open before it is archived half empty.

    A sixtieth of the RPO: what is lost in a crash is the open segment and the one on
    its way, so that the promise keeps a wide margin even while archiving is retried.
    Below 10 s the copying of 16 MB segments would crowd out the work; above 5 min a
    look at the archive would tell nothing about today.
    """
    return min(max(rpo / 60, SHORTEST_ARCHIVE_TIMEOUT), LONGEST_ARCHIVE_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query's rows, or ``None`` with the reason where the server did not answer."""

    rows: Rows | None
    detail: str
    evidence: Evidence


def start_server(
    cluster: Cluster,
    deadlines: Deadlines,
    *,
    fenced: bool = False,
    walls: Mapping[str, str] | None = None,
    fence: Fence | None = None,
) -> Ran:
    """Start the server; its success is not proof that it may be used.

    A ``fenced`` one listens on its own socket only: applications, which come over the
    network, do not reach data that nobody has verified. ``walls`` are settings that no
    file can overrule; ``fence`` is the kernel's.
    """
    clear_stale_socket(cluster)
    settings = [f"-c config_file={cluster.config_file}"] if cluster.config_file else []
    settings += [f"-c {_CLOSED}"] if fenced else []
    settings += [
        f"-c {shlex.quote(f'{name}={value}')}" for name, value in (walls or {}).items()
    ]
    seconds = int(deadlines.start.total_seconds())
    return _pg_ctl(
        cluster,
        deadlines.start + timedelta(seconds=5),
        *("start", "-w", f"--timeout={seconds}", f"--log={cluster.log}"),
        *((f"--options={' '.join(settings)}",) if settings else ()),
        fence=fence,
    )


def stop_server(cluster: Cluster, deadlines: Deadlines) -> Ran:
    """Stop the server, ending its sessions."""
    seconds = int(deadlines.start.total_seconds())
    return _pg_ctl(
        cluster,
        deadlines.start + timedelta(seconds=5),
        *("stop", "-w", f"--timeout={seconds}", "--mode=fast"),
    )


def is_accepting(cluster: Cluster, deadlines: Deadlines) -> Ran:
    """Ask whether the server accepts connections (exit status 0)."""
    program = cluster.bin_folder / "pg_isready"
    where = (f"--host={cluster.socket_folder}", f"--port={cluster.port}")
    argv = argv_of(program, *where, "--timeout=3")
    return run(Call(argv, deadlines.short, Path("/"), version(program)))


def postmaster(cluster: Cluster) -> int | None:
    """Return the process that runs on the data directory, if one lives."""
    return _living_server(cluster.data / "postmaster.pid")


def is_closed(cluster: Cluster) -> bool:
    """Say whether the server was started closed, for a restore that nobody opened.

    By its own command line, which PostgreSQL leaves in the data directory: settings
    could say the same of a server that was never anything but local.
    """
    try:
        options = (cluster.data / "postmaster.opts").read_text(encoding="utf-8")
    except OSError:
        return False
    return f'"{_CLOSED}"' in options


def clear_stale_socket(cluster: Cluster) -> None:
    """Remove the socket's lock of a server that is dead.

    A lost data directory takes `postmaster.pid` along, but not this lock; and if the
    pid is a zombie, or another program has it by now, PostgreSQL would not start.
    """
    socket = cluster.socket_folder / f".s.PGSQL.{cluster.port}"
    lock = socket.with_name(f"{socket.name}.lock")
    if lock.exists() and _living_server(lock) is None:
        lock.unlink()
        socket.unlink(missing_ok=True)


def wait_out_of_recovery(cluster: Cluster, deadlines: Deadlines) -> Asked:
    """Wait until the server is out of recovery, gives up, or time is up."""
    limit = time.monotonic() + deadlines.replay.total_seconds()
    while True:
        asked = ask(cluster, "select pg_is_in_recovery()", deadlines.statement)
        out = asked.rows == ((False,),)
        if out or postmaster(cluster) is None or time.monotonic() > limit:
            return asked
        time.sleep(POLL_SECONDS)


def keep_the_archive_clock(cluster: Cluster, deadlines: Deadlines) -> Asked:
    """Have the server heed `archive_timeout` from now on; to be asked after each start.

    A checkpointer computes how long it sleeps while the server counts as recovering,
    without that clock, and would keep to it until the next checkpoint, five minutes
    later by default. A reload wakes it.
    """
    return ask(cluster, "select pg_reload_conf()", deadlines.statement)


def ask(cluster: Cluster, sql: str, timeout: timedelta) -> Asked:
    """Ask the server one thing, read-only, under a deadline of the server's own."""
    started_at, began = datetime.now(UTC), time.monotonic()
    rows: Rows | None = None
    server = detail = ""
    try:
        with connect(cluster, timeout) as connection:
            server = f"PostgreSQL {connection.info.server_version / 10000:.2f}"
            rows = tuple(connection.execute(sql).fetchall())
    except psycopg.Error as error:
        detail = reason(error)
    said = repr(rows) if rows is not None else detail
    evidence = Evidence(
        argv=("sql", sql),
        exit_status=0 if rows is not None else 1,
        output_digest=f"sha256:{hashlib.sha256(said.encode()).hexdigest()}",
        output_tail=said[-2000:],
        tool_version=server,
        started_at=started_at,
        wall=datetime.now(UTC) - started_at,
        monotonic=timedelta(seconds=time.monotonic() - began),
    )
    return Asked(rows, detail, evidence)


def write(
    cluster: Cluster, timeout: timedelta, work: Callable[[Session], _T]
) -> _T | None:
    """Do work in a session that may write, or return ``None`` where it cannot."""
    try:
        with connect(cluster, timeout) as session:
            session.execute("set default_transaction_read_only = off")
            return work(session)
    except psycopg.Error:
        return None


def connect(cluster: Cluster, timeout: timedelta) -> psycopg.Connection[Row]:
    """Open a session that can only read and whose statements end by themselves."""
    milliseconds = int(timeout.total_seconds() * 1000)
    return psycopg.connect(
        host=str(cluster.socket_folder),
        port=cluster.port,
        user=cluster.superuser,
        dbname=cluster.database,
        passfile=str(cluster.passfile) if cluster.passfile else "/nonexistent",
        connect_timeout=5,
        application_name="holdfast",
        autocommit=True,
        options=f"-c default_transaction_read_only=on "
        f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
    )


def check_invariants(
    cluster: Cluster, invariants: Sequence[tuple[str, str]], timeout: timedelta
) -> tuple[InvariantResult, ...]:
    """Ask each invariant in a session of its own: one row, one column, true."""
    return tuple(_check(cluster, name, sql, timeout) for name, sql in invariants)


def _check(
    cluster: Cluster, name: str, sql: str, timeout: timedelta
) -> InvariantResult:
    try:
        with (
            connect(cluster, timeout) as connection,
            connection.transaction(force_rollback=True),
        ):
            # A superuser could run programs even in a read-only transaction; this
            # role cannot, and the extended protocol takes one statement only.
            connection.execute("set local role pg_read_all_data")
            rows = connection.execute(sql, prepare=True).fetchmany(2)
    except psycopg.Error as error:
        return InvariantResult(name, holds=False, detail=reason(error))
    if len(rows) == 1 and len(rows[0]) == 1 and rows[0][0] is True:
        return InvariantResult(name, holds=True, detail="true")
    return InvariantResult(name, holds=False, detail=_shape(rows))


def _shape(rows: Sequence[Row]) -> str:
    """Describe an answer that is not "true" without repeating anybody's data."""
    if len(rows) == 1 and len(rows[0]) == 1 and rows[0][0] is False:
        return "false"
    return "the answer is not one row with one true or false"


def _living_server(lock: Path) -> int | None:
    """Return the process that a lock file names, if it is a living PostgreSQL."""
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
        program = Path(f"/proc/{pid}/comm").read_text().strip()
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, ValueError, IndexError):
        return None
    return pid if program.startswith("postgres") and state != "Z" else None


def _pg_ctl(
    cluster: Cluster, deadline: timedelta, *options: str, fence: Fence | None = None
) -> Ran:
    program = cluster.bin_folder / "pg_ctl"
    argv = argv_of(program, f"--pgdata={cluster.data}", *options)
    return run(Call(argv, deadline, Path("/"), version(program), fence=fence))


def reason(error: psycopg.Error) -> str:
    """Return what the server or the library says of a failure, fit to be shown."""
    if error.diag.message_primary:
        return scrub(error.diag.message_primary)
    lines = [line for line in scrub(str(error)).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__
