"""What must always be true of the shop's tables: what a restore is judged by."""

from __future__ import annotations

from holdfast.domain.catalogue import Invariant

INVARIANTS = (
    Invariant(
        "every order has two postings that sum to zero",
        """
        SELECT NOT EXISTS (
            SELECT FROM orders LEFT JOIN postings ON postings.order_id = orders.id
            GROUP BY orders.id
            HAVING count(postings.order_id) <> 2 OR sum(postings.amount_cents) <> 0
        )
        """,
    ),
    Invariant(
        "each balance is the sum of its postings",
        """
        SELECT NOT EXISTS (
            SELECT FROM accounts LEFT JOIN postings
                ON postings.account_id = accounts.id
            GROUP BY accounts.id, accounts.balance_cents
            HAVING coalesce(sum(postings.amount_cents), 0) <> accounts.balance_cents
        )
        """,
    ),
    Invariant(
        "revenue is the sum of all orders",
        """
        SELECT (SELECT balance_cents FROM accounts WHERE id = 'revenue')
            = (SELECT coalesce(sum(amount_cents), 0) FROM orders)
        """,
    ),
)
