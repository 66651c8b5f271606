"""How long Holdfast's own recovery takes: a log of a real mix, back from its copy.

``python bench/rebuilding.py --size 1000000 --signed-every 100``. The copy is a folder
on this machine's disk, so that no network is measured; the steps are the command's own.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from ledger_mix import fill
from ledger_verify import DATASTORES, SERVICES

from holdfast.assembly.keys import signer_of
from holdfast.ledger.checkpoint import Checkpoint
from holdfast.ledger.merkle import Frontier
from holdfast.ledger.note import encode64
from holdfast.operations.ports.store import Store
from holdfast.settings import Home
from holdfast.storage.opening import open_store

IN_THE_SAFE = ("ledger.key", "ledger.vkey", "escrow.key", "people.key")


def main() -> None:
    """Make, publish, lose, recover; print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--signed-every", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="make it here, once, and keep it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as made:
        folder = given.keep or Path(made)
        home, copy, new = (folder / name for name in ("home", "off-site", "new"))
        found: dict[str, object] = {"entries": given.size, "signed": given.signed_every}
        if not copy.exists():
            _prepare(home, copy, given.size, given.signed_every)
            began = time.monotonic()
            holdfast("ledger", "publish", "--home", home, "--json")
            found["publish"] = round(time.monotonic() - began, 1)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        for name in IN_THE_SAFE:
            if (home / name).exists():
                shutil.copy(home / name, new / name)
        began = time.monotonic()
        words = ("ledger", "recover", "--from", copy.as_uri(), "--home", new, "--json")
        told = json.loads(holdfast(*words))
        found["recover"] = round(time.monotonic() - began, 1)
        with closing(open_store(Home(home).store_url)) as store:
            size, root = store.root()
        assert (told["size"], told["root"]) == (size, encode64(root))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        found["peak_mb"] = peak // 1024
        sys.stdout.write(json.dumps(found) + "\n")


def _prepare(home: Path, copy: Path, size: int, every: int) -> None:
    holdfast("init", "--home", home)
    adopt = ("policy", "adopt", home / "resilience", "--home", home, "--as", "ana")
    holdfast(*adopt)
    copy.mkdir(parents=True)
    with (home / "runner.toml").open("a") as file:
        file.write(f'\n[[publish]]\nurl = "{copy.as_uri()}"\n')
    if not (home / "escrow.key").exists():
        holdfast("ledger", "escrow", "--home", home)
    with closing(open_store(Home(home).store_url)) as store:
        fill(store, size, SERVICES, DATASTORES)
        _sign(store, home, every)


def _sign(store: Store, home: Path, every: int) -> None:
    signer, front = signer_of(Home(home)), Frontier()
    while front.size < store.size():
        stop = min(front.size + every, store.size())
        front = front.extend(store.leaf_hashes(front.size, stop))
        text = Checkpoint(signer.name, front.size, front.root()).text()
        store.save_checkpoint(front.size, signer.sign(text))


def holdfast(*words: object) -> str:
    """Run a command; return what it printed."""
    argv = [sys.executable, "-m", "holdfast", *map(str, words)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    main()
