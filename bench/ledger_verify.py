"""The ledger's figures of verifying, proving and opening: see `make bench-ledger`."""

from __future__ import annotations

import hashlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ledger_mix import fill
from measure import RUNS, Row, alternate, timed

from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.edge import Edge
from holdfast.ledger.merkle import leaf_hashes
from holdfast.ledger.note import parse_verifier_key
from holdfast.ledger.tiled import Prover, served_by
from holdfast.ledger.tiles import TILE_WIDTH, Tile, bundles_of, encode_bundle
from holdfast.ledger.verify import verify_log
from holdfast.settings import Home
from holdfast.storage.folder import Folder
from holdfast.storage.opening import open_store
from holdfast.storage.sharing import cores

SIZE, QUICK_SIZE = 1_000_000, 5_000
ENTRY_BYTES = 200
# SHA-256 works in blocks of 64 bytes: four for a leaf of 201, two for a node of 65.
HASHED = 6 * 64
PIECE = bytes(HASHED * 100_000)
SIGNER = Signer("bench.invalid/log", bytes(32))
MEGABYTE = 1 << 20
SERVICES = ("ledgers-app", *(f"service-{n}" for n in range(2, 21)))
DATASTORES = ("orders", *(f"datastore-{n}" for n in range(2, 7)))


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
            *_opening(Path(name) / "home", size, runs),
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
    verify = ("ledger", "verify", str(folder), "--key", SIGNER.verifier_key, "--json")
    peak, _ = peak_of(["-m", "holdfast", *verify])
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


def _opening(home: Path, size: int, runs: int) -> list[Row]:
    """Open a node on a log of a real mix: once from nothing, then again."""
    _holdfast("init", "--home", home)
    adopted = ("--home", home, "--as", "ana", "--json")
    _holdfast("policy", "adopt", home / "resilience", *adopted)
    with closing(open_store(Home(home).store_url, create=False)) as store:
        fill(store, size, SERVICES, DATASTORES)
    cold = _opened(home)
    warm = [_opened(home) for _ in range(runs)]
    assert all(one.kept for one in warm), "the kept fold was not used"
    of = f"{size:,} entries of a real mix"
    return [
        Row(
            f"opening a node on {of}, to its first beat",
            "",
            statistics.median(one.seconds for one in warm),
            None,
            "s",
            floor=10,
            less=True,
            note=f"without the kept fold {cold.seconds:,.0f} s",
        ),
        Row(
            f"memory of a node on {of}",
            "",
            max(one.peak for one in warm) / MEGABYTE,
            None,
            "MB",
            floor=500,
            less=True,
            note=f"its first full check included; without the kept fold"
            f" {cold.peak / MEGABYTE:,.0f} MB",
        ),
    ]


@dataclass(frozen=True)
class _Opened:
    seconds: float
    peak: int
    kept: bool


def _opened(home: Path) -> _Opened:
    peak, said = peak_of([str(Path(__file__).parent / "opening.py"), str(home)])
    found = json.loads(said)
    return _Opened(found["opened"], peak, found["kept"])


def _holdfast(*argv: object) -> None:
    program = [sys.executable, "-m", "holdfast", *(str(one) for one in argv)]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL)


def peak_of(argv: list[str]) -> tuple[int, str]:
    """Run Python on it; return the most memory that it and its children held at once,
    in bytes, and what was printed.
    """
    peak = 0
    with subprocess.Popen(
        [sys.executable, *argv], stdout=subprocess.PIPE, text=True
    ) as started:
        while started.poll() is None:
            peak = max(peak, sum(_held(pid) for pid in _family(started.pid)))
            time.sleep(0.02)
        assert started.returncode == 0, argv
        assert started.stdout is not None
        return peak, started.stdout.read()


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
