"""The newest recoverable moment, proven from WAL and not from a setting.

`pg_stat_archiver.last_archived_time` is later than the commits that a segment holds,
so it would promise too much. Two readings are sound:

- the server lives: the first commit that no repository has (`pg_waldump` on what
  follows the newest archived segment). All before it is safe. If there is none, then
  all that was committed before we asked is safe, however long the database is quiet;
- the server is dead: the last commit in the newest archived segment, fetched from the
  repository with its own credentials, decrypted, and read.

Weaker than it looks: commits are stamped just before they are written, so two that
run side by side can stand in WAL in the other order, by milliseconds as a rule.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, cast

from holdfast.engines.account import own_folder, write_private
from holdfast.engines.evidence import Call, Ran, argv_of, run
from holdfast.engines.pgbackrest_command import version
from holdfast.engines.pgbackrest_info import Info
from holdfast.engines.postgresql import ask
from holdfast.engines.protected import Protected
from holdfast.engines.repository import fetch_segment, list_archive
from holdfast.operations.ports.engine import Evidence

LOOK_AHEAD = 64
LOOK_BACK = 8
_COMMIT = re.compile(
    r"desc: COMMIT(?:_PREPARED)? .*?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC"
)
_WAL_NOW = (
    "select clock_timestamp(), pg_walfile_name(pg_current_wal_lsn()),"
    " array(select name from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' order by 1)"
)
_CONTINUES = 0x0001
_WalNow: TypeAlias = tuple[datetime, str, list[str]]


@dataclass(frozen=True, slots=True)
class Proven:
    """A moment before which every commit is in the repository, and the proof."""

    moment: datetime | None
    evidence: tuple[Evidence, ...]


def recoverable_to(protected: Protected, info: Info) -> Proven:
    """Return the newest moment proven recoverable from one repository."""
    assert info.wal_max is not None, "only a repository with WAL proves anything"
    living = _from_server(protected, info.wal_max)
    if living.moment is not None:
        return living
    archived = _from_archive(protected, info)
    return Proven(archived.moment, living.evidence + archived.evidence)


def wal_room(folder: Path) -> tuple[int | None, int | None]:
    """Return how much WAL lies in the server's folder, and how much room is left."""
    try:
        lying = sum(e.stat().st_size for e in os.scandir(folder) if e.is_file())
        return lying, shutil.disk_usage(folder).free
    except OSError:
        return None, None


def commits(dump: str) -> tuple[datetime, ...]:
    """Return the times of the commits in what `pg_waldump` printed."""
    return tuple(
        datetime.fromisoformat(found).replace(tzinfo=UTC)
        for found in _COMMIT.findall(dump)
    )


def _from_server(protected: Protected, wal_max: str) -> Proven:
    asked = ask(protected.cluster, _WAL_NOW, protected.deadlines.statement)
    if asked.rows is None:
        return Proven(None, (asked.evidence,))
    asked_at, current, names = cast("_WalNow", asked.rows[0])
    asked_at = asked_at.astimezone(UTC)
    if current == wal_max:
        return Proven(asked_at, (asked.evidence,))
    tail = [n for n in names if wal_max < n <= current and n[:8] == current[:8]]
    folder = protected.cluster.data / "pg_wal"
    if not tail or len(tail) > LOOK_AHEAD or _begins_inside_a_record(folder / tail[0]):
        return Proven(None, (asked.evidence,))
    evidence = [asked.evidence]
    for name in tail:
        dumped = _dump(protected, folder / name)
        evidence.append(dumped.evidence)
        if found := commits(dumped.output):
            return Proven(min(found), tuple(evidence))
    return Proven(asked_at, tuple(evidence))


def _from_archive(protected: Protected, info: Info) -> Proven:
    number, archive_id = info.repository, str(info.archive_id)
    segments, _, listed = list_archive(protected, number, archive_id)
    evidence = [listed.evidence]
    for name in _backwards(segments)[:LOOK_BACK]:
        segment, proof = fetch_segment(protected, number, archive_id, name)
        evidence += proof
        if segment is None:
            break
        dumped = _dump_fetched(protected, name, segment)
        evidence.append(dumped.evidence)
        if found := commits(dumped.output):
            return Proven(max(found), tuple(evidence))
    return Proven(None, tuple(evidence))


def _backwards(segments: tuple[str, ...]) -> list[str]:
    """Return the way back from the newest segment, down through older timelines.

    What an older timeline wrote after the newer one left it is not on the way.
    """
    way: list[str] = []
    for name in sorted(segments, reverse=True):
        if not way or name[8:] < way[-1][8:]:
            way.append(name)
    return way


def _dump_fetched(protected: Protected, name: str, segment: bytes) -> Ran:
    with tempfile.TemporaryDirectory(dir=own_folder(protected.folder / "wal")) as made:
        # The tools' account must pass through to the folder that is its own.
        Path(made).chmod(0o711)
        folder = own_folder(Path(made) / "got")
        write_private(folder / name, segment)
        return _dump(protected, folder / name)


def _dump(protected: Protected, segment: Path) -> Ran:
    program = protected.cluster.bin_folder / "pg_waldump"
    argv = argv_of(program, "--rmgr=Transaction", segment)
    deadline = protected.deadlines.short
    return run(Call(argv, deadline, protected.folder, version(program)))


def _begins_inside_a_record(segment: Path) -> bool:
    """Say whether a record (perhaps a commit) began in the segment before.

    Such a commit would be lost but not seen in this segment; the header's flag shows
    it, and the archive is read instead.
    """
    try:
        with segment.open("rb") as file:
            _, flags = struct.unpack("=HH", file.read(4))
    except (OSError, struct.error):
        return True
    return bool(flags & _CONTINUES)
