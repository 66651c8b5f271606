"""A repository's archive: what it holds, and where the way through it is broken.

A moment can be restored if every segment from a backup to it is there, on the timeline
that the newest one came from. Which timeline that is at each place stands in the
newest history file; what an older timeline wrote after the newer one left it is not
on the way, and fills no gap.

Weaker than it looks: segments are taken to have PostgreSQL's default of 16 MiB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from holdfast.engines.pgbackrest_command import call
from holdfast.engines.pgbackrest_info import Info
from holdfast.engines.protected import Protected
from holdfast.engines.repository import SEGMENTS_PER_LOG, list_archive
from holdfast.operations.ports.engine import Backup, Evidence

SEGMENT_BYTES = 16 << 20
_SWITCH = re.compile(r"^(\d+)\t([0-9A-F]+)/([0-9A-F]+)\t", re.MULTILINE)
HOLES_SHOWN = 20
HOLES_MOST = 4096


@dataclass(frozen=True, slots=True)
class Archive:
    """What was listed. ``switches``: at which position the newest timeline's ancestors
    were left, oldest first; ``None`` where its history could not be read.
    """

    segments: tuple[str, ...]
    timeline: int
    switches: tuple[tuple[int, int], ...] | None
    evidence: tuple[Evidence, ...]

    def holes_after(self, wal_start: str) -> tuple[str, ...]:
        """Return what is missing on the way from a segment to the newest one.

        Past `HOLES_MOST` nothing is followed: all up to the newest counts as missing.
        (A file of any name may lie in a repository, and the way to it be endless.)
        """
        if self.switches is None:
            return (f"{self.timeline:08X}.history",)
        if not self.segments:
            return (wal_start,)
        have = set(self.segments)
        missing = (name for name in self._way(wal_start) if name not in have)
        holes = tuple(islice(missing, HOLES_MOST))
        newest = max(self.segments, key=place)
        return holes if len(holes) < HOLES_MOST else (*holes, newest)

    def leads_here(self, backup: Backup) -> bool:
        """Say whether the backup lies on the way to the newest segment."""
        return next(self._way(backup.wal_start), None) == backup.wal_start

    def _way(self, wal_start: str) -> Iterator[str]:
        """Yield every segment from there on, each on the timeline that counts."""
        switches = self.switches or ()
        newest = [place(s) for s in self.segments if timeline_of(s) == self.timeline]
        end = max(newest, default=switches[-1][1] - 1 if switches else -1)
        at = place(wal_start)
        for position in range(at, max(end, at) + 1):
            timeline = next((t for t, left in switches if position < left), None)
            yield name_of(timeline or self.timeline, position)


def read_archive(protected: Protected, info: Info) -> Archive:
    """List the archive of a repository that answers, with its own credentials."""
    assert info.archive_id is not None, "a repository that answers has an archive"
    number, archive_id = info.repository, info.archive_id
    segments, histories, ran = list_archive(protected, number, archive_id)
    newest = max((*histories, *(timeline_of(s) for s in segments)), default=1)
    if newest == 1:
        return Archive(segments, newest, (), (ran.evidence,))
    got = call(
        protected,
        "repo-get",
        f"--repo={number}",
        "--log-level-console=off",
        config=protected.recovery_config(number),
        arguments=(f"archive/{protected.stanza}/{archive_id}/{newest:08X}.history",),
    )
    switches = read_history(got.output) if got.exited_well else None
    return Archive(segments, newest, switches, (ran.evidence, got.evidence))


def read_history(text: str) -> tuple[tuple[int, int], ...] | None:
    """Return the timelines that were left and the positions where, oldest first."""
    found = tuple(
        (int(timeline), ((int(high, 16) << 32) + int(low, 16)) // SEGMENT_BYTES)
        for timeline, high, low in _SWITCH.findall(text)
    )
    return found or None


def timeline_of(segment: str) -> int:
    """Return the timeline that wrote the segment."""
    return int(segment[:8], 16)


def place(segment: str) -> int:
    """Return the segment's position in WAL, whatever its timeline."""
    return int(segment[8:16], 16) * SEGMENTS_PER_LOG + int(segment[16:], 16)


def name_of(timeline: int, position: int) -> str:
    """Return the name of the segment at a position of a timeline."""
    log, segment = divmod(position, SEGMENTS_PER_LOG)
    return f"{timeline:08X}{log:08X}{segment:08X}"
