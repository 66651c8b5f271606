"""Could a restore from this repository work now? Each check by name."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from holdfast.engines.archive import read_archive
from holdfast.engines.compatible import fit
from holdfast.engines.pgbackrest_command import version
from holdfast.engines.pgbackrest_info import NOTHING_THERE, Info, read_info
from holdfast.engines.postgresql import is_closed, postmaster
from holdfast.engines.protected import Protected
from holdfast.engines.wal import recoverable_to
from holdfast.operations.ports.engine import Evidence, Preflight

Check = tuple[str, bool, str]


def check(
    protected: Protected, number: int, target: datetime | None = None
) -> Preflight:
    """Check tools, repository, key, backup, archive, space and target."""
    checks = [_tools(protected)]
    # Asked by a command with a deadline: a look of our own could hang with a mount.
    info = read_info(protected, protected.repository(number).number)
    evidence = info.evidence
    there = info.status != NOTHING_THERE
    checks.append(("repository", there, "reachable" if there else "nothing is there"))
    if there:
        more, evidence = _contents(protected, info, target)
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
    protected: Protected, info: Info, target: datetime | None
) -> tuple[list[Check], tuple[Evidence, ...]]:
    detail = "decrypts the repository" if info.answers else info.message
    checks: list[Check] = [("key", info.answers, detail)]
    evidence = list(info.evidence)
    fitting = [
        b for b in info.good_backups if target is None or b.finished_at <= target
    ]
    if not fitting or info.archive_id is None:
        missing = "no backup from before that moment"
        if not info.good_backups:
            missing = "no backup without errors"
        checks.append(("backup", False, missing))
        return checks, tuple(evidence)
    newest = fitting[-1]
    checks.append(("backup", True, newest.label))
    archive = read_archive(protected, info)
    evidence += archive.evidence
    holes = archive.holes_after(newest.wal_start)
    said = f"segment {holes[0]} is missing" if holes else "unbroken"
    checks.append(("archive", not holes, said))
    if target is not None:
        moment, more = _moment(protected, info, target)
        checks.append(moment)
        evidence += more
    checks.append(_space(protected, newest.size_bytes))
    return checks, tuple(evidence)


def _moment(
    protected: Protected, info: Info, target: datetime
) -> tuple[Check, tuple[Evidence, ...]]:
    """Say whether recovery will meet a commit that is later than its target.

    Without one PostgreSQL replays everything and then gives up, hours later.
    """
    if info.wal_max is None:
        return ("moment", False, "nothing is archived"), ()
    proven = recoverable_to(protected, info)
    if proven.moment is None:
        return ("moment", True, "not known: no commit in the newest segments"), ()
    reach = f"{proven.moment:%Y-%m-%d %H:%M:%S.%f} UTC"
    good = target < proven.moment
    said = f"the last archived commit is of {reach}"
    return ("moment", good, said), proven.evidence


def _space(protected: Protected, needed: int) -> Check:
    folder = protected.cluster.data
    free = shutil.disk_usage(_existing(folder)).free
    return "space", free >= needed, f"{free >> 20} MiB free of {needed >> 20} needed"


def _target(protected: Protected) -> Check:
    pid = postmaster(protected.cluster)
    if pid is not None and is_closed(protected.cluster):
        return "target", True, "a restored server that nobody opened; it is stopped"
    if pid is not None:
        return "target", False, f"PostgreSQL runs there as process {pid}: stop it first"
    data = protected.cluster.data
    if data.exists() and any(data.iterdir()):
        return "target", True, "what is left there will be put aside"
    return "target", True, "empty"


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
