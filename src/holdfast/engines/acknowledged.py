"""The recorder: commits rows with numbers of its own, and notes outside of the database
which of them the database acknowledged.

It stands for an application. A note is on disk before the next commit, so what a
disaster lost can be told row by row: what was acknowledged and did not come back is
lost; a lost row with a later one that did come back is a hole, which no crash may
leave; what came back without a note is extra, its answer was lost on the way.

Notes and rows of earlier drills are kept, some thousands: they are in the archive, so
that each drill also shows old commits whole. The rows lie in a schema named `holdfast`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import psycopg

from holdfast.engines.account import own_folder, write_private
from holdfast.engines.postgresql import Row, ask, connect, reason
from holdfast.engines.protected import Cluster, Protected

NOTES = "acknowledged.jsonl"
KEPT = 5000
EVERY_SECONDS = 0.05
XIDS = 1 << 32
ROWS = "select coalesce(array_agg(number), '{}') from holdfast.acknowledged"
_SCHEMA = "create schema if not exists holdfast"
_TABLE = (
    "create table if not exists holdfast.acknowledged"
    " (number bigint primary key, at timestamptz not null)"
)
_THERE = "select to_regclass('holdfast.acknowledged') is not null"
_WRITABLE = "set default_transaction_read_only = off"
_XID = "select pg_current_xact_id()::text::bigint"
_INSERT = (
    "insert into holdfast.acknowledged values (%s, clock_timestamp())"
    " returning pg_current_xact_id()::text::bigint"
)


@dataclass(frozen=True, slots=True)
class Note:
    """A row that the database acknowledged, and when the recorder heard so."""

    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of the rows that were acknowledged before the fault.

    ``newest_at`` is when the newest row that came back was acknowledged.
    """

    acknowledged: int
    lost: int
    holes: int
    extras: int
    newest_at: datetime | None


@dataclass(slots=True)
class Recorder:
    """Commits and notes until it is cut off.

    ``fault`` says why it could not; ``xids`` are its own transactions, which are no
    customer's; ``noticed_at`` is when it missed the database.
    """

    protected: Protected
    fault: str = ""
    noticed_at: datetime | None = None
    xids: set[int] = field(default_factory=set)
    _known: list[Note] = field(default_factory=list)
    _cut: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, beside whatever else the drill does, where rows of ours are wanted."""
        if not self.protected.heartbeat:
            self.fault = "the settings allow no rows of Holdfast's in this database"
            return
        own_folder(self.protected.folder)
        # A commit may hang on a standby that is gone; nothing waits for it then.
        self._thread = threading.Thread(
            target=self._record, name="recorder", daemon=True
        )
        self._thread.start()

    def cut(self) -> None:
        """Take the database from it, and wait until it has noticed."""
        self._cut.set()
        if self._thread is None:
            return
        self._thread.join(self.protected.deadlines.statement.total_seconds())
        if self._thread.is_alive():
            self.fault = "the database does not answer"
        self._thread = None

    def compare(self, back: Iterable[int], until: datetime) -> Compared | None:
        """Hold what was acknowledged ``until`` then against the rows that came back.

        ``None`` where nothing was noted.
        """
        return compared(self._known, back, until) if self._known else None

    def _record(self) -> None:
        timeout = self.protected.deadlines.statement
        notes = self.protected.folder / NOTES
        try:
            with connect(self.protected.cluster, timeout) as session:
                session.execute(_WRITABLE)
                self._known = _reconciled(read_notes(notes), self._prepare(session))
                write_private(notes, "".join(map(_line, self._known)))
                with notes.open("a", encoding="utf-8") as file:
                    number = max((note.number for note in self._known), default=0)
                    while not self._cut.wait(EVERY_SECONDS):
                        number += 1
                        row = session.execute(_INSERT, (number,)).fetchone()
                        assert row is not None
                        # WAL tells a transaction by the low half of its number.
                        self.xids.add(cast("int", row[0]) % XIDS)
                        note = Note(number, datetime.now(UTC))
                        file.write(_line(note))
                        file.flush()
                        os.fsync(file.fileno())
                        self._known.append(note)
        except (psycopg.Error, OSError) as error:
            self.fault = (
                reason(error) if isinstance(error, psycopg.Error) else str(error)
            )
        self.noticed_at = datetime.now(UTC)

    def _prepare(self, session: psycopg.Connection[Row]) -> set[int]:
        """Make the table if there is none, prune it; return the numbers that are left.

        A row without a note is removed: its answer was lost, and it would be counted
        as an extra for ever.
        """
        kept = [note.number for note in read_notes(self.protected.folder / NOTES)]
        with session.transaction():
            if session.execute(_THERE).fetchone() != (True,):
                session.execute(_SCHEMA)
                session.execute(_TABLE)
            session.execute(
                "delete from holdfast.acknowledged where not number = any(%s)",
                (kept[-KEPT:],),
            )
            xid = session.execute(_XID).fetchone()
            rows = session.execute(ROWS).fetchone()
        assert xid is not None
        assert rows is not None
        self.xids.add(cast("int", xid[0]) % XIDS)
        return set(cast("list[int]", rows[0]))


def read_notes(path: Path) -> list[Note]:
    """Read the notes; what follows the last line end was torn and is no promise."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    found = (json.loads(line) for line in lines if line)
    return [Note(n["number"], datetime.fromisoformat(n["at"])) for n in found]


def rows_in(cluster: Cluster, timeout: timedelta) -> tuple[int, ...]:
    """Return the numbers of the recorder's rows in a database; none without table."""
    if ask(cluster, _THERE, timeout).rows != ((True,),):
        return ()
    asked = ask(cluster, ROWS, timeout)
    return tuple(cast("list[int]", asked.rows[0][0])) if asked.rows else ()


def compared(notes: Iterable[Note], back: Iterable[int], until: datetime) -> Compared:
    """Compare, as a function of values."""
    known = list(notes)
    there, noted = set(back), {note.number for note in known}
    promised = [note for note in known if note.at <= until]
    lost = [note.number for note in promised if note.number not in there]
    kept = [note for note in promised if note.number in there]
    newest = max(there & noted, default=0)
    oldest = min(noted, default=0)
    return Compared(
        acknowledged=len(promised),
        lost=len(lost),
        holes=sum(number < newest for number in lost),
        # What is older than every note was pruned here, and may still be in a backup.
        extras=sum(number > oldest for number in there - noted),
        newest_at=max((note.at for note in kept), default=None),
    )


def _reconciled(notes: list[Note], rows: set[int]) -> list[Note]:
    """Drop what production has lost in an earlier, real disaster: it is known."""
    return [note for note in notes[-KEPT:] if note.number in rows]


def _line(note: Note) -> str:
    text = json.dumps({"number": note.number, "at": note.at.isoformat()})
    return f"{text}\n"
