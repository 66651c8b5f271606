"""The contract of `operations.ports.Store`, kept by every store alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.conftest import Home

from holdfast.errors import HoldfastError
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import EMPTY_ROOT, fold, leaf_hashes
from holdfast.ledger.note import Signature
from holdfast.operations.ports.store import (
    Claim,
    ContradictsError,
    Draft,
    LeaseLostError,
    MovedOnError,
    Parcel,
    Settlement,
    Store,
)
from holdfast.storage.errors import StoreError
from holdfast.storage.memory import MemoryStore

NOW = datetime(2026, 11, 2, 9, 30, 0, 123_456, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
APPENDER = Path(__file__).with_name("appender.py")


def _draft(key: str, data: bytes | None = None) -> Draft:
    return Draft(key, lambda _: key.encode() if data is None else data)


def _fill(store: Store, count: int, *, now: datetime = NOW) -> None:
    store.append([_draft(f"k{at}") for at in range(count)], now=now)


def _parcel(key: str, not_before: datetime = NOW, notice: str = "n1") -> Parcel:
    return Parcel(key, notice, "mail", "person:ana", '{"a":1}', not_before)


def _settle(store: Store, settlement: Settlement, now: datetime = NOW) -> None:
    store.append([], now=now, settlements=[settlement])


def _require_sound(store: Store) -> list[bytes]:
    """Recompute the whole log from outside, and return its entries."""
    size, root = store.root()
    entries = list(store.read(0, size))
    leaves = leaf_hashes(entries)
    assert len(entries) == size == store.size()
    assert list(store.leaf_hashes(0, size)) == leaves
    assert fold(leaves) == root
    return entries


# --- Entries -----------------------------------------------------------------------


def test_an_empty_store_is_an_empty_tree(store: Store) -> None:
    """A new store has no entry, no checkpoint, nothing owed."""
    assert store.root() == (0, EMPTY_ROOT)
    assert list(store.read(0, 10)) == []
    assert store.checkpoint() is None
    assert list(store.checkpoints()) == []
    assert store.unsettled() == 0
    assert store.deliveries("n1") == (0, [])


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(st.binary(max_size=60), max_size=4), max_size=5))
def test_append_then_read_is_identity(store: Store, batches: list[list[bytes]]) -> None:
    """What is appended, in batches of any size, is read back byte for byte."""
    start = store.size()
    wanted = []
    for batch in batches:
        at = store.size()
        drafts = [_draft(f"k{at + n}", data) for n, data in enumerate(batch)]
        answer = store.append(drafts, now=NOW)
        assert answer.indices == tuple(range(at, at + len(batch)))
        assert answer.fresh == (True,) * len(batch)
        assert answer.size == at + len(batch)
        wanted += batch
    assert list(store.read(start, start + len(wanted))) == wanted
    _require_sound(store)


def test_ranges_are_clipped(store: Store) -> None:
    """A range is cut to what the log has, on both ends."""
    _fill(store, 5)
    assert list(store.read(3, 99)) == [b"k3", b"k4"]
    assert list(store.read(-2, 1)) == [b"k0"]
    assert list(store.read(2, 2)) == list(store.read(4, 1)) == []
    assert list(store.read(0, -1)) == list(store.leaf_hashes(9, 12)) == []


def test_a_key_is_written_once(store: Store) -> None:
    """A draft whose key exists keeps its place, is not sealed and changes nothing."""
    _fill(store, 3)
    before = store.root()

    def never(_: datetime) -> bytes:
        raise AssertionError

    again = store.append([Draft("k1", never)], now=NOW)
    assert (again.size, again.indices, again.fresh) == (3, (1,), (False,))
    assert store.root() == before
    mixed = store.append([_draft("new"), _draft("k0"), _draft("new", b"x")], now=NOW)
    assert mixed.indices == (3, 0, 3)
    assert mixed.fresh == (True, False, False)
    assert _require_sound(store) == [b"k0", b"k1", b"k2", b"new"]


def test_a_conclusion_needs_the_size_it_was_drawn_from(store: Store) -> None:
    """With another size than expected nothing is written at all, parcels neither."""
    _fill(store, 3)
    for expected in (0, 2, 4):
        with pytest.raises(MovedOnError) as caught:
            store.append(
                [_draft("c")],
                now=NOW,
                expected_size=expected,
                parcels=[_parcel("p")],
            )
        assert (caught.value.expected, caught.value.size) == (expected, 3)
    assert (store.size(), store.unsettled()) == (3, 0)
    answer = store.append([_draft("c")], now=NOW, expected_size=3)
    assert answer.indices == (3,)


def test_recorded_at_never_goes_back(store: Store) -> None:
    """A clock that was set back does not set back the moment of recording."""
    seen = []

    def seal(at: datetime) -> bytes:
        seen.append(at)
        return at.isoformat().encode()

    for number, now in enumerate([NOW, NOW - SECOND, NOW + SECOND, NOW]):
        store.append([Draft(f"k{number}", seal)], now=now)
    assert seen == [NOW, NOW, NOW + SECOND, NOW + SECOND]


def test_the_moment_is_kept_to_the_microsecond(store: Store) -> None:
    """Moments in any zone come back as the same moment, in UTC."""
    late = datetime(2399, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    store.append([], now=NOW, parcels=[_parcel("p", late)])
    [claim] = store.claim(now=late, lease=LEASE)
    assert claim.parcel.not_before == late
    assert claim.expires_at == late + LEASE


def test_the_largest_entry_fits_and_no_larger(store: Store) -> None:
    """An entry of 65,535 bytes is kept; one byte more is refused with all beside it."""
    store.append([_draft("fits", b"x" * 65_535)], now=NOW)
    with pytest.raises(LedgerError, match="65536 bytes is too large"):
        store.append([_draft("a"), _draft("b", b"x" * 65_536)], now=NOW)
    assert store.size() == 1
    _require_sound(store)


@pytest.mark.parametrize("key", ["", "a\0b", "a\nb", "\udc80"])
def test_a_key_is_printable(key: str, store: Store) -> None:
    """A key that some store could not keep is refused by all."""
    with pytest.raises(StoreError, match="not a key"):
        store.append([_draft(key)], now=NOW)
    with pytest.raises(StoreError, match="not a key"):
        store.append([], now=NOW, parcels=[_parcel(key)])


def test_a_failing_seal_leaves_nothing(store: Store) -> None:
    """An exception half-way through a batch leaves no entry, parcel or settlement."""
    _fill(store, 2)
    store.append([], now=NOW, parcels=[_parcel("p0")])
    [claim] = store.claim(now=NOW, lease=LEASE)
    before = store.root()

    def fail(_: datetime) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.append(
            [_draft("a"), Draft("b", fail)],
            now=NOW,
            parcels=[_parcel("p1")],
            settlements=[Settlement(claim, "delivered", "r")],
        )
    assert (store.root(), store.unsettled()) == (before, 1)
    _fill(store, 3)
    _require_sound(store)


# --- The outbox --------------------------------------------------------------------


def test_a_parcel_is_posted_once(store: Store) -> None:
    """A parcel whose key exists stays as it is."""
    first, second = _parcel("p"), _parcel("p", NOW - SECOND, notice="other")
    store.append([], now=NOW, parcels=[first, second])
    store.append([], now=NOW, parcels=[second])
    assert store.unsettled() == 1
    [claim] = store.claim(now=NOW, lease=LEASE, limit=9)
    assert claim == Claim(first, 1, 1, 0, NOW + LEASE)


def test_longest_overdue_goes_first(store: Store) -> None:
    """Due parcels are claimed in the order they fell due, future ones not at all."""
    moments = {"b": -2, "a": -2, "d": 0, "c": -9, "later": 1}
    parcels = [_parcel(key, NOW + SECOND * at) for key, at in moments.items()]
    store.append([], now=NOW, parcels=parcels)
    first = store.claim(now=NOW, lease=LEASE, limit=3)
    assert [claim.parcel.key for claim in first] == ["c", "b", "a"]
    rest = store.claim(now=NOW, lease=LEASE, limit=9)
    assert [claim.parcel.key for claim in rest] == ["d"]
    assert store.claim(now=NOW, lease=LEASE, limit=9) == []
    assert store.claim(now=NOW + SECOND, lease=LEASE, limit=0) == []


def test_a_lease_expires_and_its_holder_is_fenced(store: Store) -> None:
    """After its lease a parcel goes to another; the earlier token writes nothing."""
    store.append([], now=NOW, parcels=[_parcel("p")])
    [first] = store.claim(now=NOW, lease=LEASE)
    assert store.claim(now=NOW + LEASE - SECOND, lease=LEASE) == []
    [second] = store.claim(now=NOW + LEASE, lease=LEASE)
    assert (second.token, second.attempt, second.failures) == (2, 2, 0)
    for outcome in ("delivered", "again", "abandoned"):
        with pytest.raises(LeaseLostError):
            store.append(
                [_draft("fact")],
                now=NOW,
                parcels=[_parcel("q")],
                settlements=[Settlement(first, outcome)],
            )
    assert (store.size(), store.unsettled()) == (0, 1)
    _settle(store, Settlement(second, "delivered", "r"))
    assert store.unsettled() == 0


def test_a_late_holder_may_settle_while_nobody_else_holds_it(store: Store) -> None:
    """A lease that ran out but was not taken over still settles: it was delivered."""
    store.append([], now=NOW, parcels=[_parcel("p")])
    [claim] = store.claim(now=NOW, lease=LEASE)
    _settle(store, Settlement(claim, "delivered", "r"), now=NOW + LEASE * 9)
    assert store.unsettled() == 0


def test_a_failure_is_counted_and_tried_again(store: Store) -> None:
    """'Again' gives the parcel back for later and counts; its token is dead then."""
    store.append([], now=NOW, parcels=[_parcel("p")])
    [claim] = store.claim(now=NOW, lease=LEASE)
    _settle(store, Settlement(claim, "again", not_before=NOW + SECOND))
    with pytest.raises(LeaseLostError):
        _settle(store, Settlement(claim, "delivered", "r"))
    assert store.claim(now=NOW, lease=LEASE) == []
    [claim] = store.claim(now=NOW + SECOND, lease=LEASE)
    assert (claim.token, claim.attempt, claim.failures) == (2, 2, 1)
    assert claim.parcel.not_before == NOW + SECOND
    _settle(store, Settlement(claim, "again"), now=NOW + SECOND)
    [claim] = store.claim(now=NOW + SECOND, lease=LEASE)
    assert (claim.token, claim.attempt, claim.failures) == (3, 3, 2)


def test_an_attempt_of_a_dead_node_shows(store: Store) -> None:
    """A claim that was never settled shows as an attempt above the failures."""
    store.append([], now=NOW, parcels=[_parcel("p")])
    store.claim(now=NOW, lease=LEASE)
    [claim] = store.claim(now=NOW + LEASE, lease=LEASE)
    assert claim.attempt > claim.failures + 1


def test_a_settled_parcel_never_changes(store: Store) -> None:
    """Settled is settled: no claim, no second settlement, no new post."""
    store.append([], now=NOW, parcels=[_parcel("p"), _parcel("q")])
    done, given_up = store.claim(now=NOW, lease=LEASE, limit=2)
    _settle(store, Settlement(done, "delivered", "id-1"), now=NOW + SECOND)
    _settle(store, Settlement(given_up, "abandoned", "no address"), now=NOW)
    wanted = store.deliveries("n1")
    for outcome in ("delivered", "again", "abandoned"):
        with pytest.raises(LeaseLostError):
            _settle(store, Settlement(done, outcome, "other"))
    store.append([], now=NOW, parcels=[_parcel("p")])
    assert store.claim(now=NOW + LEASE * 9, lease=LEASE, limit=9) == []
    assert store.deliveries("n1") == wanted
    count, settled = wanted
    assert count == 0
    shown = [(one.key, one.outcome, one.receipt, one.settled_at) for one in settled]
    assert shown == [
        ("p", "delivered", "id-1", NOW + SECOND),
        ("q", "abandoned", "no address", NOW),
    ]


def test_deliveries_are_those_of_the_notice(store: Store) -> None:
    """A notice's open parcels are counted and its settled ones listed by key."""
    keys = ["b", "Z", "a", "ä"]
    parcels = [_parcel(key) for key in keys]
    store.append([], now=NOW, parcels=[*parcels, _parcel("other", notice="n2")])
    for claim in store.claim(now=NOW, lease=LEASE, limit=4):
        _settle(store, Settlement(claim, "delivered", "r"))
    store.append([], now=NOW, parcels=[_parcel("open")])
    count, settled = store.deliveries("n1")
    assert count == 1
    assert [one.key for one in settled] == ["Z", "a", "b", "ä"]


def test_settling_twice_in_one_append_is_refused(store: Store) -> None:
    """One claim settles once, also within one append."""
    store.append([], now=NOW, parcels=[_parcel("p")])
    [claim] = store.claim(now=NOW, lease=LEASE)
    twice = [Settlement(claim, "again"), Settlement(claim, "delivered", "r")]
    with pytest.raises(LeaseLostError):
        store.append([], now=NOW, settlements=twice)
    _settle(store, Settlement(claim, "delivered", "r"))


def test_settling_a_parcel_that_is_not_there_is_refused(store: Store) -> None:
    """A claim on a parcel that the store does not have settles nothing."""
    with pytest.raises(LeaseLostError):
        _settle(store, Settlement(Claim(_parcel("x"), 1, 1, 0, NOW), "delivered"))


# --- Checkpoints and blobs ---------------------------------------------------------


def test_checkpoints_are_kept_by_size(store: Store) -> None:
    """The largest size is the latest checkpoint, and one size has one note."""
    for size in (5, 300, 20):
        store.save_checkpoint(size, b"note of %d" % size)
    store.save_checkpoint(20, b"note of 20, cosigned")
    store.save_checkpoint(20, b"note of 20")
    assert store.checkpoint() == b"note of 300"
    held = list(store.checkpoints())
    assert held == [
        (5, b"note of 5"),
        (20, b"note of 20, cosigned"),
        (300, b"note of 300"),
    ]
    assert list(store.checkpoints(newest_first=True)) == held[::-1]


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7])
def test_checkpoints_come_page_by_page(
    store: Store, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their number, each comes once, in the order that was asked for."""
    monkeypatch.setattr("holdfast.storage.sql._PAGE", 3)
    held = [(size, b"note of %d" % size) for size in range(count)]
    store.save_checkpoints(held)
    assert list(store.checkpoints()) == held
    assert list(store.checkpoints(newest_first=True)) == held[::-1]


def test_a_checkpoint_takes_the_place_of_another(store: Store) -> None:
    """A checkpoint may replace an earlier one, unless that one was added to."""
    store.save_checkpoint(3, b"three")
    store.save_checkpoint(4, b"four", instead_of=(3, b"three"))
    assert list(store.checkpoints()) == [(4, b"four")]
    store.save_checkpoint(4, b"four, cosigned")
    store.save_checkpoint(5, b"five", instead_of=(4, b"four"))
    assert list(store.checkpoints()) == [(4, b"four, cosigned"), (5, b"five")]


def test_a_checkpoint_between_keeps_one_from_making_room(store: Store) -> None:
    """Where another node's checkpoint came between, both stay."""
    store.save_checkpoint(3, b"three")
    store.save_checkpoint(4, b"four of another node")
    store.save_checkpoint(5, b"five", instead_of=(3, b"three"))
    assert [size for size, _ in store.checkpoints()] == [3, 4, 5]


def test_signatures_of_two_nodes_join_one_checkpoint(store: Store) -> None:
    """Who adds to a checkpoint that was added to meanwhile takes nothing away."""
    text = "origin\n3\nAAAA\n"
    base, one, other = (
        f"{text}\n{''.join(_line(name) for name in names)}".encode()
        for names in (["log"], ["log", "auditor"], ["log", "bank"])
    )
    for note in (base, one, other, base, one):
        store.save_checkpoint(3, note)
    kept = store.checkpoint()
    assert kept == one + _line("bank").encode()
    for wrong in (b"junk", base.replace(b"AAAA", b"BBBB")):
        with pytest.raises(ContradictsError, match="size 3 is kept already"):
            store.save_checkpoint(3, wrong, instead_of=(3, one))
    assert store.checkpoint() == kept


def _line(name: str) -> str:
    return Signature(name, name.encode()[:3] + b"0", bytes(64)).line()


def _writes(home: Home, *statements: str) -> None:
    """Run statements as somebody who goes past the code, in one transaction each."""
    for statement in statements:
        opened = home.open()
        try:
            with opened._writing() as connection:  # type: ignore[attr-defined]
                connection.exec_driver_sql(statement)
        finally:
            opened.close()


REFUSED_OF_CHECKPOINTS = (
    "UPDATE checkpoint SET note = CAST('lie' AS {bytes})",
    "UPDATE checkpoint SET note = CAST('' AS {bytes}) WHERE size = 9",
    "UPDATE checkpoint SET note = CAST('NINE and more' AS {bytes}) WHERE size = 9",
    "UPDATE checkpoint SET size = 10 WHERE size = 9",
    "DELETE FROM checkpoint",
    "DELETE FROM checkpoint WHERE size = 3",
    "DELETE FROM checkpoint WHERE size = 9",
)


def _require_guarded(home: Home) -> None:
    one = home.open()
    for size in (3, 6, 9):
        one.save_checkpoint(size, b"note of %d" % size)
    before = list(one.checkpoints())
    wrong = [each.format(bytes=home.bytes_type) for each in REFUSED_OF_CHECKPOINTS]
    if home.kind == "sqlite":
        wrong.append("REPLACE INTO checkpoint VALUES (3, CAST('lie' AS BLOB))")
    else:
        wrong += ["TRUNCATE checkpoint", "DELETE FROM checkpoint WHERE size = 6"]
    for statement in wrong:
        with pytest.raises(StoreError, match="signed checkpoints are "):
            _writes(home, statement)
        assert list(one.checkpoints()) == before, statement
    one.save_checkpoint(9, b"note of 9, cosigned")
    one.save_checkpoint(12, b"note of 12", instead_of=(9, b"note of 9"))
    one.save_checkpoint(15, b"note of 15", instead_of=(12, b"note of 12"))
    assert [size for size, _ in one.checkpoints()] == [3, 6, 9, 15]
    one.close()


def test_the_database_holds_signed_checkpoints(home: Home) -> None:
    """It refuses to change, delete or replace one; signatures may join it."""
    _require_guarded(home)


def test_an_older_database_is_guarded_when_it_is_opened(home: Home) -> None:
    """Tables that an older Holdfast made get their triggers, and lose nothing."""
    old = home.open()
    old.save_checkpoint(2, b"note of 2")
    old.close()
    names = {
        "sqlite": ("checkpoint_keeps_note", "checkpoint_stays", "checkpoint_is_new"),
        "postgresql": (
            "checkpoint_keeps_note",
            "checkpoint_stays",
            "checkpoint_is_kept",
        ),
    }[home.kind]
    # One transaction, so that no opening in between puts them back.
    table = "" if home.kind == "sqlite" else " ON checkpoint"
    store = home.open()
    with store._writing() as connection:  # type: ignore[attr-defined]
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}{table}")
        connection.exec_driver_sql("UPDATE checkpoint SET size = 1 WHERE size = 2")
    store.close()
    again = home.open()
    assert list(again.checkpoints()) == [(1, b"note of 2")]
    again.close()
    _require_guarded_as_new(home)


def _require_guarded_as_new(home: Home) -> None:
    with pytest.raises(StoreError, match="signed checkpoints are "):
        _writes(home, "DELETE FROM checkpoint")
    with pytest.raises(StoreError, match="signed checkpoints are "):
        _writes(home, "UPDATE checkpoint SET size = 2")


def test_many_checkpoints_come_in_order(home) -> None:
    """More checkpoints than one page holds are all yielded, while others are saved."""
    store = home.open()
    sizes = range(998, 998 + 1_001)
    rows = ", ".join(f"({size}, CAST('x' AS {home.bytes_type}))" for size in sizes)
    with store._writing() as connection:
        connection.exec_driver_sql(f"INSERT INTO checkpoint (size, note) VALUES {rows}")
    seen = []
    for size, note in store.checkpoints():
        store.save_checkpoint(size, b"xy")
        assert note == b"x"
        seen.append(size)
    assert seen == list(sizes)
    store.close()


def test_blobs_are_kept_by_digest(store: Store) -> None:
    """Evidence beside the log is found by its digest, and putting it is repeatable."""
    data = bytes(range(256)) * 1_000
    digest = store.put_blob(data)
    assert digest == store.put_blob(data)
    assert digest.startswith("sha256:")
    assert store.blob(digest) == data
    assert store.blob("sha256:" + "0" * 64) is None


# --- Many at once ------------------------------------------------------------------


def test_threads_append_without_loss(store: Store) -> None:
    """Threads that share a store lose no entry and leave no gap."""

    def work(name: int) -> None:
        for number in range(15):
            store.append([_draft(f"{name}:{number}")], now=NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    entries = _require_sound(store)
    assert sorted(entries) == sorted(
        b"%d:%d" % (name, number) for name in range(8) for number in range(15)
    )


def test_no_conclusion_is_drawn_twice(store: Store) -> None:
    """Of writers that expect one size exactly one succeeds, at every size."""

    def work(name: int) -> int:
        won = 0
        while (size := store.size()) < 40:
            try:
                store.append([_draft(f"{name}:{size}")], now=NOW, expected_size=size)
                won += 1
            except MovedOnError:
                continue
        return won

    with ThreadPoolExecutor(4) as pool:
        won = sum(pool.map(work, range(4)))
    entries = _require_sound(store)
    assert won == len(entries) == 40
    assert [entry.split(b":")[1] for entry in entries] == [b"%d" % n for n in range(40)]


def test_no_parcel_is_claimed_twice(store: Store) -> None:
    """Claimers at the same time never hold the same parcel."""
    store.append([], now=NOW, parcels=[_parcel(f"p{at}") for at in range(60)])

    def work(_: int) -> list[str]:
        mine: list[str] = []
        while claims := store.claim(now=NOW, lease=LEASE, limit=3):
            mine += [claim.parcel.key for claim in claims]
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [key for keys in pool.map(work, range(6)) for key in keys]
    assert sorted(claimed) == sorted(f"p{at}" for at in range(60))


@contextmanager
def _appender(url: str, name: str, share: int) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, str(APPENDER), url, name, str(share)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def _next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _start(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def test_eight_processes_append_without_loss(home) -> None:
    """Eight processes that open one new store at once lose no entry."""
    with ThreadPoolExecutor(8) as pool:

        def work(name: int) -> list[str]:
            with _appender(home.url, f"w{name}", 25) as process:
                assert _next_line(process) == "ready"
                _start(process)
                lines = [_next_line(process) for _ in range(25)]
                assert process.wait(60) == 0
                return lines

        acknowledged = [key for keys in pool.map(work, range(8)) for key in keys]
    store = home.open()
    entries = _require_sound(store)
    store.close()
    assert len(set(acknowledged)) == 200
    assert sorted(acknowledged) == sorted(e.split()[0].decode() for e in entries)
    moments = [entry.split()[1] for entry in entries]
    assert moments == sorted(moments)


def test_a_killed_writer_loses_nothing_acknowledged(home) -> None:
    """After SIGKILL in mid-loop every acknowledged entry is there, and all is sound."""
    acknowledged: list[str] = []
    for round_, after in enumerate((1, 7, 23)):
        with _appender(home.url, f"w{round_}", 10_000) as process:
            assert _next_line(process) == "ready"
            _start(process)
            acknowledged += [_next_line(process) for _ in range(after)]
            process.kill()
            assert process.stdout
            # What it still said before it died was acknowledged too.
            rest = process.stdout.read().split("\n")
            acknowledged += [line for line in rest[:-1] if line]
        store = home.open()
        keys = [entry.split()[0].decode() for entry in _require_sound(store)]
        store.close()
        assert set(acknowledged) <= set(keys)
        # One more per round may have been stored without its word getting out.
        assert len(keys) <= len(acknowledged) + round_ + 1


# --- What the database itself refuses ----------------------------------------------


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("UPDATE entry SET data = 'x' WHERE leaf_index = 1", "sqlite postgresql"),
        ("UPDATE entry SET key = 'x' WHERE leaf_index = 1", "sqlite postgresql"),
        ("DELETE FROM entry WHERE leaf_index = 1", "sqlite postgresql"),
        ("TRUNCATE entry", "postgresql"),
        ("INSERT OR REPLACE INTO entry VALUES (1, 'x', x'78', x'78')", "sqlite"),
        ("INSERT OR REPLACE INTO entry VALUES (9, 'k1', x'78', x'78')", "sqlite"),
        ("REPLACE INTO entry VALUES (2, 'k2', x'78', x'78')", "sqlite"),
        ("REPLACE INTO entry SELECT 9, key, x'78', x'78' FROM entry", "sqlite"),
        ("UPDATE OR REPLACE entry SET key = 'k1' WHERE leaf_index = 2", "sqlite"),
        ("REPLACE INTO head VALUES (1, 1, 0, x'', 0)", "sqlite"),
        ("DELETE FROM head", "sqlite"),
        ("UPDATE entry_row SET data = 'x' WHERE leaf_index = 1", "sqlite"),
        ("DELETE FROM entry_row WHERE leaf_index = 1", "sqlite"),
        ("UPDATE OR REPLACE entry_row SET key = 'k1' WHERE leaf_index = 2", "sqlite"),
        ("INSERT INTO entry_row VALUES (1, 'x', x'78', x'78', 0)", "sqlite"),
        ("UPDATE entry_key SET leaf_index = 2 WHERE key = 'k0'", "sqlite"),
        ("UPDATE OR REPLACE entry_key SET key = 'k2' WHERE key = 'k0'", "sqlite"),
        ("DELETE FROM entry_key WHERE key = 'k0'", "sqlite"),
        ("INSERT INTO entry_key VALUES ('k0', 9)", "sqlite"),
        ("INSERT INTO entry VALUES (1, 'x', x'78', x'78')", "sqlite"),
        ("INSERT INTO entry VALUES (9, 'k1', x'78', x'78')", "sqlite"),
        ("INSERT INTO entry VALUES (1, 'x', 'x', 'x')", "postgresql"),
        ("INSERT INTO entry VALUES (9, 'k1', 'x', 'x')", "postgresql"),
        ("UPDATE outbox SET receipt = 'x' WHERE key = 'p'", "sqlite postgresql"),
        ("UPDATE outbox SET state = 'open' WHERE key = 'p'", "sqlite postgresql"),
    ],
)
def test_the_database_refuses(statement: str, kinds: str, new_home) -> None:
    """Entries and settled deliveries cannot be changed, not even beside Holdfast."""
    for kind in kinds.split():
        store = new_home(kind).open()
        _fill(store, 3)
        store.append([], now=NOW, parcels=[_parcel("p")])
        [claim] = store.claim(now=NOW, lease=LEASE)
        _settle(store, Settlement(claim, "delivered", "r"))
        before = store.root()
        with pytest.raises(StoreError), store._writing() as connection:
            connection.exec_driver_sql(statement)
        assert (store.root(), _require_sound(store)) == (before, [b"k0", b"k1", b"k2"])
        store.close()


# --- Broken writes -----------------------------------------------------------------


def _during_seal(act: Callable[[], None]) -> list[Draft]:
    def seal(_: datetime) -> bytes:
        act()
        return b"sealed"

    return [_draft("before"), Draft("during", seal), _draft("after")]


def test_a_lost_connection_leaves_nothing_and_heals(new_home, postgresql) -> None:
    """A connection cut in mid-write stores nothing; the next call works again."""
    import psycopg

    home = new_home("postgresql")
    store = home.open()
    _fill(store, 3)
    before = store.root()

    def cut() -> None:
        with psycopg.connect(postgresql.url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s",
                (home.url.rpartition("/")[2],),
            )

    with pytest.raises(StoreError) as caught:
        store.append(_during_seal(cut), now=NOW, parcels=[_parcel("p")])
    assert caught.value.hint
    assert (store.root(), store.unsettled()) == (before, 0)
    answer = store.append(_during_seal(lambda: None), now=NOW)
    assert answer.fresh == (True, True, True)
    assert len(_require_sound(store)) == 6
    store.close()


def test_a_full_disk_leaves_nothing_and_heals(new_home) -> None:
    """A write that no longer fits is refused whole, in words; later ones work."""
    store = new_home("sqlite").open()
    _fill(store, 3)
    before = store.root()
    driver = store._writer.connection.dbapi_connection
    pages = driver.execute("PRAGMA page_count").fetchone()[0]
    driver.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    with pytest.raises(StoreError, match="disk of the ledger is full"):
        store.append(
            [_draft("a"), _draft("b", b"x" * 60_000)], now=NOW, parcels=[_parcel("p")]
        )
    assert (store.root(), store.unsettled()) == (before, 0)
    driver.execute("PRAGMA max_page_count = 100000").fetchone()
    store.append([_draft("a")], now=NOW)
    assert _require_sound(store)[-1] == b"a"
    store.close()


def test_a_write_that_was_stored_but_not_heard_is_harmless(store: Store) -> None:
    """When the answer to a stored write is lost, the repeat changes nothing."""
    drafts, parcels = [_draft("a"), _draft("b")], [_parcel("p")]
    store.append(drafts, now=NOW, parcels=parcels)
    before = store.root()
    again = store.append(drafts, now=NOW + SECOND, parcels=parcels)
    assert again.fresh == (False, False)
    assert (store.root(), store.unsettled()) == (before, 1)


def test_a_closed_log_takes_nothing_more(home) -> None:
    """Closed for good, by the database itself: for who has it open, and anew."""
    store, other = home.open(), home.open()
    _fill(store, 3)
    other.append([_draft("theirs")], now=NOW)
    store.append([], now=NOW, parcels=[_parcel("p1"), _parcel("p2")])
    store.close_log()
    store.close_log()
    for each in (store, other, home.open()):
        _require_closed(each)
        assert len(_require_sound(each)) == 4
        each.save_checkpoint(4, b"note")
        assert each.checkpoint() == b"note"
        each.close()


def _require_closed(store: Store) -> None:
    for refused in (
        lambda: store.append([_draft("late")], now=NOW),
        lambda: store.append([_draft("a"), _draft("b")], now=NOW),
        lambda: store.append([_draft("c")], now=NOW, expected_size=4),
        lambda: store.append([], now=NOW, parcels=[_parcel("p3")]),
        lambda: store.claim(now=NOW, lease=LEASE),
    ):
        with pytest.raises(StoreError, match="the log is closed"):
            refused()


def test_a_closed_store_in_memory() -> None:
    """The one in memory refuses the same."""
    store = MemoryStore()
    _fill(store, 3)
    store.close_log()
    with pytest.raises(StoreError, match="the log is closed"):
        store.append([_draft("late")], now=NOW)
    with pytest.raises(StoreError, match="the log is closed"):
        store.claim(now=NOW, lease=LEASE)


def test_a_reopened_store_goes_on(home) -> None:
    """What was written is there after closing, and time still does not go back."""
    store = home.open()
    _fill(store, 300, now=NOW + SECOND)
    store.append([], now=NOW, parcels=[_parcel("p")])
    before = store.root()
    store.close()
    store = home.open()
    assert (store.root(), store.unsettled()) == (before, 1)
    store.append([Draft("late", lambda at: at.isoformat().encode())], now=NOW)
    assert _require_sound(store)[-1] == (NOW + SECOND).isoformat().encode()
    store.close()


def test_an_altered_blob_is_not_handed_out(home) -> None:
    """Evidence that no longer fits its digest is an error, not evidence."""
    store = home.open()
    digest = store.put_blob(b"evidence")
    with store._writing() as connection:
        other = f"CAST('other' AS {home.bytes_type})"
        connection.exec_driver_sql(f"UPDATE blob SET data = {other}")
    with pytest.raises(HoldfastError, match="was altered"):
        store.blob(digest)
    store.close()
