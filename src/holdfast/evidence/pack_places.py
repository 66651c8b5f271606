"""Where the operator put things, as the pack tells it: places of keys, never a key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a key or password lies, and what is lost without it. Never the key.

    ``kept``: a copy of it belongs outside, for it cannot be had again.
    """

    what: str
    where: str
    without: str
    kept: bool = False


@dataclass(frozen=True, slots=True)
class CopyPlace:
    """A copy of the log off-site; ``personal`` is where the people's backup lies."""

    url: str
    read_by: str
    personal: str


@dataclass(frozen=True, slots=True)
class RepositoryPlace:
    """A repository of backups, and where its key is to be had."""

    number: int
    off_site: bool
    location: str
    key: str
    escrow: str


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """A datastore's backups, and what restores it without Holdfast."""

    datastore: str
    stanza: str
    data: str
    repositories: tuple[RepositoryPlace, ...]


@dataclass(frozen=True, slots=True)
class Witness:
    """Who cosigns the log."""

    name: str
    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where the operator put things. ``verifier_keys`` and witnesses' are public."""

    version: str
    folder: str
    verifier_keys: tuple[str, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    copies: tuple[CopyPlace, ...] = ()
    keys: tuple[KeyPlace, ...] = ()
    databases: tuple[DatabasePlace, ...] = ()
    status_page: tuple[str, ...] = ()
