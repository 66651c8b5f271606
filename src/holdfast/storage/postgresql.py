"""The store in PostgreSQL: any number of equal nodes, no leader.

The one row of ``head`` is locked by each writer in turn; that alone puts entries in
order and makes ``expected_size`` a compare-and-swap. Outbox rows are claimed past each
other. A writer that hangs is cut off by the server, so that the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from sqlalchemy import URL, Connection, create_engine, event, inspect
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from holdfast.ledger.merkle import Frontier
from holdfast.storage.errors import StoreError
from holdfast.storage.planning import Row
from holdfast.storage.sql import SqlStore, driver_fault, fill
from holdfast.storage.tables import METADATA, blob, head, person

CONNECT_SECONDS = 10
LOCK_MILLISECONDS = 30_000
IDLE_SECONDS = 60

# Any number does, as long as no other program locks by it in the same database.
_CREATION_LOCK = 0x486F6C6466617374

_TRIGGERS = (
    """CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0],
       ERRCODE = 'restrict_violation'; END $$""",
    """CREATE TRIGGER entry_keeps_data BEFORE UPDATE ON entry FOR EACH ROW
       EXECUTE FUNCTION ledger_refuse('entries are never changed')""",
    """CREATE TRIGGER entry_stays BEFORE DELETE ON entry FOR EACH ROW
       EXECUTE FUNCTION ledger_refuse('entries are never deleted')""",
    """CREATE TRIGGER entry_is_kept BEFORE TRUNCATE ON entry
       EXECUTE FUNCTION ledger_refuse('entries are never deleted')""",
    """CREATE TRIGGER outbox_settled_stays BEFORE UPDATE ON outbox FOR EACH ROW
       WHEN (OLD.state <> 'open')
       EXECUTE FUNCTION ledger_refuse('settled deliveries are never changed')""",
)

_LOCK = "SELECT size, frontier, recorded_at FROM head FOR UPDATE"
_KNOWN = "SELECT key, leaf_index FROM entry WHERE key = ANY(%s)"
_INSERT = """INSERT INTO entry (leaf_index, key, data, leaf_hash)
             SELECT * FROM unnest(%b::bigint[], %s::text[], %b::bytea[], %b::bytea[])"""
_MOVE = "UPDATE head SET size = %s, frontier = %b, recorded_at = %s"


class PostgresqlStore(SqlStore):
    """The `Store` in a PostgreSQL database."""

    def __init__(self, url: URL, *, create: bool = True) -> None:
        self._secret = url.password or ""
        url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(
            url,
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
        event.listen(engine, "connect", _prepare)
        reader = engine.execution_options(isolation_level="AUTOCOMMIT")
        place = url.set(drivername="postgresql", password=None, query={})
        super().__init__(engine, reader, str(place), psycopg.Error)
        try:
            if create and self._missing() == set(METADATA.tables):
                with self._writing() as connection:
                    _create(connection)
            self._check()
        except BaseException:
            self.close()
            raise

    def _take_turn(
        self, connection: Connection, keys: Sequence[str]
    ) -> tuple[int, bytes, int, Mapping[str, int]]:
        driver = _driver(connection)
        # One trip to the server, but two statements: the second must see what was
        # written while the first waited for the lock.
        with driver.pipeline():
            heads = driver.execute(_LOCK, binary=True)
            found = driver.execute(_KNOWN, (list(keys),)) if keys else None
        size, frontier, recorded = heads.fetchall()[0]
        known = dict(found.fetchall()) if found else {}
        return size, frontier, recorded, known

    def _write(
        self,
        connection: Connection,
        rows: Sequence[Row],
        frontier: Frontier,
        recorded_at: int,
    ) -> None:
        columns = (
            [row.index for row in rows],
            [row.key for row in rows],
            [row.data for row in rows],
            [row.leaf for row in rows],
        )
        driver = _driver(connection)
        with driver.pipeline():
            driver.execute(_INSERT, columns)
            driver.execute(_MOVE, (frontier.size, frontier.to_bytes(), recorded_at))

    def _wipe(self) -> None:
        """Rewrite the small table, and let the rows of the other be overwritten."""
        with self._reading() as connection:
            connection.exec_driver_sql(f"VACUUM FULL {person.name}")
            connection.exec_driver_sql(f"VACUUM {blob.name}")

    def _add(self, connection: Connection) -> None:
        lock = "SELECT pg_advisory_xact_lock(%s)"
        connection.exec_driver_sql(lock, (_CREATION_LOCK,))
        super()._add(connection)

    def _explain(self, fault: Exception) -> StoreError:
        cause = driver_fault(fault)
        said = str(cause).strip().partition("\n")[0]
        if self._secret:
            said = said.replace(self._secret, "***")
        return StoreError(*_words(cause, said), self._place)


def _driver(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    driver = connection.connection.dbapi_connection
    return cast("psycopg.Connection[tuple[Any, ...]]", driver)


def _create(connection: Connection) -> None:
    """Create tables and triggers, unless another node was faster."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_CREATION_LOCK,))
    if not inspect(connection).has_table(head.name):
        fill(connection)
        for statement in _TRIGGERS:
            connection.exec_driver_sql(statement)


def _words(cause: Exception, said: str) -> tuple[str, str]:
    """Message and hint for a driver's error."""
    match cause:
        case psycopg.errors.LockNotAvailable():
            return (
                f"another node held the ledger for {LOCK_MILLISECONDS} ms",
                "Look for a node that hangs while it writes, then try again.",
            )
        case psycopg.errors.ReadOnlySqlTransaction():
            return (
                "the server takes no writes",
                "It may be a standby: give the address of the primary.",
            )
        case psycopg.errors.InsufficientPrivilege():
            return (
                f"the server refused: {said}",
                "Grant this user the right to use and create the ledger's tables.",
            )
        case psycopg.OperationalError() if cause.sqlstate is None:
            return (
                f"PostgreSQL cannot be reached: {said}",
                "Check that the server runs, its address, the user and the password.",
            )
        case PoolTimeoutError():
            return (
                "no connection to PostgreSQL came free",
                "Too many threads use one store, or the server does not answer.",
            )
        case _:
            return (
                f"PostgreSQL refused: {said}",
                "The server's own log says more; nothing was written.",
            )


def _prepare(driver: Any, _record: Any) -> None:
    """Promise durability and patience on a new connection, whatever the defaults."""
    settings = (
        f"lock_timeout = {LOCK_MILLISECONDS}",
        f"idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'",
        "application_name = 'holdfast'",
    )
    with driver.cursor() as cursor:
        for setting in settings:
            cursor.execute(f"SET {setting}")
        cursor.execute("SHOW synchronous_commit")
        if cursor.fetchone()[0] == "off":
            cursor.execute("SET synchronous_commit = on")
    driver.commit()
