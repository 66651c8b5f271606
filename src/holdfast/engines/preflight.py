"""Could a restore from this repository work now? Each check by name."""

from __future__ import annotations

import shutil
from pathlib import Path

from holdfast.engines.archive import read_archive
from holdfast.engines.compatible import fit
from holdfast.engines.pgbackrest_command import version
from holdfast.engines.pgbackrest_info import NOTHING_THERE, Info, read_info
from holdfast.engines.postgresql import postmaster
from holdfast.engines.protected import Protected
from holdfast.operations.ports.engine import Evidence, Preflight

Check = tuple[str, bool, str]


def check(protected: Protected, number: int) -> Preflight:
    """Check tools, repository, key, backup, archive, space and target."""
    checks = [_tools(protected)]
    # Asked by a command with a deadline: a look of our own could hang with a mount.
    info = read_info(protected, protected.repository(number).number)
    evidence = info.evidence
    there = info.status != NOTHING_THERE
    checks.append(("repository", there, "reachable" if there else "nothing is there"))
    if there:
        more, evidence = _contents(protected, info)
        checks += more
    checks.append(_target(protected))
    return Preflight(all(ok for _, ok, _ in checks), tuple(checks), evidence)


def _tools(protected: Protected) -> Check:
    backup_tool = version(protected.pgbackrest)
    server = version(protected.cluster.bin_folder / "postgres")
    said = f"{backup_tool}, {server}"
    if not fit(backup_tool, server):
        return "tools", False, f"{said}: not known to work together"
    return "tools", True, said


def _contents(
    protected: Protected, info: Info
) -> tuple[list[Check], tuple[Evidence, ...]]:
    detail = "decrypts the repository" if info.answers else info.message
    checks: list[Check] = [("key", info.answers, detail)]
    evidence = list(info.evidence)
    if not info.good_backups or info.archive_id is None:
        checks.append(("backup", False, "no backup without errors"))
        return checks, tuple(evidence)
    newest = info.good_backups[-1]
    checks.append(("backup", True, newest.label))
    archive = read_archive(protected, info)
    evidence += archive.evidence
    missing = archive.holes_after(newest.wal_start)
    said = f"segment {missing[0]} is missing" if missing else "unbroken"
    checks.append(("archive", not missing, said))
    checks.append(_space(protected, newest.size_bytes))
    return checks, tuple(evidence)


def _space(protected: Protected, needed: int) -> Check:
    folder = protected.cluster.data
    free = shutil.disk_usage(_existing(folder)).free
    return "space", free >= needed, f"{free >> 20} MiB free of {needed >> 20} needed"


def _target(protected: Protected) -> Check:
    pid = postmaster(protected.cluster)
    if pid is not None:
        return "target", False, f"PostgreSQL runs there as process {pid}"
    data = protected.cluster.data
    if data.exists() and any(data.iterdir()):
        return "target", True, "what is left there will be put aside"
    return "target", True, "empty"


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
