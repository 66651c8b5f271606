"""The outbox in a database: deliveries posted, claimed by lease, settled by token.

A row is open until it is delivered or abandoned, and never changes after that. A claim
is live from the moment it commits until it is settled or somebody else claims the row:
then the token has grown, and the earlier holder can write nothing any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, func, or_, select, text, true, update

from holdfast.operations.ports.store import (
    HELD,
    Claim,
    Delivered,
    LeaseLostError,
    Parcel,
    Settlement,
)
from holdfast.storage.planning import from_micros, to_micros
from holdfast.storage.tables import outbox

_POST = text(
    "INSERT INTO outbox (key, notice, channel, recipient, payload, not_before,"
    " token, attempt, failures, state, receipt)"
    " VALUES (:key, :notice, :channel, :recipient, :payload, :not_before,"
    " 0, 0, 0, 'open', '') ON CONFLICT (key) DO NOTHING"
)


def post(connection: Connection, parcels: Sequence[Parcel]) -> None:
    """Put parcels in; one whose key is there stays as it is."""
    rows = [
        {
            "key": parcel.key,
            "notice": parcel.notice,
            "channel": parcel.channel,
            "recipient": parcel.recipient,
            "payload": parcel.payload,
            "not_before": to_micros(parcel.not_before),
        }
        for parcel in parcels
    ]
    if rows:
        connection.execute(_POST, rows)


def settle(
    connection: Connection, settlements: Sequence[Settlement], moment: int
) -> None:
    """Write what became of claims; raises unless each claim is live."""
    for settlement in settlements:
        claim = settlement.claim
        live = (
            update(outbox)
            .where(
                outbox.c.key == claim.parcel.key,
                outbox.c.token == claim.token,
                outbox.c.state == "open",
                outbox.c.lease_until.is_not(None),
            )
            .values(lease_until=None)
        )
        match settlement.outcome:
            case "again":
                later = settlement.not_before
                change = live.values(
                    failures=outbox.c.failures + 1,
                    not_before=moment if later is None else to_micros(later),
                )
            case "delivered" | "abandoned" as outcome:
                change = live.values(
                    state=outcome, receipt=settlement.receipt, settled_at=moment
                )
        if connection.execute(change).rowcount != 1:
            raise LeaseLostError(claim.parcel.key)


def claim(
    connection: Connection,
    now: datetime,
    until: datetime,
    limit: int,
    channel: str | None,
) -> Sequence[Claim]:
    """Take due parcels, longest overdue first, past those that others are taking."""
    moment = to_micros(now)
    due = (
        select(outbox.c.id)
        .where(
            outbox.c.state == "open",
            outbox.c.not_before <= moment,
            true() if channel is None else outbox.c.channel == channel,
            or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= moment),
        )
        .order_by(outbox.c.not_before, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    take = (
        update(outbox)
        .where(outbox.c.id.in_(select(due.c.id)))
        .values(
            token=outbox.c.token + 1,
            attempt=outbox.c.attempt + 1,
            lease_until=to_micros(until),
        )
        .returning(outbox)
    )
    rows = connection.execute(take).all()
    # RETURNING promises no order.
    ordered = sorted(rows, key=lambda row: (row.not_before, row.id))
    return [_claim(row, until) for row in ordered]


def hold(connection: Connection, notice: str) -> int:
    """Put a notice's open parcels into quarantine; a live claim on one ends."""
    change = (
        update(outbox)
        .where(outbox.c.notice == notice, outbox.c.state == "open")
        .values(not_before=to_micros(HELD), lease_until=None)
    )
    return connection.execute(change).rowcount


def held(connection: Connection) -> Sequence[Parcel]:
    """Return the parcels in quarantine, oldest first."""
    found = (
        select(outbox)
        .where(outbox.c.state == "open", outbox.c.not_before >= to_micros(HELD))
        .order_by(outbox.c.id)
    )
    return [_parcel(row) for row in connection.execute(found).all()]


def release(connection: Connection, notice: str, now: datetime) -> int:
    """Let a notice's quarantined parcels be delivered."""
    change = (
        update(outbox)
        .where(
            outbox.c.notice == notice,
            outbox.c.state == "open",
            outbox.c.not_before >= to_micros(HELD),
        )
        .values(not_before=to_micros(now))
    )
    return connection.execute(change).rowcount


def unsettled(connection: Connection) -> int:
    """Count the open parcels."""
    open_ones = select(func.count()).where(outbox.c.state == "open")
    return connection.execute(open_ones).scalar_one()


def deliveries(connection: Connection, notice: str) -> tuple[int, Sequence[Delivered]]:
    """Return how many parcels of a notice are open, and the settled ones by key."""
    rows = connection.execute(select(outbox).where(outbox.c.notice == notice)).all()
    settled = [_delivered(row) for row in rows if row.state != "open"]
    # Sorted here, since databases disagree about the order of texts.
    settled.sort(key=lambda one: one.key)
    return len(rows) - len(settled), settled


def _parcel(row: Row[*tuple[object, ...]]) -> Parcel:
    return Parcel(
        key=row.key,
        notice=row.notice,
        channel=row.channel,
        recipient=row.recipient,
        payload=row.payload,
        not_before=from_micros(row.not_before),
    )


def _claim(row: Row[*tuple[object, ...]], until: datetime) -> Claim:
    return Claim(_parcel(row), row.token, row.attempt, row.failures, until)


def _delivered(row: Row[*tuple[object, ...]]) -> Delivered:
    return Delivered(
        key=row.key,
        recipient=row.recipient,
        outcome=row.state,
        attempt=row.attempt,
        failures=row.failures,
        receipt=row.receipt,
        settled_at=from_micros(row.settled_at),
    )
