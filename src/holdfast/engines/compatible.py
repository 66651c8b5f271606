"""Which pgBackRest works with which PostgreSQL and which kind of repository.

2.45 fails on PostgreSQL 16 with a message about its control file that misleads, so
the gate says the true reason, before anything is touched.
"""

from __future__ import annotations

import re

from holdfast.errors import HoldfastError

# pgBackRest's own table of what it can read, newest first.
NEWEST_SERVER = ((2, 59, 18), (2, 55, 18), (2, 52, 17), (2, 48, 16), (2, 41, 15))
SFTP_SINCE = (2, 46)
# What touches the server or its files; the others only read a repository.
TOUCHING = frozenset({"stanza-create", "stanza-upgrade", "check", "backup", "restore"})


def newest_server(pgbackrest: str) -> int | None:
    """Return the newest PostgreSQL that this pgBackRest works with, if known."""
    have = _numbers(pgbackrest)
    if have is None:
        return None
    for major, minor, server in NEWEST_SERVER:
        if have >= (major, minor):
            return server
    return None


def fit(pgbackrest: str, server: str) -> bool:
    """Say whether two programs, by what they say of their version, work together."""
    newest = newest_server(pgbackrest)
    found = re.search(r"(\d+)(?:\.|devel|beta|rc)", server)
    return newest is not None and found is not None and int(found[1]) <= newest


def insist_on_server(pgbackrest: str, server: str) -> None:
    """Refuse a pair that is not known to work together, with the true reason."""
    if fit(pgbackrest, server):
        return
    newest = newest_server(pgbackrest)
    known = f"{pgbackrest} works with PostgreSQL up to {newest}; " if newest else ""
    hint = f"{known}install a newer pgBackRest, and name it in `pgbackrest`."
    raise HoldfastError(f"{pgbackrest}, {server}: not known to work together", hint)


def insist_on_sftp(pgbackrest: str) -> None:
    """Refuse a pgBackRest that knows no SFTP repositories."""
    if (_numbers(pgbackrest) or (0, 0)) < SFTP_SINCE:
        raise HoldfastError(
            f"{pgbackrest} knows no SFTP repositories",
            "They need pgBackRest 2.46 or newer; name it in `pgbackrest`.",
        )


def _numbers(said: str) -> tuple[int, int] | None:
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else None
