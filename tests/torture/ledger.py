"""`make torture-ledger`: rounds of trouble with the log, five hundred unless told.

``python -m tests.torture.ledger --rounds 500 --seed 1``. Seeds that once failed are
kept in ``ledger_seeds.txt``, and run first. A seed runs again alone by ``--only``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.torture.rounds import Outcome, run
from tests.torture.server import running

KEPT = Path(__file__).with_name("ledger_seeds.txt")


def main() -> int:
    """Run all rounds; return an exit status."""
    asked = _arguments()
    seeds = asked.only or [
        *_kept(),
        *(f"{asked.seed}-{number}" for number in range(asked.rounds)),
    ]
    began, done, failed = time.monotonic(), list[Outcome](), list[str]()
    with running() as server:
        for number, seed in enumerate(seeds, 1):
            try:
                done.append(run(seed, server))
            except Exception:  # noqa: BLE001 - The other rounds are run all the same.
                failed.append(seed)
                _say(f"\nFAILED: seed {seed}\n{traceback.format_exc()}")
                _keep(seed)
            entries = sum(one.entries for one in done)
            word = f"{done[-1].trouble}, {done[-1].kind}" if done else ""
            _say(
                f"\rround {number}/{len(seeds)}, {entries:,} entries,"
                f" {len(failed)} failed, {time.monotonic() - began:,.0f} s"
                f" ({word})".ljust(79)
            )
    _say("\n" + json.dumps(_summary(done, failed, time.monotonic() - began)) + "\n")
    return 1 if failed else 0


def _summary(done: list[Outcome], failed: list[str], seconds: float) -> object:
    troubles = Counter(f"{one.trouble} ({one.kind})" for one in done)
    return {
        "rounds": len(done) + len(failed),
        "failed": failed,
        "seconds": round(seconds),
        "entries": sum(one.entries for one in done),
        "acknowledged": sum(one.acknowledged for one in done),
        "troubles": dict(sorted(troubles.items())),
        "notes": sorted({one.note for one in done if one.note}),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", nargs="*", help="run these seeds and no others")
    return parser.parse_args()


def _kept() -> list[str]:
    return KEPT.read_text(encoding="utf-8").split() if KEPT.exists() else []


def _keep(seed: str) -> None:
    if seed not in _kept():
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(f"{seed}\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
