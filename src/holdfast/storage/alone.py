"""Whether anybody else has a ledger's database open: what a recovery must know first.

It rewrites what a running node holds in memory, and may seal personal data anew. A node
that starts later finds the note that the recovery is not over (`storage.unfinished`).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from holdfast.storage.errors import StoreError

CONNECT_SECONDS = 10
PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.2

# By its name on each connection; what else is connected is no business of ours.
_OTHERS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'holdfast'
      AND pid <> pg_backend_pid()"""


def require_file_alone(path: Path) -> None:
    """Refuse a SQLite file that another process, or another part of this one, uses."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as here:
            # Whoever reads by the write-ahead log shares its lock until the file is
            # closed; in this mode the lock is not shared.
            here.execute("PRAGMA locking_mode = EXCLUSIVE").close()
            here.execute("BEGIN IMMEDIATE").close()
            here.execute("ROLLBACK").close()
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise _in_use(str(path)) from None
        # Anything else is told by whoever opens it to use it.
    except sqlite3.DatabaseError:
        pass


def require_database_alone(url: URL, place: str) -> None:
    """Refuse a PostgreSQL database to which another Holdfast is connected.

    Of a process that was killed the server lets go only when its last statement ends:
    so it is looked for some seconds.
    """
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )
    end = monotonic() + PATIENCE_SECONDS
    try:
        while True:
            with engine.connect() as connection:
                others = connection.exec_driver_sql(_OTHERS).scalar_one()
            if not others:
                return
            if monotonic() > end:
                break
            sleep(LOOK_SECONDS)
    except SQLAlchemyError:
        return  # Told in its own words by whoever opens it to use it.
    raise _in_use(place)


def _in_use(place: str) -> StoreError:
    return StoreError(
        "the database is in use by a node, a runner or another command",
        "Stop every node and runner of this database first, on other hosts too; then "
        "run the same command again. Nothing was changed.",
        place,
    )
