"""The ledger's figures of verifying, proving and opening: see `make bench-ledger`."""

from __future__ import annotations

import hashlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import RUNS, Row, alternate, timed

from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.edge import Edge
from holdfast.ledger.merkle import leaf_hashes
from holdfast.ledger.note import parse_verifier_key
from holdfast.ledger.tiled import Prover, served_by
from holdfast.ledger.tiles import TILE_WIDTH, Tile, bundles_of, encode_bundle
from holdfast.ledger.verify import verify_log
from holdfast.storage.folder import Folder
from holdfast.storage.sharing import cores

SIZE, QUICK_SIZE = 1_000_000, 20_000
ENTRY_BYTES = 200
# SHA-256 works in blocks of 64 bytes: four for a leaf of 201, two for a node of 65.
HASHED = 6 * 64
PIECE = bytes(HASHED * 100_000)
SIGNER = Signer("bench.invalid/log", bytes(32))
MEGABYTE = 1 << 20


def rows(*, quick: bool = False) -> list[Row]:
    """Measure all of it; ``quick`` on a small log, to see that it runs."""
    size, runs = (QUICK_SIZE, 1) if quick else (SIZE, RUNS)
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        folder = Path(name) / "log"
        publish(folder, size)
        return [
            _verify(folder, size, runs),
            _memory(folder, size),
            _proofs(folder, size, runs),
        ]


def publish(folder: Path, size: int) -> None:
    """Write a signed log of that size; what is measured is reading it."""
    edge = Edge()
    for bundle in bundles_of(size):
        entries = [
            b"%0*d" % (ENTRY_BYTES, at)
            for at in range(bundle.start, bundle.start + bundle.width)
        ]
        _write(folder, bundle, encode_bundle(entries))
        for tile, data in edge.extend(leaf_hashes(entries)):
            _write(folder, tile, data)
    for tile, data in edge.partials([size]):
        _write(folder, tile, data)
    text = Checkpoint(SIGNER.name, size, edge.root()).text()
    (folder / "checkpoint").write_bytes(SIGNER.sign(text))


def _write(folder: Path, tile: Tile, data: bytes) -> None:
    path = folder / tile.path
    if tile.width < TILE_WIDTH or tile.index % 1000 == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _verify(folder: Path, size: int, runs: int) -> Row:
    keys = [parse_verifier_key(SIGNER.verifier_key)]

    def ours() -> None:
        with cores() as share:
            done = verify_log(Folder(folder), keys, share=share)
        assert done.entries == size

    def theirs() -> None:
        for start in range(0, size, 100_000):
            count = min(100_000, size - start)
            hashlib.sha256(PIECE[: HASHED * count]).digest()

    took, limit = alternate(ours, theirs, runs)
    return Row(
        f"verify {size:,} entries of {ENTRY_BYTES} bytes from disk",
        "two SHA-256 an entry in C, one core",
        took,
        limit,
        "s",
        floor=4,
        aim=2,
        less=True,
        note=f"{size / took:,.0f} entries a second",
    )


def _memory(folder: Path, size: int) -> Row:
    argv = ["ledger", "verify", str(folder), "--key", SIGNER.verifier_key, "--json"]
    peak = peak_of(argv)
    return Row(
        f"memory of verifying {size:,} entries",
        "",
        peak / MEGABYTE,
        None,
        "MB",
        floor=200,
        less=True,
        note="the whole command, all its processes, shared pages once",
    )


def _proofs(folder: Path, size: int, runs: int) -> Row:
    prover = Prover((folder / "checkpoint").read_bytes(), served_by(Folder(folder)))
    draw = random.Random(3)  # noqa: S311 - Any entries will do.
    count = 200 if size < SIZE else 5_000

    def prove() -> None:
        for _ in range(count):
            prover.prove(draw.randrange(size)).to_bytes()

    rate = count / statistics.median(timed(prove) for _ in range(runs))
    return Row(
        f"inclusion proofs of {size:,} entries, drawn at random, from disk",
        "",
        rate,
        None,
        "a second",
        floor=1_000,
        aim=5_000,
        note="each checked against the signed root, and written out",
    )


def peak_of(argv: list[str], until: Callable[[], bool] | None = None) -> int:
    """Return the most memory that a command and its children had at once, in bytes.

    It runs to its end, or till ``until`` says that enough was seen.
    """
    program = [sys.executable, "-m", "holdfast", *argv]
    started = subprocess.Popen(program, stdout=subprocess.DEVNULL)
    peak = 0
    while started.poll() is None and not (until and until()):
        peak = max(peak, sum(_held(pid) for pid in _family(started.pid)))
        time.sleep(0.02)
    if started.poll() is None:
        started.terminate()
    assert started.wait(60) in (0, -15), argv
    return peak


def _held(pid: int) -> int:
    """Return a process's proportional share: a page that two share counts half."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith("Pss:")), "Pss: 0")
    return int(found.split()[1]) * 1024


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in _family(int(child)))]


if __name__ == "__main__":
    for row in rows(quick="--quick" in sys.argv):
        print(" | ".join(row.held_cells()))  # noqa: T201 - A bench speaks.
