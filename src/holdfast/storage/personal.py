"""Backups of personal data: their form, and the place where they lie.

A backup is one file: a line that names the form, a line with its manifest in JSON,
then nonce and ciphertext. Both lines are bound into the seal, so that a backup cannot
be passed off as that of another log or moment. docs/formats/personal-backup.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from holdfast.operations.keeping import Backup, Manifest
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.targets import Target

FORM = b"holdfast-personal-backup/v1\n"
NEWEST = "newest.sealed"
SUFFIX = ".sealed"
_MOMENT = "%Y%m%dT%H%M%S.%fZ"
_LARGEST_MANIFEST = 4_096


def seal(escrow: Escrow, backup: Backup) -> bytes:
    """Return the file of a backup."""
    manifest = replace(backup.manifest, escrow=escrow.id)
    values = {**asdict(manifest), "at": manifest.at.isoformat()}
    head = FORM + json.dumps(values, sort_keys=True).encode() + b"\n"
    text = json.dumps(dict(backup.rows), sort_keys=True)
    return head + escrow.seal_personal(head, text.encode())


def read_manifest(data: bytes, where: str) -> tuple[Manifest, bytes]:
    """Return what a file says of itself, unproven, and the bytes that say it.

    Raises `StoreError` for what is no backup.
    """
    end = data.find(b"\n", len(FORM), len(FORM) + _LARGEST_MANIFEST)
    if not data.startswith(FORM) or end < 0:
        raise _damaged(where)
    try:
        values = json.loads(data[len(FORM) : end])
        at = datetime.fromisoformat(values.pop("at"))
        manifest = Manifest(at=at, **values)
    except (ValueError, TypeError, LookupError, AttributeError):
        raise _damaged(where) from None
    kinds = (manifest.size, manifest.rows, manifest.origin, manifest.root)
    if tuple(map(type, kinds)) != (int, int, str, str) or at.tzinfo is None:
        raise _damaged(where)
    return manifest, data[: end + 1]


def unseal(escrow: Escrow, data: bytes, where: str) -> Backup:
    """Return the backup of a file.

    Raises `StoreError` for another escrow key, and for altered or cut off bytes.
    """
    manifest, head = read_manifest(data, where)
    if manifest.escrow != escrow.id:
        raise WrongEscrowError(
            f"the backup is sealed under the escrow key {manifest.escrow}, this one is "
            f"{escrow.id}",
            "Give the key that was in use then: --escrow-key FILE.",
            where,
        )
    opened = escrow.open_personal(head, data[len(head) :])
    if opened is None:
        raise _damaged(where)
    rows = json.loads(opened)
    assert isinstance(rows, dict), "what is sealed is what `seal` wrote"
    return Backup(manifest, rows)


class WrongEscrowError(StoreError):
    """The backup opens under another escrow key."""


@dataclass(frozen=True, slots=True)
class PersonalPlace:
    """Where backups lie: a target of their own, or a folder in a copy's (`prefix`)."""

    target: Target
    escrow: Escrow
    prefix: str = ""

    @property
    def name(self) -> str:
        """Its address without credentials."""
        return f"{self.target.name.rstrip('/')}/{self.prefix}".rstrip("/")

    def save(self, backup: Backup) -> None:
        """Keep a backup under its size and moment, and as the newest."""
        data = seal(self.escrow, backup)
        self.target.write_once(self.prefix + _name(backup.manifest), data)
        self.target.settle()
        self.target.replace(self.prefix + NEWEST, data)

    def prune(self, before: datetime, size: int) -> tuple[str, ...] | None:
        """Remove what is too old, or knows too little; return what is not let go."""
        left = []
        names = self.target.names(self.prefix)
        if NEWEST not in names:
            return None  # It was put there just now: so the place may not be listed.
        for name in names:
            of = _size_and_moment(name)
            if of is None or (of[0] > size and of[1] >= before):
                continue
            if not self.target.remove(self.prefix + name):
                left.append(name)
        return tuple(left)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield every backup with its name, the newest log's first."""
        names = [name for name in self.target.names(self.prefix) if name != NEWEST]
        dated = sorted(filter(_size_and_moment, names), reverse=True)
        # Where the credentials may not list, there is at least the newest.
        for name in (NEWEST, *dated):
            data = self.target.read(self.prefix + name)
            if data is not None:
                yield name, data


def place_of(copy: Target, apart: Target | None, escrow: Escrow) -> PersonalPlace:
    """Return where backups lie: in a place apart, or in a folder of the copy."""
    return PersonalPlace(apart or copy, escrow, "" if apart else "personal/")


def _name(manifest: Manifest) -> str:
    return f"{manifest.size:012}-{manifest.at:{_MOMENT}}{SUFFIX}"


def _size_and_moment(name: str) -> tuple[int, datetime] | None:
    size, _, moment = name.removesuffix(SUFFIX).partition("-")
    try:
        at = datetime.strptime(f"{moment}+0000", f"{_MOMENT}%z")
    except ValueError:
        return None
    return (int(size), at) if size.isdecimal() else None


def _damaged(where: str) -> StoreError:
    return StoreError(
        "the backup of the personal data is damaged: altered, or cut off",
        "An older one beside it may be whole; look at who can write there.",
        where,
    )
