"""Appends of several callers in one write: each gets its own, none pays for another."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.errors import HoldfastError
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Frontier, fold, leaf_hashes
from holdfast.operations.ports.store import (
    Appended,
    Draft,
    LeaseLostError,
    MovedOnError,
    Parcel,
    Settlement,
)
from holdfast.storage.errors import StoreError
from holdfast.storage.memory import MemoryStore
from holdfast.storage.planning import Request
from holdfast.storage.sql import SqlStore
from holdfast.storage.sqlite import _ADD
from holdfast.storage.tables import head

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
LEASE = timedelta(seconds=30)
Call = Callable[[], Appended]


def _draft(key: str, data: bytes | None = None) -> Draft:
    return Draft(key, lambda _: key.encode() if data is None else data)


def _fail(_: datetime) -> bytes:
    raise ZeroDivisionError


def _parcel(key: str) -> Parcel:
    return Parcel(key, "n1", "mail", "person:ana", "{}", NOW)


def _entries(store: SqlStore) -> list[bytes]:
    """Recompute the whole log from outside, and return its entries."""
    size, root = store.root()
    entries = list(store.read(0, size))
    leaves = leaf_hashes(entries)
    assert (len(entries), fold(leaves)) == (size, root)
    assert list(store.leaf_hashes(0, size)) == leaves
    return entries


@pytest.fixture
def store(home) -> Iterator[SqlStore]:
    """Return a store in a database, with one entry, so that it knows where it is."""
    opened = home.open()
    opened.append([_draft("k0")], now=NOW)
    yield opened
    opened.close()


def _together(store: SqlStore, calls: Sequence[Call]) -> list[Future[Appended]]:
    """Have all calls wait behind one write, so that they are the next one."""
    gate, held, groups = threading.Event(), threading.Event(), []
    serve = store._turns._serve

    def spy(group: Sequence[Request]) -> None:
        groups.append(len(group))
        serve(group)

    def hold(_: datetime) -> bytes:
        held.set()
        assert gate.wait(60)
        return b"first"

    store._turns._serve = spy
    with ThreadPoolExecutor(len(calls) + 1) as pool:
        first = pool.submit(store.append, [Draft("first", hold)], now=NOW)
        assert held.wait(60)
        futures = []
        for number, call in enumerate(calls, 1):
            futures.append(pool.submit(call))
            while len(store._turns._waiting) < number:
                time.sleep(0.0005)
        gate.set()
    first.result()
    store._turns._serve = serve
    assert groups == [len(calls)]
    return futures


def test_one_write_serves_many(store: SqlStore) -> None:
    """Callers that wait are written together, in the order in which they came."""
    calls = [
        lambda n=n: store.append([_draft(f"a{n}"), _draft(f"b{n}")], now=NOW)
        for n in range(12)
    ]
    for number, future in enumerate(_together(store, calls)):
        place = 2 + 2 * number
        wanted = Appended(place + 2, (place, place + 1), (True, True))
        assert future.result() == wanted
    assert len(_entries(store)) == 26


def test_a_bad_member_harms_nobody(store: SqlStore) -> None:
    """Each way in which one caller can be wrong is its own; the others are stored."""
    store.append([], now=NOW, parcels=[_parcel(f"p{n}") for n in range(3)])
    lost, live, other = store.claim(now=NOW, lease=LEASE, limit=3)
    store.append([], now=NOW, settlements=[Settlement(lost, "again")])
    delivered = [Settlement(one, "delivered", "r") for one in (live, lost)]
    calls: list[Call] = [
        lambda: store.append([_draft("a")], now=NOW),
        lambda: store.append([_draft("b"), Draft("bad", _fail)], now=NOW),
        lambda: store.append([_draft("big", b"x" * 65_536)], now=NOW),
        lambda: store.append([_draft("c")], now=NOW, expected_size=2),
        lambda: store.append([_draft("d")], now=NOW, expected_size=3),
        lambda: store.append([_draft("e")], now=NOW, settlements=delivered),
        lambda: store.append(
            [_draft("f")],
            now=NOW,
            parcels=[_parcel("p9")],
            settlements=[Settlement(other, "delivered", "r")],
        ),
        lambda: store.append(
            [_draft("a", b"again"), _draft("k0"), _draft("g")], now=NOW
        ),
    ]
    a, b, big, c, d, e, f, g = _together(store, calls)
    assert a.result() == Appended(3, (2,), (True,))
    assert isinstance(b.exception(), ZeroDivisionError)
    assert isinstance(big.exception(), LedgerError)
    assert isinstance(c.exception(), MovedOnError)
    assert d.result() == Appended(4, (3,), (True,))
    assert isinstance(e.exception(), LeaseLostError)
    assert f.result() == Appended(5, (4,), (True,))
    assert g.result() == Appended(6, (2, 0, 5), (False, False, True))
    assert _entries(store) == [b"k0", b"first", b"a", b"d", b"f", b"g"]
    still_open, settled = store.deliveries("n1")
    assert [one.key for one in settled] == [other.parcel.key]
    assert still_open == 3
    store.append([], now=NOW, settlements=[Settlement(live, "delivered", "r")])


def test_what_the_database_refuses_of_one_harms_nobody(store: SqlStore) -> None:
    """Where one caller's values break the statement, each is written by itself."""
    odd = Draft("odd", lambda _: "no bytes")  # type: ignore[arg-type,return-value]
    calls: list[Call] = [
        lambda: store.append([_draft("a")], now=NOW),
        lambda: store.append([odd], now=NOW),
        lambda: store.append([_draft("b")], now=NOW, parcels=[_parcel("p")]),
    ]
    a, bad, b = _together(store, calls)
    assert (a.result().indices, b.result().indices) == ((2,), (3,))
    assert bad.exception() is not None
    assert _entries(store) == [b"k0", b"first", b"a", b"b"]
    assert store.unsettled() == 1


class Breaking:
    """A driver whose commit breaks: ``after`` it was done, or before."""

    def __init__(self, driver: Any, *, after: bool) -> None:
        self._driver = driver
        self._after = after
        self.broke = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def execute(self, statement: str, *values: Any, **named: Any) -> Any:
        """Do a statement of SQLite, or break where it commits."""
        if statement not in {"COMMIT", _ADD}:
            return self._driver.execute(statement, *values, **named)
        if self._after:
            self._driver.execute(statement, *values, **named)
        self.broke += 1
        raise sqlite3.OperationalError("disk I/O error")

    def run(self, statement: str, values: Sequence[bytes]) -> int:
        """Break at a statement of PostgreSQL, each of which commits."""
        if self._after:
            self._driver.run(statement, values)
        self.broke += 1
        raise psycopg.OperationalError("the connection is lost")


@contextmanager
def _breaking(store: Any, *, after: bool) -> Iterator[None]:
    """Have the next commit break; the connection that broke is not used again."""
    name = "_prepared" if hasattr(store, "_prepared") else "_driver"
    plain = getattr(store, name)
    broken = Breaking(plain, after=after)
    setattr(store, name, broken)
    yield
    assert broken.broke == 1
    if getattr(store, name) is broken:
        setattr(store, name, plain)


@pytest.mark.parametrize("after", [False, True])
def test_a_broken_commit_is_told_to_all(store: Any, *, after: bool) -> None:
    """Not stored, or stored and not heard: every caller of the group learns a fault."""
    serve = store._turns._serve

    def serve_group(group: Sequence[Request]) -> None:
        with _breaking(store, after=after):
            serve(group)

    store._turns._serve = serve_group
    keys = [f"k{n}" for n in range(1, 6)]
    calls = [lambda k=k: store.append([_draft(k)], now=NOW) for k in keys]
    futures = _together(store, calls)
    store._turns._serve = serve
    faults = [future.exception() for future in futures]
    assert all(isinstance(fault, StoreError) and fault.hint for fault in faults)
    assert len(set(map(id, faults))) == len(faults)
    stored = _entries(store)[2:]
    assert stored == ([key.encode() for key in keys] if after else [])
    for key in keys:
        answer = store.append([_draft(key)], now=NOW)
        assert answer.fresh == (not after,)
    assert _entries(store)[2:] == [key.encode() for key in keys]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("width", [1, 3])
def test_a_broken_commit_is_told_to_a_lone_caller(
    store: Any, width: int, *, after: bool
) -> None:
    """Who appends alone learns the fault too, may repeat it, and keeps one log."""
    drafts = [_draft(f"a{n}") for n in range(width)]
    with _breaking(store, after=after), pytest.raises(StoreError):
        store.append(drafts, now=NOW)
    assert len(_entries(store)) == 1 + width * after
    again = store.append(drafts, now=NOW)
    assert again.fresh == (not after,) * width
    assert _entries(store)[1:] == [draft.seal(NOW) for draft in drafts]


def test_a_repeat_among_many_costs_a_look_and_no_connection(store: Any) -> None:
    """A key that is there is found the long way, over the connection that is kept."""
    store.append([_draft("k1"), _draft("k2")], now=NOW)
    writer = store._writer
    for place in (3, 4):
        new = _draft(f"k{place}")
        answer = store.append([_draft("k1"), new, _draft("k0"), new], now=NOW)
        assert answer.indices == (1, place, 0, place)
        assert answer.fresh == (False, True, False, False)
    assert store._writer is writer
    assert _entries(store) == [b"k0", b"k1", b"k2", b"k3", b"k4"]


@pytest.mark.parametrize("width", [1, 3])
def test_a_head_that_is_not_where_it_was_is_looked_at(
    store: SqlStore, width: int
) -> None:
    """Where another frontier stands at the same size, entries go on from that one."""
    with store._writing() as connection:
        connection.execute(head.update().values(frontier=bytes(32)))
    drafts = [_draft(f"a{n}") for n in range(width)]
    assert store.append(drafts, now=NOW).size == 1 + width
    front = Frontier(1, (bytes(32),))
    grown = front.extend(leaf_hashes([draft.seal(NOW) for draft in drafts]))
    assert store.root() == (grown.size, grown.root())


def test_a_head_that_is_gone_is_told(store: SqlStore) -> None:
    """Without its head a log is damaged, for readers and writers alike."""
    with store._writing() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER head_stays")
        connection.execute(head.delete())
    drafts = [_draft("a"), _draft("b")]
    for act in (store.size, store.root, lambda: store.append(drafts, now=NOW)):
        with pytest.raises(StoreError, match="has no head") as caught:
            act()
        assert caught.value.hint
    assert store.read(0, 9) == [b"k0"]


def test_an_interrupted_leader_loses_nothing(store: SqlStore) -> None:
    """Ctrl-C in the thread that writes for others is told to them as a fault."""

    def interrupt(_: datetime) -> bytes:
        raise KeyboardInterrupt

    calls: list[Call] = [
        lambda: store.append([Draft("a", interrupt)], now=NOW),
        lambda: store.append([_draft("b")], now=NOW),
    ]
    a, b = _together(store, calls)
    assert isinstance(a.exception(), KeyboardInterrupt)
    assert isinstance(b.exception(), StoreError)
    assert store.append([_draft("b")], now=NOW).fresh == (True,)
    assert _entries(store) == [b"k0", b"first", b"b"]


def test_two_nodes_take_turns(home) -> None:
    """A node that finds the log moved on looks where it is, and appends there."""
    one, other = home.open(), home.open()
    for number in range(12):
        node = (one, other)[number // 2 % 2]
        assert node.append([_draft(f"k{number}")], now=NOW).indices == (number,)
    with pytest.raises(MovedOnError):
        one.append([_draft("late")], now=NOW, expected_size=10)
    assert one.append([_draft("right")], now=NOW, expected_size=12).size == 13
    with pytest.raises(MovedOnError):
        other.append([_draft("late")], now=NOW, expected_size=12)
    assert other.append([_draft("k3")], now=NOW).fresh == (False,)
    assert len(_entries(one)) == 13
    one.close()
    other.close()


# --- Laws --------------------------------------------------------------------------

_NUMBERS = count()
_Drafts = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.binary(max_size=9)), max_size=3
)
_Asked = st.tuples(
    _Drafts,
    st.sampled_from([None, None, None, 0, 1, 2, 3]),
    st.integers(-3, 3),
    st.booleans(),
)


def _request(asked: Any, run: int, base: int) -> dict[str, Any]:
    drafts, expected, seconds, is_bad = asked
    made = [Draft(f"{run}{key}", lambda at, d=d: _sealed(at, d)) for key, d in drafts]
    if is_bad:
        made.append(Draft(f"{run}bad", _fail))
    return {
        "drafts": made,
        "now": NOW + timedelta(seconds=seconds),
        "expected_size": None if expected is None else base + expected,
    }


def _sealed(at: datetime, data: bytes) -> bytes:
    return at.isoformat().encode() + data


def _outcome(call: Callable[[], Appended]) -> object:
    try:
        return call()
    except (HoldfastError, ZeroDivisionError) as fault:
        return str(fault)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(_Asked, min_size=1, max_size=5), max_size=4))
def test_grouped_or_one_by_one_it_is_the_same_log(
    store: SqlStore, groups: list[list[Any]]
) -> None:
    """Requests give the same answers and the same log, in groups, alone, in memory."""
    run = next(_NUMBERS)
    alone = MemoryStore()
    size = store.size()
    for number in range(size):
        data = store.read(number, number + 1)[0]
        alone.append([Draft(f"was{number}", lambda _, d=data: d)], now=NOW)
    store.append([Draft(f"{run}a0", lambda at: _sealed(at, b""))], now=NOW)
    data = store.read(size, size + 1)[0]
    moment = datetime.fromisoformat(data.decode())
    alone.append([Draft(f"{run}a0", lambda _: data)], now=moment)
    for group in groups:
        base = store.size()
        asked = [_request(one, run, base) for one in group]
        if len(asked) == 1:
            together = [_outcome(lambda e=asked[0]: store.append(**e))]
        else:
            requests = [Request(**each) for each in asked]
            store._serve(requests)
            together = [_outcome(request.result) for request in requests]
        singly = [_outcome(lambda e=each: alone.append(**e)) for each in asked]
        assert together == singly
        assert store.root() == alone.root()
    assert len(_entries(store)) == alone.size()
