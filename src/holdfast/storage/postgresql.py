"""The store in PostgreSQL: any number of equal nodes, no leader.

The one row of ``head`` is locked by each writer in turn; that alone puts entries in
order and makes ``expected_size`` a compare-and-swap. Outbox rows are claimed past each
other. A writer that hangs is cut off by the server, so that the others go on.

A node that wrote last knows where the log stands, and appends in one statement that
the server carries out only if it still stands there. Otherwise the head is locked and
read first: two trips to the server, then one to commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TypeAlias, cast

import psycopg
from sqlalchemy import URL, Connection, create_engine, event, inspect
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from holdfast.storage.edge import Edge
from holdfast.storage.errors import CLOSED, CLOSED_WORDS, StoreError
from holdfast.storage.planning import Rows
from holdfast.storage.prepared import BYTEA, TEXT, Prepared, array, number
from holdfast.storage.sql import SqlStore, driver_fault, fill
from holdfast.storage.tables import METADATA, blob, head, person

CONNECT_SECONDS = 10
LOCK_MILLISECONDS = 30_000
IDLE_SECONDS = 60
REST_SECONDS = 1.0

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

# A signed checkpoint takes signatures on and nothing else. The newest one but one may
# go in the very transaction in which its successor came (`operations.notary`).
_GUARDS = {
    "checkpoint_keeps_note": """
       CREATE OR REPLACE TRIGGER checkpoint_keeps_note BEFORE UPDATE ON checkpoint
       FOR EACH ROW WHEN (NEW.size <> OLD.size
         OR substr(NEW.note, 1, length(OLD.note)) IS DISTINCT FROM OLD.note)
       EXECUTE FUNCTION ledger_refuse('signed checkpoints are only added to')""",
    "checkpoint_stays": """
       CREATE OR REPLACE FUNCTION checkpoint_stays() RETURNS trigger
       LANGUAGE plpgsql AS $$ BEGIN
         IF (SELECT count(*) FROM checkpoint WHERE size > OLD.size) = 1 AND EXISTS (
           SELECT FROM checkpoint WHERE size > OLD.size
             AND xmin = pg_current_xact_id()::xid)
         THEN RETURN OLD; END IF;
         RAISE EXCEPTION USING MESSAGE = 'signed checkpoints are never deleted',
           ERRCODE = 'restrict_violation'; END $$;
       CREATE OR REPLACE TRIGGER checkpoint_stays BEFORE DELETE ON checkpoint
       FOR EACH ROW EXECUTE FUNCTION checkpoint_stays()""",
    "checkpoint_is_kept": """
       CREATE OR REPLACE TRIGGER checkpoint_is_kept BEFORE TRUNCATE ON checkpoint
       EXECUTE FUNCTION ledger_refuse('signed checkpoints are never deleted')""",
}

_CLOSING = (
    f"""CREATE OR REPLACE TRIGGER entry_closed BEFORE INSERT ON entry FOR EACH ROW
       EXECUTE FUNCTION ledger_refuse('{CLOSED}')""",
    f"""CREATE OR REPLACE TRIGGER outbox_closed BEFORE INSERT OR UPDATE ON outbox
       FOR EACH ROW EXECUTE FUNCTION ledger_refuse('{CLOSED}')""",
)

# Whoever waits for the row of the head sees it as it is then: if it moved, the update
# finds no row, and nothing is inserted. Of many keys, none is expected to be there; if
# one is, the whole statement is refused.
_AT_ONCE = """WITH moved AS (
    UPDATE head SET size = $1, frontier = $2, recorded_at = $3
    WHERE size = $4 AND frontier = $5 AND recorded_at <= $3 {unless}
    RETURNING 1)
  INSERT INTO entry (leaf_index, key, data, leaf_hash) SELECT {rows} FROM moved"""
_ONE_AT_ONCE = _AT_ONCE.format(
    unless="AND NOT EXISTS (SELECT FROM entry WHERE key = $6)",
    rows="$4, $6, $7, $8",
)
_MANY_AT_ONCE = _AT_ONCE.format(
    unless="",
    # In step, and a tenth quicker than as a table: nothing is put down in between.
    rows="generate_series($4, $1 - 1), unnest($6::text[]), unnest($7::bytea[]),"
    " unnest($8::bytea[])",
)

_LOCK = "SELECT size, frontier, recorded_at FROM head FOR UPDATE"
_KNOWN = "SELECT key, leaf_index FROM entry WHERE key = ANY(%s)"
_INSERT = """INSERT INTO entry (leaf_index, key, data, leaf_hash)
             SELECT * FROM unnest(%b::bigint[], %s::text[], %b::bytea[], %b::bytea[])"""
_MOVE = "UPDATE head SET size = %s, frontier = %b, recorded_at = %s"


_Driver: TypeAlias = psycopg.Connection[tuple[Any, ...]]


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
        self._writer: Connection | None = None
        self._driver: _Driver | None = None
        self._prepared: Prepared | None = None
        self._written_at = 0.0
        try:
            if create and self._missing() == set(METADATA.tables):
                with self._writing() as connection:
                    _create(connection)
            self._check()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of connections."""
        self._drop_writer()
        super().close()

    def _write_from(self, start: Edge, rows: Rows, recorded_at: int) -> bool:
        def added(encoding: str) -> tuple[bytes, ...]:
            keys = [key.encode(encoding) for key in rows.keys]
            return (
                array(TEXT, keys),
                array(BYTEA, rows.datas),
                array(BYTEA, rows.leaves),
            )

        return self._at_once(_MANY_AT_ONCE, start, recorded_at, added) == len(rows)

    def _write_one(
        self, start: Edge, key: str, data: bytes, leaf: bytes, recorded_at: int
    ) -> bool:
        def added(encoding: str) -> tuple[bytes, ...]:
            return key.encode(encoding), data, leaf

        self._edge = start.grown((leaf,))
        if self._at_once(_ONE_AT_ONCE, start, recorded_at, added) == 1:
            return True
        self._edge = start
        return False

    def _at_once(
        self,
        statement: str,
        start: Edge,
        recorded_at: int,
        added: Callable[[str], tuple[bytes, ...]],
    ) -> int:
        """Move the head from there to `_edge`, and add; return how many were added."""
        to = (number(self._edge.size), self._edge.peaks, number(recorded_at))
        there = (number(start.size), start.peaks)
        with self._speaking():
            assert self._prepared is not None, "it was opened with its connection"
            values = (*to, *there, *added(self._prepared.encoding))
            try:
                return self._prepared.run(statement, values)
            except (psycopg.IntegrityError, psycopg.DataError):
                return 0

    @contextmanager
    def _appending(self) -> Iterator[Connection]:
        with self._speaking() as driver:
            assert self._writer is not None, "it was opened with its driver"
            yield self._writer
            driver.execute("COMMIT")

    @contextmanager
    def _speaking(self) -> Iterator[_Driver]:
        """Use the one connection that is kept for appends; a fault ends it.

        Checking one out and in again would cost as much as the insert. Only one
        thread at a time appends.
        """
        try:
            driver = self._living_driver()
            try:
                yield driver
            except BaseException:
                gone = driver.closed or driver.broken
                self._drop_writer()
                if gone:
                    # Those that rest in the pool went the same way.
                    self._engine.dispose()
                raise
        except self._faults as fault:
            raise self._explain(fault) from None
        self._written_at = monotonic()

    def _living_driver(self) -> _Driver:
        """Return the connection for appends, asked whether it lives if it rested."""
        driver = self._driver
        if driver is not None and monotonic() - self._written_at > REST_SECONDS:
            try:
                driver.execute("SELECT")
            except psycopg.Error:
                self._drop_writer()
                self._engine.dispose()
                driver = None
        if driver is None:
            self._writer = self._reader.connect()
            driver = self._driver = _driver(self._writer)
            self._prepared = Prepared(driver)
        return driver

    def _drop_writer(self) -> None:
        """Close it for good; the server rolls back what it had begun."""
        if self._writer is not None:
            with suppress(*self._faults):
                self._writer.invalidate()
                self._writer.close()
            self._writer = self._driver = self._prepared = None

    def _take_turn(
        self, keys: Sequence[str]
    ) -> tuple[int, bytes, int, Mapping[str, int]]:
        driver = self._spoken
        # One trip to the server, but two statements: the second must see what was
        # written while the first waited for the lock.
        with driver.pipeline():
            driver.execute("BEGIN")
            heads = driver.execute(_LOCK, binary=True)
            found = driver.execute(_KNOWN, (list(keys),)) if keys else None
        end = heads.fetchone()
        if end is None:
            raise self._headless()
        size, peaks, recorded = end
        known: dict[str, int] = dict(found.fetchall()) if found else {}
        return size, peaks, recorded, known

    def _write(self, rows: Rows, recorded_at: int) -> None:
        indices = list(range(rows.start, rows.start + len(rows)))
        columns = (indices, rows.keys, rows.datas, rows.leaves)
        driver = self._spoken
        with driver.pipeline():
            driver.execute(_INSERT, columns)
            to = (self._edge.size, self._edge.peaks, recorded_at)
            driver.execute(_MOVE, to)

    @property
    def _spoken(self) -> _Driver:
        assert self._driver is not None, "a transaction has a driver"
        return self._driver

    def _wipe(self) -> None:
        """Rewrite the small table, and let the rows of the other be overwritten."""
        with self._reading() as connection:
            connection.exec_driver_sql(f"VACUUM FULL {person.name}")
            connection.exec_driver_sql(f"VACUUM {blob.name}")

    def _add(self, connection: Connection) -> None:
        lock = "SELECT pg_advisory_xact_lock(%s)"
        connection.exec_driver_sql(lock, (_CREATION_LOCK,))
        super()._add(connection)

    @property
    def _guards(self) -> Mapping[str, str]:
        return _GUARDS

    def _held_by(self, connection: Connection) -> Collection[str]:
        asked = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'checkpoint'::regclass"
        return connection.exec_driver_sql(asked).scalars().all()

    def _may_guard(self) -> bool:
        asked = (
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class"
            " WHERE oid = 'checkpoint'::regclass"
        )
        with self._reading() as connection:
            return bool(connection.exec_driver_sql(asked).scalar_one())

    @property
    def _closing(self) -> Sequence[str]:
        return _CLOSING

    def _explain(self, fault: Exception) -> StoreError:
        cause = driver_fault(fault)
        said = str(cause).strip().partition("\n")[0]
        if said == CLOSED:
            return StoreError(*CLOSED_WORDS, self._place)
        if self._secret:
            said = said.replace(self._secret, "***")
        return StoreError(*_words(cause, said), self._place)


def _driver(connection: Connection) -> _Driver:
    return cast("_Driver", connection.connection.dbapi_connection)


def _create(connection: Connection) -> None:
    """Create tables and triggers, unless another node was faster."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_CREATION_LOCK,))
    if not inspect(connection).has_table(head.name):
        fill(connection)
        for statement in (*_TRIGGERS, *_GUARDS.values()):
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
