"""What the running server shows of itself: a heartbeat, replicas, WAL and canaries.

The heartbeat is one row of our own that is committed at each look, so that a quiet
database proves its archiving as a busy one does. Which segment holds it is noted beside
the database, since what is lost with it could not tell. Canaries are rows that nobody
has a reason to touch; their digest is kept beside the database too.

Weaker than it looks: the rows lie in a schema named `holdfast`; who knows the product
can leave them alone.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from holdfast.domain.events.measure import Canaries
from holdfast.engines import jobs
from holdfast.engines.account import own_folder
from holdfast.engines.postgresql import Row, Session, ask, write
from holdfast.engines.protected import Protected
from holdfast.engines.restore import Restored
from holdfast.operations.ports.engine import Measure, Points

NOTES, CANARIES = "heartbeats.json", "canaries.json"
NOTES_KEPT = 300
CANARY_ROWS = 16

_SCHEMA = "create schema if not exists holdfast"
_HEARTBEAT = (
    "create table if not exists holdfast.heartbeat ("
    " one boolean primary key default true check (one),"
    " beat bigint not null, at timestamptz not null)"
)
_CANARY = (
    "create table if not exists holdfast.canary ("
    " id int primary key, name text not null, note text not null)"
)
_BEAT = (
    "insert into holdfast.heartbeat (beat, at) values (1, clock_timestamp())"
    " on conflict (one) do update"
    " set beat = holdfast.heartbeat.beat + 1, at = clock_timestamp()"
    " returning at"
)
_THERE = "select to_regclass('holdfast.heartbeat') is not null"
_COMMITTED = "select pg_walfile_name(pg_current_wal_lsn())"
# Who only fetches WAL (pg_receivewal, a base backup) has nothing replayed, and whoever
# hangs says nothing for longer than a standby is silent; neither would take over.
_SHOWN = (
    "with standbys as (select application_name, state = 'streaming'"
    " and replay_lsn is not null and coalesce("
    "  reply_time > clock_timestamp() - interval '1 minute', false) as streams"
    " from pg_stat_replication)"
    " select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,"
    " (select count(*) from pg_ls_archive_statusdir() where name like '%.ready'),"
    " array(select application_name from standbys where streams order by 1),"
    " array(select application_name from standbys where not streams order by 1)"
)
_CANARIES_THERE = "select to_regclass('holdfast.canary') is not null"
_CANARY_ROWS = "select id::text, name, note from holdfast.canary order by id"


@dataclass(frozen=True, slots=True)
class Beat:
    """A committed heartbeat: its moment, and the segment that holds its commit."""

    at: datetime
    segment: str


@dataclass(frozen=True, slots=True)
class Notes:
    """The heartbeats that were acknowledged, oldest first."""

    beats: tuple[Beat, ...] = ()


@dataclass(frozen=True, slots=True)
class Planted:
    """What the canaries must still say."""

    at: datetime
    digest: str


def measure(
    protected: Protected, points: Points, plant_after: datetime | None = None
) -> Measure | None:
    """Commit a heartbeat, unless settings forbid it, and read what the server shows.

    ``None`` where it does not answer or is a standby. A server that takes no writes
    shows the rest, without a heartbeat.
    """
    own_folder(protected.folder)
    beat = _beat(protected, plant_after) if protected.heartbeat else None
    timeout = protected.deadlines.statement
    shown = ask(protected.cluster, _SHOWN, timeout)
    if shown.rows is None:
        return None
    position, waiting, streaming, others = cast("tuple[Any, ...]", shown.rows[0])
    rows = ask(protected.cluster, _CANARY_ROWS, timeout)
    # A table that is locked or busy is not gone: only its catalogue can say that.
    gone = rows.rows is None and (
        ask(protected.cluster, _CANARIES_THERE, timeout).rows == ((False,),)
    )
    return Measure(
        at=datetime.now(UTC),
        heartbeat_at=beat.at if beat else None,
        recoverable_heartbeat_at=_recoverable(protected, points),
        waiting_segments=int(waiting),
        wal_position=int(position),
        streaming=tuple(streaming),
        not_streaming=tuple(others),
        canaries=_canaries(protected, () if gone else rows.rows),
        # Of the canaries only the verdict is told: their text is nobody's business.
        evidence=(shown.evidence, replace(rows.evidence, output_tail="")),
    )


def _beat(protected: Protected, plant_after: datetime | None) -> Beat | None:
    """Commit the heartbeat and note it; what was planted is seen to first."""

    def work(session: Session) -> Beat:
        if session.execute(_THERE).fetchone() != (True,):
            _create(session)
        _plant(protected, session, plant_after)
        row = session.execute(_BEAT).fetchone()
        held = session.execute(_COMMITTED).fetchone()
        assert row is not None
        assert held is not None
        return Beat(cast("datetime", row[0]).astimezone(UTC), str(held[0]))

    beat = write(protected.cluster, protected.deadlines.statement, work)
    if beat is None:
        return None
    notes = jobs.read(protected.folder / NOTES, Notes) or Notes()
    kept = (*notes.beats[-NOTES_KEPT + 1 :], beat)
    jobs.write(protected.folder / NOTES, Notes(kept))
    return beat


def _create(session: Session) -> None:
    with session.transaction():
        for statement in (_SCHEMA, _HEARTBEAT):
            session.execute(statement)


def _plant(
    protected: Protected, session: Session, plant_after: datetime | None
) -> None:
    """Plant canaries where none were, where a restore went back before them, and where
    a person has seen to those that were touched.
    """
    file = protected.folder / CANARIES
    planted = jobs.read(file, Planted)
    if (
        planted is not None
        and not _went_back_before(protected, planted)
        and (plant_after is None or planted.at > plant_after)
    ):
        return
    rows = [
        (str(number), secrets.token_hex(8), secrets.token_hex(24))
        for number in range(1, CANARY_ROWS + 1)
    ]
    with session.transaction():
        for statement in (_SCHEMA, _CANARY, "delete from holdfast.canary"):
            session.execute(statement)
        with session.cursor() as cursor:
            cursor.executemany(
                "insert into holdfast.canary values (%s, %s, %s)", list(rows)
            )
    jobs.write(file, Planted(datetime.now(UTC), digest_of(rows)))


def _went_back_before(protected: Protected, planted: Planted) -> bool:
    restored = jobs.read(protected.restored_record, Restored)
    return (
        restored is not None
        and restored.at > planted.at
        and restored.recovered_to <= planted.at
    )


def digest_of(rows: Sequence[tuple[str, ...]]) -> str:
    """Return the digest of the canaries' text."""
    return hashlib.sha256(repr(sorted(rows)).encode()).hexdigest()


def _canaries(protected: Protected, rows: tuple[Row, ...] | None) -> Canaries | None:
    """Judge the rows; ``None`` where none were planted, or nobody could look."""
    planted = jobs.read(protected.folder / CANARIES, Planted)
    if planted is None or rows is None:
        return None
    if not rows:
        return "gone"
    told = [tuple(str(value) for value in row) for row in rows]
    return "intact" if digest_of(told) == planted.digest else "changed"


def _recoverable(protected: Protected, points: Points) -> datetime | None:
    """Return the newest heartbeat whose segment every answering repository holds.

    Only on the present timeline: what an older one wrote after the newer left it would
    not come back.
    """
    held = [r.wal_max for r in points.repositories if r.reachable and r.backups]
    if not held or any(name is None for name in held):
        return None
    reach = min(name for name in held if name is not None)
    notes = jobs.read(protected.folder / NOTES, Notes) or Notes()
    newest = notes.beats[-1].segment[:8] if notes.beats else ""
    safe = [
        beat.at
        for beat in notes.beats
        if beat.segment[:8] == newest == reach[:8] and beat.segment <= reach
    ]
    return max(safe, default=None)
