"""Signs of ransomware in a datastore, from what was seen of it; and when it was good.

A sign is no proof: a bulk load writes WAL as an attacker does. So each names its
figures, a person judges, and none is hidden because another is missing. What is usual
is the datastore's own past; without enough of it nothing is called unusual.

Weaker than it looks: whoever encrypts slowly, and leaves our canaries alone, shows only
in a restore test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Literal

from holdfast.domain.events.measure import BackupWeighed, DatastoreMeasured
from holdfast.domain.memory.protection import Datastore

SignName = Literal[
    "canaries", "wal_rate", "backup_growth", "backup_entropy", "invariants"
]

# An hour of looks tells what is usual; of backups, as many as a few days bring.
LOOKS_NEEDED = 12
BACKUPS_NEEDED = 3
# WAL at ten times the usual rate, and so much at once that it is no mere jitter.
WAL_TIMES = 10
WAL_BYTES = 256 << 20
# A datastore that grew by half since the usual backup, or of which a backup that used
# to copy a little now copies most.
GROWTH = 1.5
COPIED_USUALLY, COPIED_NOW = 0.2, 0.5
# What compressed and no longer does: at least half of the way from the usual share to
# none at all. A database of which every row was encrypted came to 74 % (usual: 5 %),
# since its own catalogues still compress.
HALFWAY, STORED_TIMES = 0.5, 1.2
WEIGHABLE = 1 << 20


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign: its figures in words, the entry that carries it, and its moment."""

    name: SignName
    detail: str
    index: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LastGood:
    """The newest moment at which nothing spoke against the data.

    ``untouched_at``: canaries were intact. ``restored_at``: a restore test brought data
    of that moment back and every invariant held. ``None`` where nothing shows it.
    """

    untouched_at: datetime | None
    restored_at: datetime | None


def signs(datastore: Datastore) -> tuple[Sign, ...]:
    """Return what speaks of ransomware now, the earliest sign first."""
    found = (
        *_canaries(datastore.measures),
        *_wal_rate(datastore.measures),
        *_weights(datastore.weights),
        *_invariants(datastore),
    )
    return tuple(sorted(found, key=lambda sign: (sign.at, sign.name, sign.index)))


def last_good(datastore: Datastore, first_sign_at: datetime) -> LastGood:
    """Return the newest moments before the first sign that something vouches for."""
    untouched = [
        measured.at
        for measured, _ in datastore.measures
        if measured.canaries == "intact" and measured.at < first_sign_at
    ]
    restored = [
        drill.started_at
        for drill, _ in datastore.drills
        if drill.passed and drill.sabotage is None and drill.started_at < first_sign_at
    ]
    return LastGood(max(untouched, default=None), max(restored, default=None))


def _canaries(
    measures: Sequence[tuple[DatastoreMeasured, int]],
) -> Iterator[Sign]:
    """Yield the look at which canaries stopped being intact, if they still are not."""
    first: tuple[DatastoreMeasured, int] | None = None
    for measured, index in reversed(measures):
        if measured.canaries in {"intact", None}:
            break
        first = (measured, index)
    if first is not None:
        measured, index = first
        words = f"rows that nobody has a reason to touch are {measured.canaries}"
        yield Sign("canaries", words, index, measured.at)


def _wal_rate(
    measures: Sequence[tuple[DatastoreMeasured, int]],
) -> Iterator[Sign]:
    """Yield the newest stretch if it wrote far more WAL than is usual."""
    stretches = [
        (after.wal_position - before.wal_position, after.at - before.at)
        for (before, _), (after, _) in pairwise(measures)
    ]
    if len(stretches) <= LOOKS_NEEDED:
        return
    *earlier, (written, took) = stretches
    # Where the position fell back, a restore made WAL count from elsewhere.
    rates = [w / t.total_seconds() for w, t in earlier if w >= 0 and t]
    if not rates:
        return
    usual = median(rates) * took.total_seconds()
    if written >= WAL_BYTES and written >= WAL_TIMES * usual:
        words = (
            f"{written >> 20:,} MiB of WAL in {took.total_seconds() / 60:.0f} min, "
            f"usual are {usual / (1 << 20):,.1f} MiB"
        )
        yield Sign("wal_rate", words, measures[-1][1], measures[-2][0].at)


def _weights(weights: Sequence[tuple[BackupWeighed, int]]) -> Iterator[Sign]:
    """Yield what the newest backup of each repository and kind shows."""
    groups: dict[tuple[int, str], list[tuple[BackupWeighed, int]]] = {}
    for weight in weights:
        group = (weight[0].repository, weight[0].kind)
        groups.setdefault(group, []).append(weight)
    for group in sorted(groups):
        *earlier, (newest, index) = groups[group]
        if len(earlier) >= BACKUPS_NEEDED and newest.size_bytes >= WEIGHABLE:
            yield from _weighed([weight for weight, _ in earlier], newest, index)


def _weighed(
    earlier: Sequence[BackupWeighed], newest: BackupWeighed, index: int
) -> Iterator[Sign]:
    at, label = newest.finished_at, f"backup {newest.label}"
    usual_size = max(median(weight.size_bytes for weight in earlier), 1)
    if newest.size_bytes >= GROWTH * usual_size:
        times = newest.size_bytes / usual_size
        words = f"{label}: the datastore is {times:.1f} times its usual size"
        yield Sign("backup_growth", words, index, at)
    usual_share = median(w.copied_bytes / max(w.size_bytes, 1) for w in earlier)
    share = newest.copied_bytes / newest.size_bytes
    if usual_share <= COPIED_USUALLY and share >= COPIED_NOW:
        words = f"{label} copied {share:.0%} of the datastore, usual {usual_share:.0%}"
        yield Sign("backup_growth", words, index, at)
    usual_ratio = median(w.stored_bytes / max(w.copied_bytes, 1) for w in earlier)
    ratio = newest.stored_bytes / max(newest.copied_bytes, 1)
    halfway = usual_ratio + HALFWAY * (1 - usual_ratio)
    if ratio >= halfway and ratio >= STORED_TIMES * usual_ratio:
        words = f"{label} compresses to {ratio:.0%}, usual are {usual_ratio:.0%}"
        yield Sign("backup_entropy", words, index, at)


def _invariants(datastore: Datastore) -> Iterator[Sign]:
    """Yield the newest restore test if the data that it brought back were wrong."""
    honest = [(drill, i) for drill, i in datastore.drills if drill.sabotage is None]
    if not honest:
        return
    drill, index = honest[-1]
    wrong = [each for each in drill.findings if each.startswith("verify: ")]
    if wrong:
        words = f"{drill.drill} restored data that are wrong: {wrong[0]}"
        yield Sign("invariants", words, index, drill.started_at)
