"""Make a protected cluster: for the company in a box, for tests, for a first try.

Data checksums are on; a password is asked everywhere, also on the socket; it lies in
a private file and is never an argument.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from holdfast.engines.account import own_folder, write_private
from holdfast.engines.evidence import Call, Ran, argv_of, run, summarise
from holdfast.engines.pgbackrest_command import (
    archive_command,
    call,
    configure_production,
    version,
)
from holdfast.engines.postgresql import (
    archive_timeout,
    keep_the_archive_clock,
    start_server,
    stop_server,
    wait_out_of_recovery,
)
from holdfast.engines.protected import Cluster, Protected, RepositoryAt
from holdfast.errors import HoldfastError

INCLUDE = "holdfast.conf"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a new protected datastore is to lie: everything in one folder.

    ``escrow`` is a place outside of production that gets a copy of the off-site key.
    """

    id: str
    folder: Path
    port: int
    off_site: Path
    bin_folder: Path = Path("/usr/lib/postgresql/15/bin")
    escrow: Path | None = None


def lay_out(layout: Layout) -> Protected:
    """Return the wiring of a new datastore, its keys and password freshly made.

    Repository 1 lies on-site in the folder, repository 2 where ``off_site`` says; each
    has a key of its own.
    """
    folder = own_folder(layout.folder)
    keys = own_folder(folder / "keys")
    passfile = keys / "pgpass"
    if not passfile.exists():
        write_private(passfile, f"*:*:*:*:{secrets.token_urlsafe(24)}\n")
    own_folder(folder / "socket")
    cluster = Cluster(
        data=folder / "data",
        port=layout.port,
        socket_folder=folder / "socket",
        log=folder / "postgresql.log",
        bin_folder=layout.bin_folder,
        passfile=passfile,
    )
    places = ((1, folder / "repository", False), (2, layout.off_site, True))
    repositories = tuple(
        RepositoryAt(number, path, _new_key(keys, number), off_site=off_site)
        for number, path, off_site in places
    )
    if layout.escrow is not None:
        repositories = tuple(_escrowed(r, layout.escrow) for r in repositories)
    work = folder / "holdfast"
    return Protected(layout.id, work, cluster, repositories, stanza=layout.id)


def create_cluster(protected: Protected, *, rpo: timedelta) -> None:
    """Make an empty cluster that archives to every repository, and configure both.

    Raises `HoldfastError` with what `initdb` said where it does not work.
    """
    cluster = protected.cluster
    configure_production(protected)
    own_folder(cluster.data)
    pwfile = protected.folder / ".pwfile"
    write_private(pwfile, password(cluster) + "\n")
    try:
        _initdb(cluster, pwfile, protected)
    finally:
        pwfile.unlink()
    write_private(cluster.data / INCLUDE, _settings(protected, archive_timeout(rpo)))
    with (cluster.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(f"include '{INCLUDE}'\n")


def create_stanza(protected: Protected) -> None:
    """Prepare the repositories for the cluster; repeatable."""
    for repository in protected.repositories:
        if repository.folder is not None:
            own_folder(repository.folder)
    config = protected.production_config
    _insist(call(protected, "stanza-create", config=config), "prepare the repositories")


def start_cluster(protected: Protected) -> None:
    """Start the cluster and wait until it takes writes."""
    _insist(start_server(protected.cluster, protected.deadlines), "start PostgreSQL")
    asked = wait_out_of_recovery(protected.cluster, protected.deadlines)
    if asked.rows is None:
        hint = f"Read {protected.cluster.log}."
        raise HoldfastError(f"PostgreSQL does not answer: {asked.detail}", hint)
    keep_the_archive_clock(protected.cluster, protected.deadlines)


def stop_cluster(protected: Protected) -> None:
    """Stop the cluster."""
    _insist(stop_server(protected.cluster, protected.deadlines), "stop PostgreSQL")


def password(cluster: Cluster) -> str:
    """Return the superuser's password from its private file."""
    assert cluster.passfile is not None, "a cluster of ours has a password file"
    return cluster.passfile.read_text(encoding="utf-8").strip().rsplit(":", 1)[1]


def _new_key(folder: Path, number: int) -> Path:
    path = folder / f"repository-{number}.key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48) + "\n")
    return path


def _escrowed(repository: RepositoryAt, escrow: Path) -> RepositoryAt:
    if not repository.off_site:
        return repository
    copy = own_folder(escrow) / repository.key_file.name
    write_private(copy, repository.key_file.read_bytes())
    return replace(repository, escrow_file=copy)


def _initdb(cluster: Cluster, pwfile: Path, protected: Protected) -> None:
    program = cluster.bin_folder / "initdb"
    argv = argv_of(
        program,
        f"--pgdata={cluster.data}",
        f"--username={cluster.superuser}",
        f"--pwfile={pwfile}",
        *("--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8"),
        *("--locale=C.UTF-8", "--no-instructions"),
    )
    made = run(Call(argv, protected.deadlines.start, Path("/"), version(program)))
    _insist(made, "make the database cluster")


def _settings(protected: Protected, timeout: timedelta) -> str:
    cluster = protected.cluster
    return "\n".join(
        (
            f"port = {cluster.port}",
            "listen_addresses = '127.0.0.1'",
            f"unix_socket_directories = '{cluster.socket_folder}'",
            "timezone = 'UTC'",
            "log_timezone = 'UTC'",
            "wal_level = replica",
            "archive_mode = on",
            f"archive_command = '{archive_command(protected)}'",
            f"archive_timeout = {int(timeout.total_seconds())}s",
            "",
        )
    )


def _insist(ran: Ran, purpose: str) -> None:
    if not ran.exited_well:
        tool = Path(ran.evidence.argv[0]).name
        hint = f"This is what {tool} said; mend it and run the command again."
        raise HoldfastError(f"cannot {purpose}: {summarise(ran)}", hint)
