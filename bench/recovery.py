"""What recovery costs and a crash loses, on the real engine: `make bench-recovery`.

(a) the whole drill against the same restore done by hand with the bare engine, (b) the
restore's throughput against `cp -r` of the same data, (c) what is lost when the server
is killed and its data directory removed. Writes tables and plots into the docs, between
their marks. `--size 1G --runs 3 --losses 10` choose; `--quick` shows that it works.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bare import Bare
from losing import Loss, lose
from measure import PAGE, where_and_when, write_page
from plots import losses_plot, times_plot
from restoring import Place, Timed, copied, prepared, rehearsed

ROOT = Path(__file__).parent.parent
PLOTS = ROOT / "docs" / "plots"
BEGIN, END = "<!-- recovery: begin -->", "<!-- recovery: end -->"
PLAN = (("1G", 3), ("10G", 1))
QUICK_PLAN = (("32M", 1),)
LOSSES, QUICK_LOSSES = 10, 1
ARCHIVE_TIMEOUT_SECONDS = 5
UNITS = {"M": 1 << 20, "G": 1 << 30}


def main() -> None:
    """Measure everything, print it, and write it down."""
    given = _given()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(
        prefix="holdfast-bench-", dir=given.folder
    ) as made:
        base = Path(made)
        base.chmod(0o711)
        timed = [t for size, runs in given.plan for t in _size(base, size, runs)]
        lost = [
            loss
            for kind, rate in (("busy", 0.0), ("quiet", 1.0))
            for loss in lose(
                base / kind, kind, rate, given.losses, ARCHIVE_TIMEOUT_SECONDS, say
            )
        ]
    text = _report(timed, lost)
    print(text)  # noqa: T201 - A bench speaks.
    say(f"all of it in {(time.monotonic() - began) / 60:.1f} min")
    given.plots.mkdir(parents=True, exist_ok=True)
    (given.plots / "recovery-times.svg").write_text(times_plot(timed), "utf-8")
    limit = ARCHIVE_TIMEOUT_SECONDS + 1
    (given.plots / "losses.svg").write_text(losses_plot(lost, limit), "utf-8")
    write_page(text, BEGIN, END, given.page)


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: T201


def _size(base: Path, size: str, runs: int) -> list[Timed]:
    """Rehearse and restore by hand in turn, the same backup, and copy the same data."""
    say(f"{size}: making data and a backup of them")
    with prepared(base / size, _bytes(size)) as place:
        return [_run(place, size, number, runs) for number in range(runs)]


def _run(place: Place, size: str, number: int, runs: int) -> Timed:
    bare = Bare(place.protected, place.checks, place.base / "by-hand")
    # In turn who goes first: the second one finds the repository in memory.
    order = ("drill", "hand") if number % 2 else ("hand", "drill")
    timed = Timed(size, 0, 0, (), (), 0, 0)
    for who in order:
        say(f"{size}: run {number + 1} of {runs}, {who}")
        if who == "drill":
            wall, steps = rehearsed(place, number)
            timed = replace(timed, drill=wall, drill_steps=steps)
        else:
            wall, steps = bare.restore()
            timed = replace(timed, hand=wall, hand_steps=steps)
    say(f"{size}: run {number + 1} of {runs}, cp -r")
    copy, size_bytes = copied(place)
    return replace(timed, copy=copy, size_bytes=size_bytes)


def _report(timed: list[Timed], lost: list[Loss]) -> str:
    return "\n".join(
        (
            *_times(timed),
            "",
            "![A drill beside the same restore by hand](plots/recovery-times.svg)",
            "",
            *_losses(lost),
            "",
            "![Seconds lost in each crash](plots/losses.svg)",
            "",
            f"On {where_and_when()}.",
        )
    )


def _times(timed: list[Timed]) -> list[str]:
    lines = [
        (
            "| Data | Runs | Whole drill | By hand | Overhead | Allowed "
            "| Restore | `cp -r`, synced |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for size in dict.fromkeys(t.size for t in timed):
        own = [t for t in timed if t.size == size]
        drill, hand = _median(t.drill for t in own), _median(t.hand for t in own)
        worst = max(t.drill - t.hand for t in own)
        rate = _median(t.size_bytes / t.step("restore") for t in own) / UNITS["M"]
        copy = _median(t.size_bytes / t.copy for t in own) / UNITS["M"]
        lines.append(
            f"| {own[0].size_bytes / UNITS['G']:.2f} GiB | {len(own)} | {drill:.1f} s "
            f"| {hand:.1f} s | {drill - hand:+.1f} s, worst {worst:+.1f} s "
            f"| {hand * 0.1 + 3:.1f} s | {rate:,.0f} MiB/s | {copy:,.0f} MiB/s |"
        )
    return lines


def _losses(lost: list[Loss]) -> list[str]:
    limit = ARCHIVE_TIMEOUT_SECONDS + 1
    lines = [
        (
            "| Crash under load | Runs | Commits lost, median (worst) "
            "| Seconds lost, median (worst) | Holes | Allowed |"
        ),
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind in dict.fromkeys(loss.kind for loss in lost):
        own = [loss for loss in lost if loss.kind == kind]
        commits, seconds = [x.commits for x in own], [x.seconds for x in own]
        lines.append(
            f"| {kind}, {_median(x.rate for x in own):,.0f} commits a second "
            f"| {len(own)} | {_median(commits):,.0f} ({max(commits):,}) "
            f"| {_median(seconds):.2f} s ({max(seconds):.2f} s) "
            f"| {sum(x.holes for x in own)} | {limit} s |"
        )
    return lines


def _median(values: object) -> float:
    return statistics.median(values)  # type: ignore[call-overload,no-any-return]


def _bytes(text: str) -> int:
    return int(float(text[:-1]) * UNITS[text[-1].upper()])


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", help="how much data, such as 1G; else 1G and 10G")
    parser.add_argument("--runs", type=int, default=1, help="how often, with --size")
    parser.add_argument("--losses", type=int, help="how many crashes of each kind")
    parser.add_argument("--quick", action="store_true", help="show that it works")
    parser.add_argument("--folder", type=Path, help="where there is room for the data")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--plots", type=Path, default=PLOTS)
    given = parser.parse_args()
    try:
        given.plan = ((given.size, given.runs),) if given.size else PLAN
        given.plan = QUICK_PLAN if given.quick and not given.size else given.plan
        if min(_bytes(size) * runs for size, runs in given.plan) <= 0:
            parser.error("size and runs must be above zero")
    except (KeyError, ValueError, IndexError):
        parser.error(f"{given.size!r} is no size; write it like 512M or 10G")
    if given.losses is None:
        given.losses = QUICK_LOSSES if given.quick else LOSSES
    if given.losses < 1:
        parser.error("losses must be above zero")
    return given


if __name__ == "__main__":
    main()
