"""The tables of a store, the same in SQLite and PostgreSQL.

``head`` has one row: whoever holds its lock is the one writer. ``entry`` is numbered
by the tree's leaf index, so that two writers cannot put two entries in one place. In
SQLite the tables are strict: a text where bytes belong is refused by the file itself.
Moments are whole microseconds since 1970, UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

FORMAT = 1
"""The version of these tables; another one is refused, never guessed at."""

METADATA = MetaData()

_Number = BigInteger().with_variant(Integer, "sqlite")

head = Table(
    "head",
    METADATA,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True),
    Column("format", Integer, nullable=False),
    Column("size", _Number, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("recorded_at", _Number, nullable=False),
    sqlite_strict=True,
)

entry = Table(
    "entry",
    METADATA,
    Column("leaf_index", _Number, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    Column("data", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    sqlite_strict=True,
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", _Number, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("notice", Text, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("not_before", _Number, nullable=False),
    Column("lease_until", _Number),
    Column("token", _Number, nullable=False, default=0),
    Column("attempt", _Number, nullable=False, default=0),
    Column("failures", _Number, nullable=False, default=0),
    Column("state", Text, nullable=False, default="open"),
    Column("receipt", Text, nullable=False, default=""),
    Column("settled_at", _Number),
    sqlite_strict=True,
)
Index(
    "outbox_open",
    outbox.c.not_before,
    outbox.c.id,
    sqlite_where=outbox.c.state == "open",
    postgresql_where=outbox.c.state == "open",
)

checkpoint = Table(
    "checkpoint",
    METADATA,
    Column("size", _Number, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
    sqlite_strict=True,
)

blob = Table(
    "blob",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    sqlite_strict=True,
)

person = Table(
    "person",
    METADATA,
    Column("reference", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    sqlite_strict=True,
)

ADDED = frozenset({person.name})
"""Tables that an older Holdfast did not make; they are added where they are missing."""
