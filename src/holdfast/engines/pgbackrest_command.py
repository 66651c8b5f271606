"""Configure pgBackRest and call it.

Two kinds of configuration: production's, which names every repository, and one for
recovery per repository, which names that one alone, under its own number. So a restore
from off-site proves that its credentials are enough. `--config` is always given, since
other users cannot read Debian's default, and the include path is an empty folder.
Cipher keys stand in these private files only.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from holdfast.engines.account import own_folder, write_private
from holdfast.engines.compatible import (
    TOUCHING,
    insist_on_server,
    insist_on_sftp,
)
from holdfast.engines.evidence import Call, Ran, argv_of, require, run
from holdfast.engines.fence import Fence
from holdfast.engines.pgbackrest_repository import repository_lines
from holdfast.engines.protected import Protected, RepositoryAt
from holdfast.errors import HoldfastError

# pgBackRest's own waits, deliberately far below its defaults of minutes: a repository
# that does not answer must show within one segment's time, not after the RPO is gone.
# Its rule is that protocol-timeout exceeds db-timeout.
TIMEOUTS = {
    "archive-timeout": 20,
    "io-timeout": 10,
    "db-timeout": 30,
    "protocol-timeout": 40,
}


def configure_production(protected: Protected) -> Path:
    """Write production's configuration if it is missing or no longer true.

    Raises `HoldfastError` where any repository's key is missing or open to others.
    """
    text = _text(protected, protected.repositories, keeper=False)
    return _write(protected, protected.production_config, text)


def configure_recovery(protected: Protected, number: int) -> Path:
    """Write the configuration of one repository alone; no other key is needed.

    Raises `HoldfastError` where its key is missing or open to others.
    """
    text = _text(protected, (protected.repository(number),), keeper=True)
    return _write(protected, protected.recovery_config(number), text)


def call(
    protected: Protected,
    command: str,
    *options: str,
    config: Path,
    deadline: timedelta | None = None,
    arguments: tuple[str | Path, ...] = (),
    fence: Fence | None = None,
) -> Ran:
    """Run one pgBackRest command under a deadline, with the given configuration.

    Raises `HoldfastError` before anything happens where this pgBackRest is too old for
    the server or for a repository.
    """
    prepared = prepare(protected, command, *options, config=config, arguments=arguments)
    within = deadline or prepared.deadline
    return run(replace(prepared, deadline=within, fence=fence))


def prepare(
    protected: Protected,
    command: str,
    *options: str,
    config: Path,
    arguments: tuple[str | Path, ...] = (),
) -> Call:
    """Return the call of one pgBackRest command, which `call` runs.

    Raises `HoldfastError` as `call` does.
    """
    _insist_on_versions(protected, command)
    argv = argv_of(
        protected.pgbackrest,
        *base_options(protected, config),
        *options,
        command,
        *arguments,
    )
    return Call(
        argv,
        protected.deadlines.short,
        protected.folder,
        version(protected.pgbackrest),
        environment(protected),
        secret_output=command == "repo-get",
    )


def base_options(protected: Protected, config: Path) -> tuple[str, ...]:
    """Return the options that every call carries."""
    return (
        f"--config={config}",
        f"--config-include-path={protected.folder / 'include'}",
        f"--stanza={protected.stanza}",
    )


def environment(protected: Protected) -> dict[str, str]:
    """Return what a command needs to log in to the database: a path, no password."""
    passfile = protected.cluster.passfile
    return {"PGPASSFILE": str(passfile)} if passfile else {}


def archive_command(protected: Protected) -> str:
    """Return PostgreSQL's `archive_command`: to every repository, or not at all.

    `timeout` bounds what pgBackRest's own limits do not, such as a mount that hangs.
    """
    options = " ".join(base_options(protected, protected.production_config))
    return f"timeout -k 5 60 {protected.pgbackrest} {options} archive-push %p"


@lru_cache(maxsize=16)
def version(program: Path) -> str:
    """Return what the program says about its version, asked once per process."""
    require(program)
    option = "version" if program.name == "pgbackrest" else "--version"
    asked = run(Call((str(program), option), timedelta(seconds=10), Path("/")))
    return asked.output.strip()


def _insist_on_versions(protected: Protected, command: str) -> None:
    have = version(protected.pgbackrest)
    if any(repository.sftp is not None for repository in protected.repositories):
        insist_on_sftp(have)
    if command in TOUCHING:
        server = protected.cluster.bin_folder / "postgres"
        insist_on_server(have, version(server))


def _text(
    protected: Protected, repositories: tuple[RepositoryAt, ...], *, keeper: bool
) -> str:
    cluster = protected.cluster
    lines = [
        "[global]",
        "log-level-file=off",
        "log-level-stderr=off",
        # Debian's own places belong to another account.
        f"lock-path={protected.folder / 'lock'}",
        f"spool-path={protected.folder / 'spool'}",
        "start-fast=y",
        # Expiring is a job of its own, which looks before it removes.
        "expire-auto=n",
        "compress-type=gz",
        "compress-level=1",
        *(f"{name}={seconds}" for name, seconds in TIMEOUTS.items()),
    ]
    for repository in repositories:
        lines += repository_lines(repository, protected.schedule, keeper=keeper)
    lines += [
        f"[{protected.stanza}]",
        f"pg1-path={cluster.data}",
        f"pg1-port={cluster.port}",
        f"pg1-socket-path={cluster.socket_folder}",
        f"pg1-user={cluster.superuser}",
        f"pg1-database={cluster.database}",
    ]
    return "\n".join(lines) + "\n"


def _write(protected: Protected, path: Path, text: str) -> Path:
    try:
        own_folder(protected.folder)
        own_folder(protected.folder / "include")
        own_folder(protected.folder / "lock")
        if not path.exists() or path.read_bytes() != text.encode():
            write_private(path, text)
    except OSError as error:
        message = f"the configuration cannot be written: {error.strerror}"
        hint = "Holdfast writes it itself: clear its place, and see who owns it."
        raise HoldfastError(message, hint, str(path)) from error
    return path
