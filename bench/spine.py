"""The figures of the spine, each against a named peer in the same run: `make bench`.

Prints a table and writes it into docs/performance.md between its two marks, with a
description of the machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from measure import Row, compare, machine, table, write_page

from holdfast.demo import northwind
from holdfast.domain.decide import decide
from holdfast.domain.policy.compiler import compile_policy
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.postgresql import postmaster
from holdfast.engines.provision import (
    Layout,
    create_cluster,
    create_stanza,
    lay_out,
    start_cluster,
    stop_cluster,
)
from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.note import parse_verifier_key
from holdfast.ledger.verify import verify_log
from holdfast.operations.govern import Texts
from holdfast.operations.ports.engine import Finished, Job
from holdfast.operations.ports.store import Draft
from holdfast.simulation.run import Outage, begin, run
from holdfast.storage.folder import Folder, export
from holdfast.storage.memory import MemoryStore
from holdfast.storage.opening import open_store

ENTRY = b"x" * 200
APPENDS = 300
VERIFIED = 200_000
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
NOW = datetime(2026, 4, 2, 5, tzinfo=UTC)


def main() -> None:
    """Measure everything, print it, and write it down."""
    with _folder() as folder:
        rows = [
            _append(folder),
            _verify(folder),
            _compile(),
            _decide(folder),
            _restore(folder),
        ]
    head = ("Figure", "Holdfast", "Peer", "Ratio", "The peer")
    text = f"{table(head, [row.cells() for row in rows])}\n\n{machine()}\n"
    print(text)  # noqa: T201 - A bench speaks.
    write_page(text, BEGIN, END)


def _append(folder: Path) -> Row:
    """Durable append, one per commit, against a plain insert of the same bytes."""
    store = open_store(f"sqlite:///{folder / 'ours.sqlite'}")
    plain = sqlite3.connect(folder / "plain.sqlite", isolation_level=None)
    plain.execute("PRAGMA journal_mode=WAL")
    plain.execute("PRAGMA synchronous=FULL")
    plain.execute("CREATE TABLE entry (i INTEGER PRIMARY KEY, key TEXT UNIQUE, data)")
    keys = count()

    def ours() -> None:
        for _ in range(APPENDS):
            store.append([Draft(f"k{next(keys)}", lambda _: ENTRY)], now=NOW)

    def theirs() -> None:
        for _ in range(APPENDS):
            plain.execute("BEGIN IMMEDIATE")
            insert = "INSERT INTO entry (key, data) VALUES (?, ?)"
            plain.execute(insert, (f"k{next(keys)}", ENTRY))
            plain.execute("COMMIT")

    with closing(store), closing(plain):
        return compare(
            "durable append, one per commit (SQLite)",
            "a second",
            APPENDS,
            ours,
            "plain insert, WAL, synchronous=FULL",
            theirs,
        )


def _verify(folder: Path) -> Row:
    """Verify a published log from disk, against hashing alone in C."""
    store = MemoryStore()
    numbers = iter(range(VERIFIED))
    drafts = [Draft(f"k{n}", lambda _: ENTRY) for n in numbers]
    store.append(drafts, now=NOW)
    signer = Signer("bench.invalid/log", bytes(32))
    size, root = store.root()
    note = signer.sign(Checkpoint(signer.name, size, root).text())
    store.save_checkpoint(size, note)
    export(store, folder / "log")
    keys = [parse_verifier_key(signer.verifier_key)]

    def ours() -> None:
        verify_log(Folder(folder / "log"), keys)

    def theirs() -> None:
        for _ in range(VERIFIED):
            hashlib.sha256(b"\x00" + ENTRY).digest()
            hashlib.sha256(b"\x01" + bytes(64)).digest()

    return compare(
        f"verify {VERIFIED:,} entries from disk",
        "entries a second",
        VERIFIED,
        ours,
        "two SHA-256 an entry, one core",
        theirs,
    )


def _compile() -> Row:
    """Compile the example policy, against parsing its Markdown alone."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - Only the peer needs it.

    text = northwind.policy_text()
    parser = MarkdownIt().enable("table")
    return compare(
        "compile the example policy",
        "a second",
        20,
        lambda: [compile_policy(text) for _ in range(20)] and None,
        "markdown-it-py alone",
        lambda: [parser.parse(text) for _ in range(20)] and None,
    )


def _decide(folder: Path) -> Row:
    """Decide with one incident behind us, against one durable append."""
    northwind.write_resilience(folder / "resilience", 8080)
    texts = Texts(
        *(
            (folder / "resilience" / name).read_text(encoding="utf-8")
            for name in ("policy.md", "catalogue.toml", "overlay.toml")
        )
    )
    simulation = begin(texts, "ana", NOW)
    outage = Outage(northwind.SERVICE, timedelta(minutes=5), timedelta(hours=2))
    run(simulation, [outage], timedelta(hours=3))
    situation = simulation.situation()
    store = open_store(f"sqlite:///{folder / 'decide.sqlite'}")
    keys = count()

    def theirs() -> None:
        for _ in range(100):
            store.append([Draft(f"k{next(keys)}", lambda _: ENTRY)], now=NOW)

    with closing(store):
        return compare(
            "decide, one incident known",
            "a second",
            100,
            lambda: [decide(situation) for _ in range(100)] and None,
            "one durable append",
            theirs,
        )


def _restore(folder: Path) -> Row:
    """Restore until it takes writes, against copying the same data directory."""
    layout = Layout("bench", folder / "bench", _port(), folder / "vault")
    folder.chmod(0o711)
    protected = lay_out(layout)
    create_cluster(protected, rpo=timedelta(hours=1))
    start_cluster(protected)
    create_stanza(protected)
    engine = PgBackRest(folder / "engine", (protected,))
    _finish(engine, Job("b", "bench", "backup", 2))
    stop_cluster(protected)
    data, copy = protected.cluster.data, folder / "copy"
    size = sum(f.stat().st_size for f in data.rglob("*") if f.is_file()) / 2**20
    numbers = count()

    def ours() -> None:
        if postmaster(protected.cluster) is not None:
            stop_cluster(protected)
        _finish(engine, Job(f"r{next(numbers)}", "bench", "restore", 2))

    def theirs() -> None:
        shutil.copytree(data, copy)
        os.sync()
        shutil.rmtree(copy)

    try:
        return compare(
            f"restore {size:,.0f} MiB off-site until it takes writes",
            "MiB a second",
            size,
            ours,
            "copying the data directory, synced",
            theirs,
        )
    finally:
        stop_cluster(protected)


def _finish(engine: PgBackRest, job: Job) -> None:
    engine.start(job)
    while not isinstance(ended := engine.observe(job), Finished):
        pass
    assert ended.ok, ended.detail


def _port() -> int:
    import socket  # noqa: PLC0415 - Only this row needs it.

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        yield Path(name)


if __name__ == "__main__":
    main()
