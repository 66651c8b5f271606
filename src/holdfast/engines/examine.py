"""Try what a repository promises: no other key opens it, production cannot delete.

Settings are not asked. Each attempt is a real one, and its refusal is kept as evidence.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path

from holdfast.domain.events.repository import Deletion, Escrow, WrongKey
from holdfast.engines.account import own_folder, write_private
from holdfast.engines.bucket import FORBIDDEN, OK, Bucket
from holdfast.engines.deleting import try_to_delete
from holdfast.engines.evidence import Ran
from holdfast.engines.pgbackrest_command import call, configure_recovery
from holdfast.engines.pgbackrest_info import Info, read_info
from holdfast.engines.protected import Protected
from holdfast.engines.raw_bytes import cipher_shown
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import (
    Evidence,
    Examination,
)

_NOT_OPENED = re.compile(
    r"unable to load info file[^\n]*\n\s*(?:CryptoError|FormatError)"
)


def examine(protected: Protected, number: int, *, read_back: bool) -> Examination:
    """Try the repository, which has just been ``read_back`` or not."""
    info = read_info(protected, number)
    wrong_key, refused = _with_a_wrong_key(protected, info)
    escrow, opened = _with_the_escrowed_key(protected, info)
    deletion: Deletion = "unknown"
    tried: tuple[Evidence, ...] = ()
    place = protected.repository(number)
    if place.off_site and info.answers:
        deletion, tried = try_to_delete(protected, place)
    owner, region, looked = _whose(protected, number)
    return Examination(
        repository=number,
        read_back=read_back,
        cipher=cipher_shown(protected, info) if info.answers else None,
        wrong_key=wrong_key,
        deletion=deletion,
        escrow=escrow,
        owner=owner,
        region=region,
        evidence=(*info.evidence, *refused, *opened, *tried, *looked),
    )


def _with_a_wrong_key(
    protected: Protected, info: Info
) -> tuple[WrongKey, tuple[Evidence, ...]]:
    """Restore with a key that is not the repository's, into an empty folder.

    Only where the right key has just opened it: what nobody can reach refuses nothing.
    """
    if not info.answers:
        return "unknown", ()
    with tempfile.TemporaryDirectory(dir=own_folder(protected.folder / "keys")) as made:
        Path(made).chmod(0o711)
        scratch = own_folder(Path(made) / "own")
        data = own_folder(scratch / "data")
        key = scratch / "wrong.key"
        write_private(key, secrets.token_urlsafe(48) + "\n")
        ran = _restore(_keyed(protected, info.repository, scratch, key), info, data)
        left = any(data.iterdir())
    if ran.exited_well or left:
        return "opened", (ran.evidence,)
    refused = _NOT_OPENED.search(ran.output) is not None
    return "refused" if refused else "unknown", (ran.evidence,)


def _restore(keyed: Protected, info: Info, data: Path) -> Ran:
    return call(
        keyed,
        "restore",
        f"--repo={info.repository}",
        *("--log-level-console=warn", f"--pg1-path={data}"),
        config=configure_recovery(keyed, info.repository),
    )


def _with_the_escrowed_key(
    protected: Protected, info: Info
) -> tuple[Escrow, tuple[Evidence, ...]]:
    """Open the repository with the copy of its key that lies outside production."""
    escrowed = protected.repository(info.repository).escrow_file
    if escrowed is None:
        return "none", ()
    with tempfile.TemporaryDirectory(dir=own_folder(protected.folder / "keys")) as made:
        Path(made).chmod(0o711)
        scratch = own_folder(Path(made) / "own")
        found = read_info(
            _keyed(protected, info.repository, scratch, escrowed), info.repository
        )
    return "opens" if found.answers else "fails", found.evidence


def _keyed(protected: Protected, number: int, folder: Path, key: Path) -> Protected:
    """Return the datastore as one repository alone, opened with another key."""
    place = replace(protected.repository(number), key_file=key)
    return replace(protected, folder=folder, repositories=(place,))


def _whose(
    protected: Protected, number: int
) -> tuple[str | None, str | None, tuple[Evidence, ...]]:
    """Return owner and region, where the place itself can tell."""
    place = protected.repository(number).s3
    if place is None:
        return None, None, ()
    try:
        answer = Bucket(place, place.keeper or place.credentials).look()
    except HoldfastError:
        return None, None, ()
    region = answer.headers.get("x-amz-bucket-region")
    owner = place.owner if answer.status == OK else None
    if answer.status == FORBIDDEN and place.owner is not None:
        owner = f"not {place.owner}"
    return owner, region, (answer.evidence,)
