"""The shop and its customers over a real PostgreSQL, which dies on them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest

from holdfast.demo import shop_schema
from holdfast.demo.customers import NOTES, acknowledged, compare
from holdfast.demo.shop_invariants import INVARIANTS
from holdfast.demo.spawn import Spawned

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("shop")]


def get(url: str, body: object = None) -> tuple[int, str]:
    """Return status and body of a request."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def until(condition: Callable[[], bool]) -> None:
    """Look again until the condition holds, or give up after two minutes."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def invariants(dsn: str) -> list[bool]:
    """Ask each of the shop's invariants."""
    with psycopg.connect(dsn) as connection:
        rows = [connection.execute(i.sql).fetchone() for i in INVARIANTS]
    return [bool(row[0]) for row in rows]


@pytest.fixture
def shop(cluster, tmp_path):
    """Give a running shop with 50 orders in it."""
    shop_schema.create(cluster.dsn, seed_orders=50)
    environment = {"HOLDFAST_SHOP_DSN": cluster.dsn}
    folder = ("--folder", tmp_path)
    with Spawned("shop", *folder, environment=environment, log=tmp_path / "log") as it:
        yield f"http://127.0.0.1:{it.port}"


def test_order_is_there_once_acknowledged(cluster, shop):
    """An order answered 201 is in the database, with both postings and balances."""
    status, body = get(f"{shop}/orders", {"client_ref": "a-1", "payload": {"x": 1}})
    assert (status, json.loads(body)) == (201, {"id": 51})
    assert "a-1" in shop_schema.client_refs(cluster.dsn)
    assert invariants(cluster.dsn) == [True, True, True]


def test_repeated_order_is_one_order(cluster, shop):
    """An order sent again with its reference is known, not taken twice."""
    first = get(f"{shop}/orders", {"client_ref": "a-1"})
    again = get(f"{shop}/orders", {"client_ref": "a-1"})
    assert (first[0], again[0]) == (201, 200)
    assert json.loads(first[1]) == json.loads(again[1])
    assert len(shop_schema.client_refs(cluster.dsn)) == 51


@pytest.mark.parametrize(
    "body", [{}, {"client_ref": ""}, [1], {"client_ref": "a", "x": 1}]
)
def test_bad_order_is_refused_in_words(shop, body):
    """What is no order is answered 422 with what one looks like."""
    status, said = get(f"{shop}/orders", body)
    assert status == 422
    assert "client_ref" in said


@pytest.mark.usefixtures("shop")
def test_invariants_see_a_lost_posting(cluster):
    """Half an order that went missing breaks the invariants."""
    with psycopg.connect(cluster.dsn) as connection:
        connection.execute(
            "DELETE FROM postings WHERE order_id = 7 AND amount_cents > 0"
        )
    assert invariants(cluster.dsn) == [False, False, True]


def test_health_follows_the_database_by_itself(cluster, shop):
    """The shop says 503 while the database is dead, and 200 once it is back."""
    assert get(f"{shop}/health") == (200, "ok")
    cluster.stop()
    assert get(f"{shop}/health") == (503, "the database is away")
    assert get(f"{shop}/orders", {"client_ref": "a-9"})[0] == 503
    cluster.start()
    assert get(f"{shop}/health") == (200, "ok")


def test_customers_note_only_what_survives_a_crash(cluster, shop, tmp_path):
    """Every noted order is in the database after it was killed under load."""
    notes = tmp_path / NOTES
    arguments = ("--folder", tmp_path, "--url", shop, "--rate", "200")
    with Spawned("customers", *arguments, log=tmp_path / "crowd") as crowd:
        until(lambda: len(acknowledged(notes)) > 20)
        cluster.stop()
        cluster.start()
        seen = len(acknowledged(notes))
        until(lambda: len(acknowledged(notes)) > seen + 5)
        assert crowd.stop() == 0
    refs = shop_schema.client_refs(cluster.dsn)
    found = compare(notes, refs, datetime.now(UTC))
    assert found.lost == ()
    assert found.acknowledged == len(acknowledged(notes))
    assert invariants(cluster.dsn) == [True, True, True]
