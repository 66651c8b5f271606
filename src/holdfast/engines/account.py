"""Whom outside tools run as, and what belongs to them.

PostgreSQL refuses to run as root, and no tool needs to: as root, Holdfast hands every
command to `postgres`; otherwise everything stays with whoever runs Holdfast.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import HoldfastError

SERVICE_ACCOUNT = "postgres"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine."""

    name: str
    uid: int
    gid: int


def unprivileged() -> Account | None:
    """Return the account that tools run as, or `None` where that is our own."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(SERVICE_ACCOUNT)
    except KeyError as error:
        message = f"the account {SERVICE_ACCOUNT} does not exist"
        hint = "Install PostgreSQL with `apt-get install postgresql-15`."
        raise HoldfastError(message, hint) from error
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def own_folder(path: Path) -> Path:
    """Make a folder that only the tools' account can enter; an existing one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        _give(path)
    return path


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only the tools' account can read; readers never see a half."""
    # mkstemp: a name of its own, also among threads, and mode 0600 from the start.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    _give(draft)
    draft.replace(path)


def _give(path: Path) -> None:
    account = unprivileged()
    if account is not None:
        os.chown(path, account.uid, account.gid)
