"""The ledger's figures of appending and signing: see `make bench-ledger`.

The peer of an append is the shortest program that inserts the same key and bytes with
the same durability through the same driver: one insert that the driver prepared, and
the commit. It has no leaf hash, no head, no order between writers, no guard against
replacing. The bytes are ready: sealing an event is in neither.
"""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg
from measure import Row, timed

from holdfast.domain.events.governance import NodeStarted
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer, parse_checkpoint
from holdfast.ledger.note import parse_note
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports.store import Draft, Store
from holdfast.runner.signing import Signing
from holdfast.storage.mark import FileMark
from holdfast.storage.opening import open_store
from server import postgresql

# Runs are short and many, so that what else the machine does meets both alike.
RUNS, APPENDS, BATCH, BATCHES = 15, 400, 256, 8
APPENDERS, EACH = 64, 40
SIGNED = 300
ENTRY = b"x" * 200
SECOND = 1_000.0
NOW = datetime(2026, 4, 2, 5, tzinfo=UTC)
KEYS = count()
Work = Callable[[], None]


def rows(*, quick: bool = False) -> list[Row]:
    """Measure all of it; ``quick`` only to see that it runs."""
    runs = 2 if quick else RUNS
    signed = 30 if quick else SIGNED
    found = []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        folder = Path(name)
        with _plain_sqlite(folder) as plain, _opened(_file(folder, "ours")) as store:
            found += [
                _single("SQLite", store, plain, runs, (0.85, 0.95)),
                _batch("SQLite", store, plain, runs, (0.60, 0.75)),
                *_crowd(store, plain, runs),
            ]
        found.append(_signed("SQLite", _file(folder, "signed"), folder, signed))
        with postgresql() as url, _plain_postgresql(url) as plain_pg:
            with _opened(url) as store:
                found += [
                    _single("PostgreSQL", store, plain_pg, runs, (0.75, 0.90)),
                    _batch("PostgreSQL", store, plain_pg, runs, (0.85, 0.95)),
                ]
            found.append(_signed("PostgreSQL", url, folder, signed))
    return found


class Plain:
    """A peer: one insert and its commit, or many rows and one commit."""

    def __init__(self, says: str, one: Work, many: Work, many_says: str) -> None:
        self.says, self.one, self.many, self.many_says = says, one, many, many_says


def _single(
    kind: str, store: Store, plain: Plain, runs: int, held: tuple[float, float]
) -> Row:
    def ours() -> None:
        for _ in range(APPENDS):
            store.append([Draft(f"k{next(KEYS)}", _seal)], now=NOW)

    def theirs() -> None:
        for _ in range(APPENDS):
            plain.one()

    name = f"durable append, one per commit ({kind})"
    return _ratio(name, APPENDS, ours, plain.says, theirs, runs, held)


def _batch(
    kind: str, store: Store, plain: Plain, runs: int, held: tuple[float, float]
) -> Row:
    def ours() -> None:
        for _ in range(BATCHES):
            drafts = [Draft(f"k{next(KEYS)}", _seal) for _ in range(BATCH)]
            store.append(drafts, now=NOW)

    def theirs() -> None:
        for _ in range(BATCHES):
            plain.many()

    name = f"durable append, batches of {BATCH} ({kind})"
    return _ratio(name, BATCH * BATCHES, ours, plain.many_says, theirs, runs, held)


def _crowd(store: Store, plain: Plain, runs: int) -> list[Row]:
    """Many threads, each appending one entry after another."""
    waits: list[list[float]] = []

    def appender(mine: list[float], gate: threading.Barrier) -> None:
        gate.wait()
        for _ in range(EACH):
            began = time.perf_counter()
            store.append([Draft(f"k{next(KEYS)}", _seal)], now=NOW)
            mine.append(time.perf_counter() - began)

    def ours() -> float:
        gate = threading.Barrier(APPENDERS + 1)
        mine: list[float] = []
        threads = [
            threading.Thread(target=appender, args=(mine, gate))
            for _ in range(APPENDERS)
        ]
        for thread in threads:
            thread.start()
        gate.wait()
        began = time.perf_counter()
        for thread in threads:
            thread.join()
        waits.append(mine)
        return time.perf_counter() - began

    def theirs() -> None:
        for _ in range(APPENDS):
            plain.one()

    took, peer_took = [], []
    for _ in range(runs):
        took.append(ours())
        peer_took.append(timed(theirs))
    rate = APPENDERS * EACH / statistics.median(took)
    peer_rate = APPENDS / statistics.median(peer_took)
    name = f"{APPENDERS} threads append at once (SQLite)"
    p99 = statistics.median(_p99(run) for run in waits)
    worst = max(max(run) for run in waits) * SECOND
    return [
        Row(
            name,
            f"one writer, {plain.says}",
            rate,
            peer_rate,
            "a second",
            floor=3,
            aim=6,
            note=f"slowest run {APPENDERS * EACH / max(took):,.0f} a second",
        ),
        Row(
            f"{name}, p99 of one append",
            "",
            p99 * SECOND,
            None,
            "ms",
            floor=20,
            aim=10,
            less=True,
            note=f"longest of all {worst:.1f} ms",
        ),
    ]


def _signed(kind: str, url: str, folder: Path, amount: int) -> Row:
    """From the call of an append to the moment when a kept checkpoint covers it."""
    kept: list[tuple[float, int]] = []
    with _opened(url) as store:
        log = Log(store, "bench", Clock())
        signer = Signer("bench.invalid/log", bytes(32))
        mark = FileMark(folder / f"mark-{kind}")
        notary = Notary(store, signer, mark, Clock())

        def sign() -> None:
            note = notary.sign()
            if note is not None:
                size = parse_checkpoint(parse_note(note).text).size
                kept.append((time.perf_counter(), size))

        signing = Signing(sign, log.grown)
        signing.start()
        draw = random.Random(5)  # noqa: S311 - Any pauses will do.
        asked = []
        for number in range(amount):
            time.sleep(draw.uniform(0.0, 0.04))
            began = time.perf_counter()
            event = NodeStarted(f"node-{kind}-{number}", "1", NOW)
            asked.append((began, log.record([Fact(event, NOW)]).size))
        while not kept or kept[-1][1] < asked[-1][1]:
            time.sleep(0.01)
        signing.stop()
    waits = [
        next(at for at, size in kept if size >= wanted) - began
        for began, wanted in asked
    ]
    return Row(
        f"append until inside a signed checkpoint, p99 ({kind})",
        "",
        _p99(waits) * SECOND,
        None,
        "ms",
        floor=1_000,
        aim=20,
        less=True,
        note=f"half within {statistics.median(waits) * SECOND:.1f} ms,"
        f" the longest {max(waits) * SECOND:.1f} ms, of {amount} up to 40 ms apart",
    )


class Clock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.now(UTC)


def _ratio(  # noqa: PLR0913, PLR0917 - All that a row has.
    name: str,
    amount: int,
    ours: Work,
    peer: str,
    theirs: Work,
    runs: int,
    held: tuple[float, float],
) -> Row:
    """Run both in turn; the note has the worst of the ratios of neighbours."""
    ours()
    theirs()
    took, peer_took = [], []
    for _ in range(runs):
        took.append(timed(ours))
        peer_took.append(timed(theirs))
    pairs = [theirs / ours for ours, theirs in zip(took, peer_took, strict=True)]
    rate, peer_rate = (amount / statistics.median(each) for each in (took, peer_took))
    note = f"{runs} runs, their ratios {min(pairs):.2f} to {max(pairs):.2f}"
    return Row(name, peer, rate, peer_rate, "a second", *held, note=note)


def _seal(_: datetime) -> bytes:
    return ENTRY


def _p99(waits: list[float]) -> float:
    return sorted(waits)[max(int(len(waits) * 0.99) - 1, 0)]


def _file(folder: Path, name: str) -> str:
    return f"sqlite://{folder / name}.sqlite"


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as store:
        yield store


@contextmanager
def _plain_sqlite(folder: Path) -> Iterator[Plain]:
    driver = sqlite3.connect(folder / "plain.sqlite", isolation_level=None)
    driver.execute("PRAGMA journal_mode=WAL")
    driver.execute("PRAGMA synchronous=FULL")
    driver.execute("CREATE TABLE plain (i INTEGER PRIMARY KEY, key TEXT UNIQUE, data)")
    insert = "INSERT INTO plain (key, data) VALUES (?, ?)"

    def one() -> None:
        driver.execute("BEGIN IMMEDIATE")
        driver.execute(insert, (f"k{next(KEYS)}", ENTRY))
        driver.execute("COMMIT")

    def many() -> None:
        driver.execute("BEGIN IMMEDIATE")
        driver.executemany(insert, [(f"k{next(KEYS)}", ENTRY) for _ in range(BATCH)])
        driver.execute("COMMIT")

    with closing(driver):
        says = "plain insert, WAL, synchronous=FULL"
        yield Plain(says, one, many, f"{says}, executemany")


@contextmanager
def _plain_postgresql(url: str) -> Iterator[Plain]:
    with psycopg.connect(url, autocommit=True) as driver:
        driver.execute(
            "CREATE TABLE plain (i bigint PRIMARY KEY, key text UNIQUE, data bytea)"
        )
        numbers = count()
        insert = "INSERT INTO plain (i, key, data) VALUES (%s, %s, %b)"
        unnest = (
            "INSERT INTO plain (i, key, data)"
            " SELECT * FROM unnest(%b::bigint[], %s::text[], %b::bytea[])"
        )

        def one() -> None:
            values = (next(numbers), f"k{next(KEYS)}", ENTRY)
            driver.execute(insert, values, prepare=True)

        def many() -> None:
            columns = (
                [next(numbers) for _ in range(BATCH)],
                [f"k{next(KEYS)}" for _ in range(BATCH)],
                [ENTRY] * BATCH,
            )
            driver.execute(unnest, columns, prepare=True)

        says = "plain prepared insert, autocommit"
        yield Plain(says, one, many, f"{says}, unnest")


if __name__ == "__main__":
    measured = rows(quick="--quick" in sys.argv)
    for row in measured:
        print(" | ".join(row.held_cells()))  # noqa: T201 - A bench speaks.
    table = [{**asdict(row), "ratio": row.ratio, "is": row.judged} for row in measured]
    print(json.dumps(table))  # noqa: T201
