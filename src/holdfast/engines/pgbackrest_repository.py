"""What pgBackRest is told of a repository: where it lies, how it is opened and kept.

The lines hold the cipher key and the credentials; they go into private files only.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from holdfast.engines.places import S3At, SftpAt
from holdfast.engines.protected import RepositoryAt, Schedule
from holdfast.errors import HoldfastError

PRIVATE_BITS = 0o077
CREDENTIALS = frozenset({"key", "secret", "token"})


def repository_lines(
    repository: RepositoryAt, schedule: Schedule, *, keeper: bool
) -> list[str]:
    """Return the lines; with the keeper's credentials instead of production's.

    Raises `HoldfastError` where a key or credential is missing or open to others.
    """
    prefix = f"repo{repository.number}"
    kept = (
        [f"{prefix}-retention-full-type=time"]
        if schedule.retention_full is None
        else []
    )
    return [
        f"{prefix}-path={repository.path}",
        *_place_lines(prefix, repository, keeper=keeper),
        f"{prefix}-cipher-type=aes-256-cbc",
        f"{prefix}-cipher-pass={cipher_key(repository.key_file)}",
        *kept,
        f"{prefix}-retention-full={schedule.retention_full or schedule.retention_days}",
        # Small files together: a third less time, and far fewer objects off-site.
        f"{prefix}-bundle=y",
    ]


def cipher_key(path: Path) -> str:
    """Return a repository's key.

    Raises `HoldfastError` where it is missing, open to others, or no key.
    """
    key = read_private(path, "the repository's key")
    if not key or not key.isprintable() or any(sign.isspace() for sign in key):
        message = "the repository's key is empty or holds a blank or a control sign"
        hint = "The file must hold the cipher key alone, on one line."
        raise HoldfastError(message, hint, str(path))
    return key


def credentials_in(path: Path) -> dict[str, str]:
    """Return a bucket's credentials: ``key``, ``secret`` and perhaps ``token``.

    Raises `HoldfastError` where they are missing, open to others, or not whole.
    """
    hint = 'It has two lines: key = "…" and secret = "…".'
    try:
        found = tomllib.loads(read_private(path, "the bucket's credentials"))
    except tomllib.TOMLDecodeError as error:
        message = "the bucket's credentials are not TOML"
        raise HoldfastError(message, hint, str(path)) from error
    values = {name: value for name, value in found.items() if isinstance(value, str)}
    blank = any(not v or any(s.isspace() for s in v) for v in values.values())
    if not {"key", "secret"} <= set(values) <= CREDENTIALS or blank or values != found:
        message = "the bucket's credentials are not whole"
        raise HoldfastError(message, hint, str(path))
    return values


def read_private(path: Path, what: str) -> str:
    """Return a private file's text.

    Raises `HoldfastError` where it is missing or open to others.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
        loose = path.stat().st_mode & PRIVATE_BITS
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "not text"
        hint = "Fetch it from escrow and write it there with mode 0600."
        raise HoldfastError(f"{what} cannot be read: {said}", hint, str(path)) from None
    if loose:
        message = f"{what} can be read by other users"
        raise HoldfastError(message, f"Run `chmod 600 {path}`.", str(path))
    return text


def _place_lines(prefix: str, repository: RepositoryAt, *, keeper: bool) -> list[str]:
    if repository.s3 is not None:
        return _s3_lines(prefix, repository.s3, keeper=keeper)
    if repository.sftp is not None:
        return _sftp_lines(prefix, repository.sftp, keeper=keeper)
    return []


def _s3_lines(prefix: str, place: S3At, *, keeper: bool) -> list[str]:
    own = (place.keeper if keeper else None) or place.credentials
    found = credentials_in(own)
    lines = [
        f"{prefix}-type=s3",
        f"{prefix}-s3-bucket={place.bucket}",
        f"{prefix}-s3-endpoint={place.endpoint}",
        f"{prefix}-s3-region={place.region}",
        f"{prefix}-s3-uri-style={place.uri_style}",
        f"{prefix}-s3-key={found['key']}",
        f"{prefix}-s3-key-secret={found['secret']}",
    ]
    if "token" in found:
        lines.append(f"{prefix}-s3-token={found['token']}")
    if place.ca_file is not None:
        lines.append(f"{prefix}-storage-ca-file={place.ca_file}")
    return lines


def _sftp_lines(prefix: str, place: SftpAt, *, keeper: bool) -> list[str]:
    own = (place.keeper if keeper else None) or place.private_key
    read_private(own, "the SFTP key")
    return [
        f"{prefix}-type=sftp",
        f"{prefix}-sftp-host={place.host}",
        f"{prefix}-sftp-host-port={place.port}",
        f"{prefix}-sftp-host-user={place.user}",
        f"{prefix}-sftp-private-key-file={own}",
        f"{prefix}-sftp-host-key-hash-type=sha256",
        f"{prefix}-sftp-host-key-check-type=fingerprint",
        f"{prefix}-sftp-host-fingerprint={place.host_key}",
    ]
