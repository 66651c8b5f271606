"""What production had committed at the assumed fault, read from outside of it.

The commits stand in production's own WAL. `pg_waldump` reads them from its files, so
nothing is written to production and no setting of it is needed. After the restore, the
commits behind the replayed position are the lost ones: counted, not estimated. Where
the WAL that is still there does not reach back so far, nothing is claimed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from holdfast.engines.evidence import Call, argv_of, run
from holdfast.engines.pgbackrest_command import version
from holdfast.engines.postgresql import ask
from holdfast.engines.protected import Protected
from holdfast.engines.report import Report

SEGMENTS_PER_LOG = 256
SEGMENT_BYTES = 1 << 24
_NOW = (
    "select pg_current_wal_flush_lsn()::text,"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,"
    " array(select name from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' order by 1)"
)
_COMMIT = re.compile(
    r"tx: +(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), .*desc: COMMIT(?:_PREPARED)? .*?"
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC"
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The commits on a timeline between two positions, each with position and time."""

    timeline: int
    since: int
    commits: tuple[tuple[int, datetime], ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """The commits that a restore did not bring back, and the first one's time."""

    commits: int
    first_at: datetime | None


def record(
    protected: Protected, wal_max: str, report: Report, own: frozenset[int]
) -> Recorded | None:
    """Record production's commits from the newest archived segment on.

    Transactions of our ``own`` are nobody's loss, and are left out.

    ``None`` where production does not answer or its WAL cannot be read.
    """
    asked = ask(protected.cluster, _NOW, protected.deadlines.statement)
    report.keep_all((asked.evidence,))
    if asked.rows is None:
        return None
    flushed, timeline, names = cast("tuple[str, int, list[str]]", asked.rows[0])
    reach = position(flushed)
    present = [name for name in names if int(name[:8], 16) == timeline]
    kept = [n for n in present if n[8:] >= wal_max[8:] and start_of(n) < reach]
    if not kept:
        # What was archived is gone from pg_wal, and nothing has come after it.
        since = start_of(wal_max) + SEGMENT_BYTES
        return Recorded(timeline, since, ()) if reach <= since else None
    since = start_of(kept[0])
    program = protected.cluster.bin_folder / "pg_waldump"
    argv = argv_of(
        program,
        *("--rmgr=Transaction", f"--timeline={timeline}"),
        f"--path={protected.cluster.data / 'pg_wal'}",
        f"--start={_text(since)}",
        f"--end={flushed}",
    )
    deadline = protected.deadlines.short
    dumped = report.keep(run(Call(argv, deadline, protected.folder, version(program))))
    if not dumped.exited_well:
        return None
    return Recorded(timeline, since, _commits(dumped.output, reach, own))


def lost(recorded: Recorded | None, timeline: int, replayed_to: int) -> Loss | None:
    """Return what lies behind the replayed position; ``None`` where nobody can tell."""
    if recorded is None or recorded.timeline != timeline:
        return None
    if replayed_to < recorded.since:
        return None
    times = [at for where, at in recorded.commits if where >= replayed_to]
    return Loss(len(times), min(times, default=None))


def position(text: str) -> int:
    """Return a WAL position as a number of bytes."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def _commits(
    dump: str, reach: int, own: frozenset[int]
) -> tuple[tuple[int, datetime], ...]:
    found = (
        (position(lsn), datetime.fromisoformat(at).replace(tzinfo=UTC))
        for xid, lsn, at in _COMMIT.findall(dump)
        if int(xid) not in own
    )
    return tuple((lsn, at) for lsn, at in found if lsn < reach)


def start_of(segment: str) -> int:
    """Return the position at which a segment begins."""
    number = int(segment[8:16], 16) * SEGMENTS_PER_LOG + int(segment[16:], 16)
    return number * SEGMENT_BYTES


def _text(place: int) -> str:
    return f"{place >> 32:X}/{place & 0xFFFFFFFF:X}"
