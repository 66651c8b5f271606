"""Prepared statements of PostgreSQL, for appends, where each call counts.

The driver's cursor looks at every value, chooses how to write it and reads a result
that nobody wants; that takes longer than the statement waits for the server. Here the
values come as the bytes that go over the wire (binary format), straight to libpq.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain
from select import POLLIN, POLLOUT, poll
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

TEXT, BYTEA = 25, 17
"""What an array may hold, as PostgreSQL numbers its own types."""

number = struct.Struct("!q").pack
"""A bigint as bytes."""

_array_head = struct.Struct("!iiiii").pack
_length = struct.Struct("!i").pack


def array(kind: int, values: Sequence[bytes]) -> bytes:
    """Return an array of one dimension, not empty and without nulls, as bytes."""
    head = _array_head(1, 0, kind, len(values), 1)
    return head + b"".join(
        chain(*zip(map(_length, map(len, values)), values, strict=True))
    )


class Prepared:
    """One connection's prepared statements; it must be in no transaction of others."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._libpq = connection.pgconn
        self._socket = connection.pgconn.socket
        self._names: dict[str, bytes] = {}
        self._poll = poll()
        self._poll.register(self._socket, POLLIN)
        self.encoding = connection.info.encoding

    def run(self, statement: str, values: Sequence[bytes]) -> int:
        """Carry a statement out and return how many rows it wrote.

        Raises what the driver raises. Waits as the driver does: Ctrl-C is heard, after
        which the connection is of no more use.
        """
        name = self._names.get(statement) or self._prepare(statement)
        self._libpq.send_query_prepared(name, values, (1,) * len(values))
        while self._libpq.flush():
            # The server may want to be heard before it takes the rest.
            sending = poll()
            sending.register(self._socket, POLLIN | POLLOUT)
            sending.poll()
            self._libpq.consume_input()
        while self._libpq.is_busy():
            self._poll.poll()
            self._libpq.consume_input()
        result = self._libpq.get_result()
        while self._libpq.get_result() is not None:
            pass  # Until the end is heard, the connection takes nothing new.
        return self._require(result).command_tuples or 0

    def _prepare(self, statement: str) -> bytes:
        name = f"holdfast_{len(self._names)}".encode()
        self._require(self._libpq.prepare(name, statement.encode()))
        self._names[statement] = name
        return name

    def _require(self, result: PGresult | None) -> PGresult:
        assert result is not None, "what was sent has a result"
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result, self.encoding)
        return result
