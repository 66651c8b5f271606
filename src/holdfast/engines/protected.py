"""A datastore under protection: its cluster, its repositories, and where things lie.

Values only, made by `assembly` from settings and carried in `job.json`, so that a job
needs nothing but its folder. No value here holds a secret: keys and passwords are
named by the path of a private file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path

from holdfast.engines.places import (
    SSH_PORT,
    S3At,
    SftpAt,
    a_port,
    absolute,
    printable,
)
from holdfast.errors import HoldfastError

# What stands in `archive_command` is read by PostgreSQL and by a shell: nothing there
# may need quotes. As the catalogue's ids are.
_BARE = re.compile(r"[A-Za-z0-9_.,:@+/-]+")
_ID = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_STANZA = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# pgBackRest's own limits.
NUMBER_MAX, RETENTION_MAX = 256, 9_999_999


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each kind of outside call may take before its group is killed.

    An ``invariant`` may read a whole table from a cold disk; other statements ask the
    server about itself.
    """

    short: timedelta = timedelta(seconds=20)
    statement: timedelta = timedelta(seconds=10)
    invariant: timedelta = timedelta(minutes=10)
    start: timedelta = timedelta(minutes=2)
    backup: timedelta = timedelta(hours=12)
    verify: timedelta = timedelta(hours=12)
    restore: timedelta = timedelta(hours=12)
    replay: timedelta = timedelta(hours=4)

    def __post_init__(self) -> None:
        """Refuse a call that could never end well."""
        for each in fields(self):
            if getattr(self, each.name) <= timedelta(0):
                message = f"{each.name} must be longer than nothing"
                raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A PostgreSQL cluster on this host.

    ``passfile`` is a libpq password file (0600); without it, the socket's own
    authentication decides. ``config_file`` is given where the configuration lies
    outside of the data directory, as with Debian's own clusters.
    """

    data: Path
    port: int
    socket_folder: Path
    log: Path
    superuser: str = "postgres"
    database: str = "postgres"
    bin_folder: Path = Path("/usr/lib/postgresql/15/bin")
    passfile: Path | None = None
    config_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what leads nowhere, or where it leads depends on who asks."""
        a_port(self.port)
        printable(self.superuser, self.database)
        absolute(self.data, self.socket_folder, self.log, self.bin_folder)
        given = (self.passfile, self.config_file)
        absolute(*(path for path in given if path is not None))


@dataclass(frozen=True, slots=True)
class RepositoryAt:
    """A repository. ``path`` is a folder here, or inside the bucket, or on the host.

    ``key_file`` (0600) holds nothing but its cipher key; ``escrow_file`` is where the
    key's copy outside production is to be had, such as a mount of the safe.
    ``off_site``: it lies in another account or region than production.
    """

    number: int
    path: Path
    key_file: Path
    off_site: bool
    escrow_file: Path | None = None
    s3: S3At | None = None
    sftp: SftpAt | None = None

    def __post_init__(self) -> None:
        """Refuse what names two places."""
        if self.s3 is not None and self.sftp is not None:
            message = f"repository {self.number} names both a bucket and an SFTP host"
            raise ValueError(message)
        if not 0 < self.number <= NUMBER_MAX:
            message = f"a repository's number is from 1 to {NUMBER_MAX}"
            raise ValueError(message)
        if not self.path.is_absolute():
            message = f"the path of repository {self.number} must begin with a slash"
            raise ValueError(message)
        absolute(self.path, self.key_file)
        if self.escrow_file is not None:
            absolute(self.escrow_file)

    @property
    def folder(self) -> Path | None:
        """Return its folder on this machine, if that is where it lies."""
        return self.path if self.s3 is None and self.sftp is None else None

    @property
    def location(self) -> str:
        """Return where it lies, for people."""
        if self.s3 is not None:
            return f"s3://{self.s3.bucket}{self.path} at {self.s3.endpoint}"
        if self.sftp is not None:
            port = "" if self.sftp.port == SSH_PORT else f":{self.sftp.port}"
            return f"sftp://{self.sftp.user}@{self.sftp.host}{port}{self.path}"
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often each kind of backup is taken, and for how long it is kept.

    A backup is full where the newest full one is older than ``full_every``, else
    differential where the newest of both is older than ``diff_every``, else
    incremental. Any moment of the last ``retention_days`` stays restorable, once the
    repository is that old; ``retention_full`` keeps that many full backups instead.
    """

    full_every: timedelta = timedelta(days=7)
    diff_every: timedelta = timedelta(days=1)
    retention_days: int = 14
    retention_full: int | None = None

    def __post_init__(self) -> None:
        """Refuse what would keep nothing."""
        if self.retention_days < 1 or not (
            self.retention_full is None or self.retention_full > 0
        ):
            message = "retention must keep at least one day, or one full backup"
            raise ValueError(message)
        if max(self.retention_days, self.retention_full or 0) > RETENTION_MAX:
            message = f"retention keeps no more than {RETENTION_MAX:,}"
            raise ValueError(message)
        if min(self.full_every, self.diff_every) < timedelta(0):
            message = "full_every and diff_every must not be less than nothing"
            raise ValueError(message)
        if self.diff_every > self.full_every:
            message = "full_every must not be shorter than diff_every"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Protected:
    """A datastore, its repositories, and the folder that Holdfast works in for it.

    ``heartbeat``: Holdfast may keep a schema `holdfast` with small tables in it.
    """

    id: str
    folder: Path
    cluster: Cluster
    repositories: tuple[RepositoryAt, ...]
    stanza: str
    heartbeat: bool = True
    pgbackrest: Path = Path("/usr/bin/pgbackrest")
    deadlines: Deadlines = field(default_factory=Deadlines)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        """Refuse what pgBackRest, PostgreSQL or a shell would read as something else,
        and what would protect nothing.
        """
        if not _ID.fullmatch(self.id):
            message = f"{self.id!r} is no id; the catalogue's ids are like orders-db"
            raise ValueError(message)
        if not _STANZA.fullmatch(self.stanza):
            message = f"{self.stanza!r} is no stanza: letters, digits, dashes, no blank"
            raise ValueError(message)
        absolute(self.folder, self.pgbackrest)
        for path in (self.folder, self.pgbackrest):
            if not _BARE.fullmatch(str(path)):
                message = f"{str(path)!r} stands in archive_command: no blank, no quote"
                raise ValueError(message)
        self._insist_on_repositories()

    def _insist_on_repositories(self) -> None:
        if not self.repositories:
            message = "a datastore without a repository is not protected"
            raise ValueError(message)
        numbers = {repository.number for repository in self.repositories}
        places = {repository.location for repository in self.repositories}
        if min(len(numbers), len(places)) < len(self.repositories):
            message = "repositories must differ in number and in place"
            raise ValueError(message)
        for repository in self.repositories:
            folder = repository.folder
            if folder is not None and folder.is_relative_to(self.cluster.data):
                message = f"repository {repository.number} lies in the data directory"
                raise ValueError(message)

    @property
    def production_config(self) -> Path:
        """Where production's configuration lies: every repository, with its key."""
        return self.folder / "pgbackrest.conf"

    @property
    def restored_record(self) -> Path:
        """Where the last restore says what it did, for `ready`."""
        return self.folder / "restored.json"

    def recovery_config(self, repository: int) -> Path:
        """Where the configuration lies that knows one repository and no other key."""
        return self.folder / f"repository-{repository}.conf"

    def repository(self, number: int) -> RepositoryAt:
        """Return the repository of that number, or say which there are."""
        for repository in self.repositories:
            if repository.number == number:
                return repository
        there = ", ".join(str(r.number) for r in self.repositories)
        raise HoldfastError(
            f"datastore {self.id} has no repository {number}",
            f"Its repositories are {there}.",
        )
