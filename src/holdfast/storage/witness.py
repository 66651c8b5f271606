"""A witness's memory in one SQLite file: the logs it trusts, and what it cosigned.

The file is made once and never by serving: a witness that forgot would cosign a fork.
So where it is lost, or was put back from a copy, the witness's key must be retired.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.ledger.checkpoint import Checkpoint
from holdfast.ledger.note import ED25519, VerifierKey, parse_verifier_key
from holdfast.storage.errors import StoreError

BUSY_SECONDS = 10
_TABLES = (
    """CREATE TABLE trusted (
         origin TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (origin, key))""",
    """CREATE TABLE cosigned (
         origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL)""",
    # A mistake in this program must not make the witness forget either.
    """CREATE TRIGGER cosigned_grows BEFORE UPDATE ON cosigned
       WHEN NEW.origin != OLD.origin OR NEW.size < OLD.size
         OR (NEW.size = OLD.size AND NEW.root != OLD.root)
       BEGIN SELECT RAISE(ABORT, 'what was cosigned never goes back'); END""",
    """CREATE TRIGGER cosigned_stays BEFORE DELETE ON cosigned
       BEGIN SELECT RAISE(ABORT, 'what was cosigned is never forgotten'); END""",
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A log that the witness knows, with the newest checkpoint that it cosigned."""

    origin: str
    keys: tuple[VerifierKey, ...]
    latest: Checkpoint | None


class WitnessStore:
    """The memory, for any number of threads and processes."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise StoreError(
                "the witness has no memory here",
                "Make one with `holdfast witness init`. If it is lost, do not make a "
                "new one for the old key: start a witness with a new key.",
                str(path),
            )
        self._path = path
        self._lock = threading.Lock()
        self._database = self._open()

    @classmethod
    def create(cls, path: Path) -> WitnessStore:
        """Make an empty memory; one that exists is left alone."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as fault:
            raise StoreError(
                f"the witness's memory cannot be made ({fault.strerror})",
                "It is never overwritten: choose another folder, or mend this one.",
                str(path),
            ) from None
        made = cls(path)
        with made._turn() as database:
            for statement in _TABLES:
                database.execute(statement)
        return made

    def trust(self, key: VerifierKey) -> None:
        """Cosign for a log from now on; its origin is its key's name. Repeatable."""
        if key.kind != ED25519:
            raise StoreError(
                "this is not the key of a log",
                "Give the log's verifier key (type 01), not that of a witness.",
                str(key),
            )
        with self._turn() as database:
            database.execute(
                "INSERT OR IGNORE INTO trusted VALUES (?, ?)", (key.name, str(key))
            )

    def logs(self) -> list[Watched]:
        """Return every known log."""
        with self._turn() as database:
            rows = database.execute("SELECT DISTINCT origin FROM trusted ORDER BY 1")
            origins = [str(row[0]) for row in rows.fetchall()]
        return [
            Watched(origin, tuple(self.keys(origin)), self.latest(origin))
            for origin in origins
        ]

    def keys(self, origin: str) -> Sequence[VerifierKey]:
        """Return the keys trusted for a log."""
        with self._turn() as database:
            found = database.execute(
                "SELECT key FROM trusted WHERE origin = ? ORDER BY key", (origin,)
            ).fetchall()
        return [parse_verifier_key(str(row[0])) for row in found]

    def latest(self, origin: str) -> Checkpoint | None:
        """Return the newest cosigned checkpoint of a log."""
        with self._turn() as database:
            return _latest(database, origin)

    def advance(self, before: Checkpoint | None, after: Checkpoint) -> bool:
        """Put ``after`` in the place of ``before``, if that is still the newest."""
        with self._turn() as database:
            if _latest(database, after.origin) != before:
                return False
            if before != after:
                database.execute(
                    "INSERT INTO cosigned VALUES (?, ?, ?) ON CONFLICT (origin) "
                    "DO UPDATE SET size = excluded.size, root = excluded.root",
                    (after.origin, after.size, after.root),
                )
            return True

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _open(self) -> sqlite3.Connection:
        try:
            database = sqlite3.connect(
                self._path,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            database.execute("PRAGMA journal_mode = WAL")
            # A commit returns when it is on the disk: persist before answering.
            database.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as fault:
            raise self._unusable(fault) from None
        return database

    @contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        """One transaction that nobody else writes in."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
            except BaseException as fault:
                with suppress(sqlite3.Error):
                    self._database.rollback()
                if isinstance(fault, sqlite3.Error):
                    raise self._unusable(fault) from None
                raise

    def _unusable(self, fault: sqlite3.Error) -> StoreError:
        return StoreError(
            f"the witness's memory cannot be used ({fault})",
            "Nothing is cosigned until it can. Look at the disk and the file's owner.",
            str(self._path),
        )


def _latest(database: sqlite3.Connection, origin: str) -> Checkpoint | None:
    row = database.execute(
        "SELECT size, root FROM cosigned WHERE origin = ?", (origin,)
    ).fetchone()
    return Checkpoint(origin, int(row[0]), bytes(row[1])) if row else None
