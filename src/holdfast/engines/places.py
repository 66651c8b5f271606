"""Where repositories lie: a folder, a bucket that speaks S3, a host that speaks SFTP.

Values only; a secret is named by the path of its private file. A place away from
production has up to two credentials: *production's*, with which the server archives
and backs up, and the *keeper's*, with which copies are read back, restored and
expired. Where production's may not delete, whoever takes production over cannot take
the copies along.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Style = Literal["host", "path"]
SSH_PORT, PORT_MAX = 22, 65_535


@dataclass(frozen=True, slots=True)
class S3At:
    """A bucket. ``credentials`` and ``keeper`` are private files (0600) of two lines:
    ``key = "…"`` and ``secret = "…"``; without a keeper there is one credential.

    ``endpoint`` may carry a port. ``ca_file`` is given where the server's certificate
    comes from an authority of one's own. ``owner`` is the account that must own it.
    """

    bucket: str
    endpoint: str
    region: str
    credentials: Path
    keeper: Path | None = None
    owner: str | None = None
    ca_file: Path | None = None
    uri_style: Style = "host"

    def __post_init__(self) -> None:
        """Refuse values that would not stand on one line of a configuration."""
        owner = "-" if self.owner is None else self.owner
        one_line(self.bucket, self.endpoint, self.region, owner)
        if "/" in self.endpoint:
            message = "endpoint is a host and perhaps a port, without https:// or path"
            raise ValueError(message)
        if "/" in self.bucket:
            message = "bucket is a name; what lies inside it is the repository's path"
            raise ValueError(message)
        private = (self.credentials, self.keeper, self.ca_file)
        absolute(*(path for path in private if path is not None))


@dataclass(frozen=True, slots=True)
class SftpAt:
    """A host that speaks SFTP. The keys are private files (0600), without a passphrase.

    ``host_key`` is the SHA-256 fingerprint of the host's key, in hexadecimal: a host
    that shows another key is not spoken to.
    """

    host: str
    user: str
    private_key: Path
    host_key: str
    port: int = SSH_PORT
    keeper: Path | None = None

    def __post_init__(self) -> None:
        """Refuse values that would not stand on one line, and a key that is none."""
        one_line(self.host, self.user)
        if any(sign in self.host + self.user for sign in "/@"):
            message = "host is a name or an address alone, and user a name"
            raise ValueError(message)
        a_port(self.port)
        absolute(self.private_key, *([self.keeper] if self.keeper else []))
        if not re.fullmatch("[0-9a-f]{64}", self.host_key):
            message = "host_key must be the SHA-256 of the host's key, in hexadecimal"
            raise ValueError(message)


def one_line(*values: str) -> None:
    """Refuse a value that is empty or holds a blank.

    Raises `ValueError` naming it.
    """
    for value in values:
        if not value or any(sign.isspace() for sign in value):
            message = f"{value!r} is empty or holds a blank"
            raise ValueError(message)


def absolute(*paths: Path) -> None:
    """Refuse a path that depends on where Holdfast was started, or that would end a
    line of a configuration.

    Raises `ValueError` naming it.
    """
    for path in paths:
        if not path.is_absolute():
            message = f"{str(path)!r} must begin with a slash"
            raise ValueError(message)
        printable(str(path))


def printable(*values: str) -> None:
    """Refuse a value that is empty, or holds what would end its line.

    Raises `ValueError` naming it.
    """
    for value in values:
        if not value or not value.isprintable():
            message = f"{value!r} is empty or holds a control character"
            raise ValueError(message)


def a_port(number: int) -> None:
    """Refuse what is no port.

    Raises `ValueError` naming it.
    """
    if not 0 < number <= PORT_MAX:
        message = f"{number} is no port: it is from 1 to {PORT_MAX}"
        raise ValueError(message)
