"""The shop's tables.

Each order moves money between two accounts, so that a database that lost or doubled
half a transaction shows it, by the invariants of `shop_invariants`.
"""

from __future__ import annotations

import psycopg

CUSTOMERS = "customers"
REVENUE = "revenue"

_TABLES = """
CREATE TABLE accounts (
    id text PRIMARY KEY,
    balance_cents bigint NOT NULL DEFAULT 0
);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref text NOT NULL UNIQUE,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX orders_by_time ON orders (created_at);
CREATE TABLE postings (
    order_id bigint NOT NULL REFERENCES orders (id),
    account_id text NOT NULL REFERENCES accounts (id),
    amount_cents bigint NOT NULL,
    PRIMARY KEY (order_id, account_id)
);
INSERT INTO accounts (id) VALUES ('customers'), ('revenue');
"""

_SEED = """
WITH fresh AS (
    INSERT INTO orders (client_ref, amount_cents, payload)
    SELECT 'seed-' || n, 100 + n %% 9900, jsonb_build_object('item', 'book ' || n)
    FROM generate_series(1, %s) AS n
    RETURNING id, amount_cents
), posted AS (
    INSERT INTO postings (order_id, account_id, amount_cents)
    SELECT id, account_id, sign * amount_cents
    FROM fresh CROSS JOIN (VALUES ('customers', -1), ('revenue', 1))
        AS side (account_id, sign)
    RETURNING account_id, amount_cents
)
UPDATE accounts SET balance_cents = balance_cents + moved.total
FROM (SELECT account_id, sum(amount_cents) AS total FROM posted GROUP BY 1) AS moved
WHERE accounts.id = moved.account_id
"""

ORDER = """
WITH fresh AS (
    INSERT INTO orders (client_ref, amount_cents, payload)
    VALUES (%(client_ref)s, %(amount_cents)s, %(payload)s)
    ON CONFLICT (client_ref) DO NOTHING
    RETURNING id, amount_cents
), posted AS (
    INSERT INTO postings (order_id, account_id, amount_cents)
    SELECT id, account_id, sign * amount_cents
    FROM fresh CROSS JOIN (VALUES ('customers', -1), ('revenue', 1))
        AS side (account_id, sign)
    RETURNING account_id, amount_cents
), moved AS (
    UPDATE accounts SET balance_cents = balance_cents + posted.amount_cents
    FROM posted WHERE accounts.id = posted.account_id
)
SELECT id FROM fresh
"""


def create(dsn: str, *, seed_orders: int = 1000) -> None:
    """Create the tables and put the first orders in, in one transaction."""
    with psycopg.connect(dsn) as connection:
        connection.execute(_TABLES)
        connection.execute(_SEED, (seed_orders,))


def client_refs(dsn: str) -> frozenset[str]:
    """Return the reference of every order in the database."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT client_ref FROM orders").fetchall()
    return frozenset(ref for (ref,) in found)
