"""Copy of a repository what one restore needs, to a folder; the original is only read.

The files are fetched as they are stored, by pgBackRest itself and with the keeper's
credentials, so that a folder, a bucket and a host are copied in one way. The commands
are `repo-ls` and `repo-get`, which can change nothing.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

from holdfast.engines.account import own_folder, write_private
from holdfast.engines.evidence import Ran, run, summarise
from holdfast.engines.pgbackrest_command import call, configure_recovery, prepare
from holdfast.engines.pgbackrest_info import read_info
from holdfast.engines.protected import Protected, RepositoryAt
from holdfast.engines.report import Report
from holdfast.engines.restore import choose
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Backup, Job

AT_ONCE = 4
INFOS = ("archive.info", "archive.info.copy", "backup.info", "backup.info.copy")


def copy_needed(
    target: Protected, number: int, folder: Path, report: Report
) -> RepositoryAt:
    """Copy the newest backup, all that it builds on, and the WAL since; return the copy
    as a repository in that folder, under the same number and key.

    Raises `HoldfastError` where there is no room, or something cannot be fetched.
    """
    backup = _newest(target, number, report)
    sizes = _needed(target, backup, report)
    _insist_on_room(target, sum(sizes.values()) + backup.size_bytes)
    config = configure_recovery(target, number)

    def fetch(name: str) -> Ran:
        place = folder / name
        write_private(place, b"")
        got = prepare(
            target,
            "repo-get",
            f"--repo={number}",
            *("--raw", "--log-level-console=off", "--log-level-stderr=error"),
            config=config,
            arguments=(name,),
        )
        return run(replace(got, deadline=target.deadlines.restore, into=place))

    for parent in sorted({parent for name in sizes for parent in Path(name).parents}):
        own_folder(folder / parent)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, ran in zip(sizes, pool.map(fetch, sizes), strict=True):
            if not ran.exited_well:
                report.keep(ran)
                said = (folder / name).read_bytes()[-500:].decode(errors="replace")
                message = f"{name} could not be copied: {said.strip()}"
                raise HoldfastError(message, "The repository was only read.")
    place = target.repository(number)
    return replace(place, path=folder, s3=None, sftp=None)


def _newest(target: Protected, number: int, report: Report) -> Backup:
    info = read_info(target, number)
    report.keep_all(info.evidence)
    return choose(info, Job("", target.id, "drill"))


def _needed(target: Protected, backup: Backup, report: Report) -> dict[str, int]:
    """Return the files by name, with their sizes as stored."""
    stanza, family = target.stanza, backup.label.partition("_")[0]
    backups = _listed(target, backup.repository, f"backup/{stanza}", report)
    archive = _listed(target, backup.repository, f"archive/{stanza}", report)
    needed = {}
    for name, size in {**backups, **archive}.items():
        kind, _, *inside = name.split("/")
        if kind == "backup":
            label = inside[0]
            wanted = label.startswith(family) and label <= backup.label
        else:
            segment = inside[-1]
            wanted = segment.endswith(".history") or (
                segment[8:24] >= backup.wal_start[8:]
            )
        if wanted or inside[-1] in INFOS:
            needed[name] = size
    return needed


def _listed(
    target: Protected, number: int, place: str, report: Report
) -> dict[str, int]:
    ran = call(
        target,
        "repo-ls",
        f"--repo={number}",
        *("--recurse", "--output=json", "--log-level-console=off"),
        config=target.recovery_config(number),
        arguments=(place,),
    )
    report.keep(ran)
    try:
        found = cast("dict[str, dict[str, object]]", json.loads(ran.output))
    except ValueError:
        message = f"{place} could not be listed: {summarise(ran)}"
        raise HoldfastError(message, "The repository was only read.") from None
    return {
        f"{place}/{name}": int(cast("int", about.get("size", 0)))
        for name, about in found.items()
        if about.get("type") == "file"
    }


def _insist_on_room(target: Protected, needed: int) -> None:
    """Refuse what would fill the volume that production may lie on."""
    free = shutil.disk_usage(target.folder).free
    if free < needed:
        raise HoldfastError(
            f"a copy to break, and what is restored from it, need {needed >> 20} MiB; "
            f"{free >> 20} MiB are free",
            "Free some room, or break the drill with wrong-key or no-space.",
        )
