"""A drill as the terminal shows it: figures, its timeline as bars, what was wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rich.markup import escape

from holdfast.cli.common import console, print_json
from holdfast.evidence.as_json import as_json
from holdfast.evidence.drills import DrillView

BAR_WIDTH = 36
FENCES = {
    "namespaces": "by the kernel: no network, no production, repositories read-only",
    "settings": "by its settings alone: this host gives no namespaces",
}


def show_drill(view: DrillView, *, json: bool) -> None:
    """Print one drill."""
    if json:
        print_json(as_json(view))
        return
    out = console()
    out.print(f"[bold]{escape(view.id)}[/]: {view.phase}")
    for name, value in (*_lines(view), *_timeline(view), *_proofs(view)):
        out.print(f"  {name:<15}{escape(value)}")
    for finding in view.findings:
        out.print(f"  [bold red]wrong[/]          {escape(finding)}")


def show_rehearsal(views: Sequence[DrillView], *, json: bool) -> None:
    """Print the drills of one disaster, in their order."""
    if json:
        print_json([as_json(view) for view in views])
        return
    for view in views:
        show_drill(view, json=False)
    order = ", then ".join(_by_rank(views))
    console().print(f"[bold]order of recovery[/]: {escape(order)}")


def lost(view: DrillView) -> str:
    """Return what was assumed to be lost."""
    return "the region" if view.scenario == "region-loss" else "the datastore"


def in_seconds(length: timedelta | None) -> str:
    """Return a length for people."""
    return "unknown" if length is None else f"{length.total_seconds():,.1f} s"


def _by_rank(views: Sequence[DrillView]) -> list[str]:
    ranks = sorted({view.rank for view in views})
    return [", ".join(v.datastore for v in views if v.rank == rank) for rank in ranks]


def _lines(view: DrillView) -> list[tuple[str, str]]:
    ordered = f"{view.ordered_at:%Y-%m-%d %H:%M:%S} UTC by {view.ordered_by}"
    lines = [
        ("ordered", ordered),
        ("lost", lost(view)),
        ("from", f"repository {view.repository}{_key(view)}"),
    ]
    if view.rehearsal is not None:
        lines.append(("rehearsal", f"{view.rehearsal}, rank {view.rank}"))
    if view.sabotage is not None:
        lines.append(("broken", f"{view.sabotage}, on purpose"))
    if view.fence is not None:
        lines.append(("held in", FENCES[view.fence]))
    if view.recovery_time is not None:
        business = f"{in_seconds(view.business_time)} of it business time"
        lines.append(("recovery time", f"{in_seconds(view.recovery_time)}, {business}"))
        lines.append(("from the fault", in_seconds(view.from_fault)))
        commits = "not counted"
        if view.commits_lost is not None:
            commits = f"{view.commits_lost:,} commits"
        lines.append(("data loss", f"{in_seconds(view.data_loss)}, {commits}"))
        lines.append(("invariants", f"{len(view.invariants)} hold"))
        lines.append(("smoke tests", f"{len(view.smoke_tests)} passed"))
    return [*lines, *_acknowledged(view)]


def _key(view: DrillView) -> str:
    return "" if view.key_from is None else f", with the key from {view.key_from}"


def _acknowledged(view: DrillView) -> list[tuple[str, str]]:
    found, lines = view.acknowledged, []
    if found is not None:
        counts = f"{found.lost:,} lost, {found.holes:,} holes, {found.extras:,} extras"
        noted = f"{found.noted:,} commits noted outside: {counts}"
        lines.append(("acknowledged", noted))
    elif view.recorder:
        lines.append(("acknowledged", f"nothing noted: {view.recorder}"))
    if view.heartbeat_age is not None:
        age = f"{in_seconds(view.heartbeat_age)} old at the fault"
        lines.append(("heartbeat", age))
    return lines


def _timeline(view: DrillView) -> list[tuple[str, str]]:
    """Draw each step where it lies in the whole."""
    ends = [(step.began or timedelta()) + step.took for step in view.steps]
    whole = max(ends, default=timedelta()) or timedelta(seconds=1)
    lines = []
    for step in view.steps:
        start = round((step.began or timedelta()) / whole * BAR_WIDTH)
        width = max(1, round(step.took / whole * BAR_WIDTH))
        bar = f"{' ' * min(start, BAR_WIDTH - 1)}{'█' * width}"[:BAR_WIDTH]
        lines.append((step.name, f"{bar:<{BAR_WIDTH}} {in_seconds(step.took):>9}"))
    return lines


def _proofs(view: DrillView) -> list[tuple[str, str]]:
    moments = [
        (moment.name, f"{moment.at:%H:%M:%S.%f}"[:12] + " UTC")
        for moment in view.moments
    ]
    evidence = [("evidence", view.evidence)] if view.evidence is not None else []
    indices = ", ".join(f"#{index}" for index in view.indices)
    return [*moments, *evidence, ("ledger", indices)]
