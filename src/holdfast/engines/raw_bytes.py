"""Are a repository's files encrypted? Looked at in the raw, as they are stored.

A setting is no proof. What pgBackRest encrypts begins with OpenSSL's salted header, and
what follows cannot be told from noise. In a folder the files are read as they lie; out
of a bucket or from a host they are fetched as they are stored (`repo-get --raw`), one
of each kind, the smallest there is.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

from holdfast.engines.pgbackrest_command import call
from holdfast.engines.pgbackrest_info import Info
from holdfast.engines.protected import Protected

SALTED, SALT = b"Salted__", 16
# The only cipher that pgBackRest has; the header names none.
CIPHER = "aes-256-cbc"
SAMPLE = 20
HEAD = 1 << 16
# Below this many bytes noise and text are hard to tell apart by counting.
ENOUGH = 1024
NOISE_BITS = 7.5


def cipher_shown(protected: Protected, info: Info) -> str | None:
    """Return the cipher if every sampled file of every kind is encrypted.

    To be asked where a command with a deadline has just been answered: a folder's
    files are read without one.
    """
    place = protected.repository(info.repository)
    if place.folder is not None:
        heads = list(_in_folder(place.folder, protected.stanza))
    else:
        heads = list(_fetched(protected, info))
    return CIPHER if heads and all(looks_encrypted(head) for head in heads) else None


def looks_encrypted(data: bytes) -> bool:
    """Say whether it has the salted header, and noise behind it."""
    body = data[SALT:]
    if not data.startswith(SALTED) or not body:
        return False
    return len(body) < ENOUGH or _bits_per_byte(body) > NOISE_BITS


def _bits_per_byte(data: bytes) -> float:
    shares = (count / len(data) for count in Counter(data).values())
    return -sum(share * math.log2(share) for share in shares)


def _in_folder(folder: Path, stanza: str) -> Iterator[bytes]:
    """Yield heads: of the listings, and of the newest backup's and segments' files."""
    for kind in ("backup", "archive"):
        place = folder / kind / stanza
        files = [path for path in place.glob("*.info*") if path.is_file()]
        newest = (path for path in place.glob("*/") if not path.is_symlink())
        for each in sorted(newest, reverse=True)[:2]:
            inside = (p for p in each.rglob("*") if p.is_file() and p.stat().st_size)
            files += islice(inside, SAMPLE)
        for path in files:
            try:
                with path.open("rb") as file:
                    yield file.read(HEAD)
            except FileNotFoundError:
                continue  # Expired meanwhile; what is gone shows nothing.
            except OSError:
                yield b""


def _fetched(protected: Protected, info: Info) -> Iterator[bytes]:
    """Yield one file of each kind; what cannot be had counts as not encrypted."""
    backups, archive = (f"{k}/{protected.stanza}" for k in ("backup", "archive"))
    wanted: list[str | None] = [f"{archive}/archive.info"]
    if info.backups:
        newest = f"{backups}/{info.backups[-1].label}"
        wanted += [f"{backups}/backup.info", f"{newest}/backup.manifest"]
        wanted.append(_smallest(protected, info.repository, newest, "--recurse"))
    if info.wal_max is not None:
        place = f"{archive}/{info.archive_id}/{info.wal_max[:16]}"
        only = f"--filter=^{info.wal_max}-"
        wanted.append(_smallest(protected, info.repository, place, only))
    for name in wanted:
        yield _raw(protected, info.repository, name) if name is not None else b""


def _smallest(protected: Protected, number: int, place: str, option: str) -> str | None:
    listed = call(
        protected,
        "repo-ls",
        f"--repo={number}",
        *(option, "--output=json", "--log-level-console=off"),
        config=protected.recovery_config(number),
        arguments=(place,),
    )
    try:
        found = cast("dict[str, dict[str, object]]", json.loads(listed.output))
    except ValueError:
        return None
    sizes = {
        name: cast("int", about["size"])
        for name, about in found.items()
        if about.get("size") and "manifest" not in name
    }
    return f"{place}/{min(sizes, key=lambda name: sizes[name])}" if sizes else None


def _raw(protected: Protected, number: int, name: str) -> bytes:
    got = call(
        protected,
        "repo-get",
        f"--repo={number}",
        *("--raw", "--log-level-console=off"),
        config=protected.recovery_config(number),
        arguments=(name,),
    )
    return got.data[:HEAD] if got.exited_well else b""
