"""A datastore under protection: its cluster, its repositories, and where things lie.

Values only, made by `assembly` from settings and carried in `job.json`, so that a job
needs nothing but its folder. No value here holds a secret: keys and passwords are
named by the path of a private file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from holdfast.errors import HoldfastError


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each kind of outside call may take before its group is killed."""

    short: timedelta = timedelta(seconds=20)
    statement: timedelta = timedelta(seconds=10)
    start: timedelta = timedelta(minutes=2)
    backup: timedelta = timedelta(hours=12)
    verify: timedelta = timedelta(hours=12)
    restore: timedelta = timedelta(hours=12)
    replay: timedelta = timedelta(hours=4)


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


@dataclass(frozen=True, slots=True)
class RepositoryAt:
    """A repository in a folder. ``key_file`` (0600) holds nothing but its cipher key.

    ``off_site``: it lies in another account or region than production.
    """

    number: int
    path: Path
    key_file: Path
    off_site: bool


@dataclass(frozen=True, slots=True)
class Protected:
    """A datastore, its repositories, and the folder that Holdfast works in for it.

    ``heartbeat``: Holdfast may keep a schema `holdfast` with two small tables in it.
    """

    id: str
    folder: Path
    cluster: Cluster
    repositories: tuple[RepositoryAt, ...]
    stanza: str
    retention_full: int = 7
    heartbeat: bool = True
    pgbackrest: Path = Path("/usr/bin/pgbackrest")
    deadlines: Deadlines = field(default_factory=Deadlines)

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
