"""The fenced place of a drill: a server beside production that reaches nothing.

It has its own folder, data directory, socket and configuration; none of production's
settings are used, so none can lead out: it listens on no network, archives nowhere,
loads no library that would start work of its own, and subscribes to nothing. What must
not be overruled is given on the command line, where `postgresql.auto.conf`, which comes
back with the data, has no say. Around all that stands the kernel's fence, where it can
be had; without it the settings alone hold the server in, and the result says so.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from holdfast.domain.events.drill import KeyFrom, Scenario
from holdfast.engines.account import own_folder, write_private
from holdfast.engines.acknowledged import NOTES
from holdfast.engines.evidence import Call, argv_of, run
from holdfast.engines.fence import Fence
from holdfast.engines.pgbackrest_command import version
from holdfast.engines.postgresql import POLL_SECONDS, postmaster
from holdfast.engines.protected import Cluster, Protected
from holdfast.errors import HoldfastError

FOLDER, LOCK = "drill", "drill.lock"
SOCKET_LENGTH_MAX = 107
END_LIMIT = timedelta(seconds=30)
# Recovery needs at least as much of these as the server had that wrote the WAL.
_SIZES = {
    "max_connections": "max_connections",
    "max_worker_processes": "max_worker_processes",
    "max_wal_senders": "max_wal_senders",
    "max_prepared_xacts": "max_prepared_transactions",
    "max_locks_per_xact": "max_locks_per_transaction",
    "track_commit_timestamp": "track_commit_timestamp",
}
_SETTING = re.compile(r"^(\w+) setting: +(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Walled:
    """The datastore as it is rehearsed, and what its processes cannot reach.

    ``fence`` is ``None`` where this host makes none for us.
    """

    target: Protected
    fence: Fence | None
    key_from: KeyFrom


def walled(protected: Protected, number: int, scenario: Scenario) -> Walled:
    """Return the target for one repository, with the key of it that is in escrow.

    Raises `HoldfastError` where a region-loss lacks what it has to come from.
    """
    target, place = target_of(protected), protected.repository(number)
    if scenario == "region-loss":
        if not place.off_site:
            raise HoldfastError(
                f"repository {number} is lost with the region: it is not off-site",
                "Name an off-site repository with --repository, or none at all.",
            )
        if place.escrow_file is None:
            raise HoldfastError(
                f"the key of repository {number} is nowhere but in production",
                "Keep a copy outside, and name it escrow_file in the settings.",
            )
    key_from: KeyFrom = "production"
    if place.escrow_file is not None:
        key_from = "escrow"
        escrowed = replace(place, key_file=place.escrow_file)
        others = (r for r in target.repositories if r.number != number)
        target = replace(target, repositories=(*others, escrowed))
    fence = fence_of(protected, scenario)
    return Walled(target, fence if fence.holds() else None, key_from)


def fence_of(protected: Protected, scenario: Scenario) -> Fence:
    """Return what keeps a drill's processes from production and, in a region-loss,
    from everything on-site.
    """
    cluster = protected.cluster
    kept = [r for r in protected.repositories if scenario == "restore" or r.off_site]
    gone = [r for r in protected.repositories if r not in kept]
    folders = tuple(r.folder for r in kept if r.folder is not None)
    needed = (protected.folder / FOLDER, *folders)
    sockets = cluster.socket_folder
    if any(place.is_relative_to(sockets) for place in needed):
        sockets /= f".s.PGSQL.{cluster.port}"
    hidden = (
        *(cluster.data, sockets, *((cluster.passfile,) if cluster.passfile else ())),
        *(repository.key_file for repository in protected.repositories),
        *(protected.recovery_config(r.number) for r in protected.repositories),
        *(protected.production_config, protected.folder / NOTES),
        *(repository.folder for repository in gone if repository.folder is not None),
    )
    return Fence(hidden=hidden, read_only=folders)


def target_of(protected: Protected) -> Protected:
    """Return the datastore as it is rehearsed: elsewhere, with the same repositories.

    Raises `HoldfastError` where its folder's name is too long for a socket.
    """
    folder = protected.folder / FOLDER
    cluster = Cluster(
        data=folder / "data",
        port=protected.cluster.port,
        socket_folder=folder / "socket",
        log=folder / "postgresql.log",
        superuser=protected.cluster.superuser,
        database=protected.cluster.database,
        bin_folder=protected.cluster.bin_folder,
        config_file=folder / "postgresql.conf",
    )
    socket = cluster.socket_folder / f".s.PGSQL.{cluster.port}"
    if len(os.fsencode(socket)) > SOCKET_LENGTH_MAX:
        raise HoldfastError(
            f"the drill's socket would have a name of {len(str(socket))} characters",
            f"Move {protected.folder} to a shorter path; {SOCKET_LENGTH_MAX} is most.",
        )
    return replace(protected, folder=folder, cluster=cluster)


@contextmanager
def fenced(protected: Protected) -> Iterator[None]:
    """Let one drill at a time use the target.

    What a drill that died left there is ended and removed first.
    """
    own_folder(protected.folder)
    target = target_of(protected)
    with (protected.folder / LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "Wait until it ends: holdfast drill list."
            message = f"another drill of {protected.id} is under way"
            raise HoldfastError(message, hint) from error
        remove(target)
        own_folder(target.folder)
        own_folder(target.cluster.socket_folder)
        try:
            yield
        finally:
            remove(target)


def remove(target: Protected) -> None:
    """End the target's server and remove all of it.

    Raises `HoldfastError` where something is left.
    """
    pid = postmaster(target.cluster)
    if pid is not None:
        # Nothing there is to be kept: the quick way is the sure one.
        _signal(pid, signal.SIGQUIT)
        if not _ends(target.cluster):
            _signal(pid, signal.SIGKILL)
        if not _ends(target.cluster):
            raise HoldfastError(
                f"the drill's server (process {pid}) does not end",
                f"End it by hand, then remove {target.folder}.",
            )
    shutil.rmtree(target.folder, ignore_errors=True)
    if target.folder.exists():
        raise HoldfastError(
            f"the drill's folder {target.folder} could not be removed",
            "Remove it by hand; no server runs on it.",
        )


def write_configuration(target: Protected) -> None:
    """Write the server's whole configuration, after its data are there."""
    cluster = target.cluster
    program = cluster.bin_folder / "pg_controldata"
    argv = argv_of(program, f"--pgdata={cluster.data}")
    asked = run(Call(argv, target.deadlines.short, target.folder, version(program)))
    found = dict(_SETTING.findall(asked.output))
    lines = [f"{ours} = {found[theirs]}" for theirs, ours in _SIZES.items()]
    # Nobody asks before it is out of recovery; then no setting of standbys can halt it.
    lines += ["hot_standby = off", "timezone = 'UTC'", "log_timezone = 'UTC'"]
    assert cluster.config_file is not None, "the target has its own"
    write_private(cluster.config_file, "\n".join(lines) + "\n")
    # The socket's folder lets in nobody but the server's own account.
    write_private(target.folder / "pg_hba.conf", "local all all trust\n")
    write_private(target.folder / "pg_ident.conf", "")


def walls(target: Protected) -> Mapping[str, str]:
    """Return the settings that hold the target in, for the server's command line."""
    cluster = target.cluster
    return {
        "data_directory": str(cluster.data),
        "hba_file": str(target.folder / "pg_hba.conf"),
        "ident_file": str(target.folder / "pg_ident.conf"),
        "external_pid_file": "",
        "port": str(cluster.port),
        "unix_socket_directories": str(cluster.socket_folder),
        "listen_addresses": "",
        "archive_mode": "off",
        "archive_command": "",
        "archive_library": "",
        "primary_conninfo": "",
        "synchronous_standby_names": "",
        "shared_preload_libraries": "",
        "session_preload_libraries": "",
        "max_logical_replication_workers": "0",
        "ssl": "off",
    }


def _ends(cluster: Cluster) -> bool:
    limit = time.monotonic() + END_LIMIT.total_seconds()
    while postmaster(cluster) is not None and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)
    return postmaster(cluster) is None


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def archive_list(target: Protected) -> Path:
    """Return where the archive's files at the assumed fault are listed."""
    return target.folder / "archive-at-fault"
