"""Break something on purpose, in a copy, to see that a drill can fail.

Nothing real is harmed: of the repository, wherever it lies, what the restore needs is
copied into the drill's own place and broken there; the wrong key stands in a
configuration of the drill's own, and the place without room is a small file system that
nobody but the restore sees; where the kernel makes none for us, one where nothing can
be written at all.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from holdfast.domain.events.drill import Sabotage
from holdfast.engines.account import own_folder, write_private
from holdfast.engines.drill_target import Walled
from holdfast.engines.partial_copy import copy_needed
from holdfast.engines.pgbackrest_info import read_info
from holdfast.engines.protected import Protected, RepositoryAt
from holdfast.engines.report import Report
from holdfast.errors import HoldfastError

# The kernel's own file system says truthfully that it has no room.
NO_ROOM = Path("/proc/holdfast-drill")
SMALL_ROOM_BYTES = 4 << 20
NOISE_BYTES = 64


def sabotaged(walled: Walled, number: int, kind: Sabotage, report: Report) -> Walled:
    """Return the drill's target with one thing broken."""
    if kind == "no-space" and walled.fence is not None:
        data = own_folder(walled.target.cluster.data)
        return replace(walled, fence=walled.fence.with_room(data, SMALL_ROOM_BYTES))
    return replace(walled, target=_broken(walled.target, number, kind, report))


def _broken(
    target: Protected, number: int, kind: Sabotage, report: Report
) -> Protected:
    place = target.repository(number)
    match kind:
        case "wrong-key":
            key = target.folder / "wrong.key"
            write_private(key, secrets.token_urlsafe(48) + "\n")
            return _with(target, replace(place, key_file=key))
        case "no-space":
            return replace(target, cluster=replace(target.cluster, data=NO_ROOM))
        case "corrupt-repository":
            copied = _copy(target, place, report)
            for file in sorted((copied.path / "backup").glob("*/*/**/*")):
                if file.is_file() and not file.name.startswith("backup.manifest"):
                    _spoil(file)
            return _with(target, copied)
        case "missing-wal":
            backups = read_info(target, number).good_backups
            copied = _copy(target, place, report)
            newest = backups[-1].wal_start if backups else ""
            _take_needed(copied.path / "archive", newest)
            return _with(target, copied)
        case _:
            assert_never(kind)


def _copy(target: Protected, place: RepositoryAt, report: Report) -> RepositoryAt:
    report.step("copying the repository, to break the copy")
    folder = own_folder(target.folder / "broken-repository")
    return copy_needed(target, place.number, folder, report)


def _spoil(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(secrets.token_bytes(NOISE_BYTES))


def _take_needed(archive: Path, wal_start: str) -> None:
    """Remove a segment that the newest backup needs, from the middle if it can be."""
    files = sorted(archive.rglob("0*-*.gz"), key=lambda file: file.name)
    needed = [file for file in files if file.name[8:24] >= wal_start[8:]]
    if not needed:
        raise HoldfastError("the archive holds no segment", "Take a backup first.")
    needed[(len(needed) - 1) // 2].unlink()


def _with(target: Protected, changed: RepositoryAt) -> Protected:
    others = (r for r in target.repositories if r.number != changed.number)
    return replace(target, repositories=(*others, changed))
