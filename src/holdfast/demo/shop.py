"""The small web service that customers of the company in a box use.

An order is acknowledged only after PostgreSQL has committed it. Nothing is kept
between requests, so that the shop is well again the moment the database is. Where the
database is comes from ``HOLDFAST_SHOP_DSN``, never from the command line.
"""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import psycopg
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from holdfast.demo.process import arguments, bind, follow_parent, run, serve
from holdfast.demo.shop_schema import ORDER
from holdfast.errors import HoldfastError

DSN_VARIABLE = "HOLDFAST_SHOP_DSN"
DATABASE_SECONDS_MAX = 2
_JOURNEY = """
SELECT pg_is_in_recovery(), (SELECT id FROM orders ORDER BY id DESC LIMIT 1)
"""
_KNOWN = "SELECT id FROM orders WHERE client_ref = %(client_ref)s"


class Order(BaseModel):
    """What a customer sends."""

    model_config = ConfigDict(extra="forbid")

    client_ref: Annotated[str, Field(min_length=1, max_length=100)]
    payload: dict[str, str | int | float | bool | None] = {}
    amount_cents: Annotated[int, Field(gt=0, lt=10**12)] = 100


def application(dsn: str) -> Starlette:
    """Return the shop: ``POST /orders`` and ``GET /health``."""

    async def take(request: Request) -> Response:
        """Take an order; acknowledge it once it is committed."""
        try:
            order = Order.model_validate_json(await request.body())
        except ValidationError:
            said = {"error": "an order has client_ref, payload and amount_cents"}
            return JSONResponse(said, status_code=422)
        try:
            async with asyncio.timeout(DATABASE_SECONDS_MAX):
                number, fresh = await _insert(dsn, order)
        except (psycopg.Error, TimeoutError):
            return JSONResponse({"error": "try again later"}, status_code=503)
        return JSONResponse({"id": number}, status_code=201 if fresh else 200)

    async def health(request: Request) -> Response:
        """Say whether the customer journey works."""
        del request
        try:
            async with asyncio.timeout(DATABASE_SECONDS_MAX):
                well = await _journey(dsn)
        except (psycopg.Error, TimeoutError):
            return PlainTextResponse("the database is away", status_code=503)
        if not well:
            return PlainTextResponse("orders cannot be taken", status_code=503)
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/orders", take, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ]
    )


async def _connect(dsn: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
    return await psycopg.AsyncConnection.connect(
        dsn, connect_timeout=DATABASE_SECONDS_MAX, application_name="shop"
    )


async def _insert(dsn: str, order: Order) -> tuple[object, bool]:
    """Return the order's number once it is committed, and whether it is new."""
    values = {**order.model_dump(), "payload": Jsonb(order.payload)}
    # Leaving the connection's context commits; only then do we return.
    async with await _connect(dsn) as connection:
        row = await (await connection.execute(ORDER, values)).fetchone()
        if row is not None:
            return row[0], True
        known = await (await connection.execute(_KNOWN, values)).fetchone()
        return (known or (None,))[0], False


async def _journey(dsn: str) -> bool:
    """Whether a customer can see orders and place one, without placing one."""
    async with await _connect(dsn) as connection:
        row = await (await connection.execute(_JOURNEY)).fetchone()
        return row is not None and not row[0]


def main() -> None:
    """Serve until SIGTERM."""
    given = arguments("the shop of the company in a box").parse_args()
    dsn = os.environ.get(DSN_VARIABLE, "")
    if not dsn:
        raise HoldfastError(
            f"{DSN_VARIABLE} is not set",
            "Put the database's connection string into that environment variable.",
        )
    listener = bind(given.port)
    if given.with_parent:
        follow_parent()
    serve(application(dsn), listener)


if __name__ == "__main__":
    run(main)
