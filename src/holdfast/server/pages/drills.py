"""Drills on the page *Recovery*: when the next is due, and how each one went."""

from __future__ import annotations

from datetime import timedelta

import htpy as h

from holdfast.evidence.drills import DrillView, StepView
from holdfast.evidence.parts import mark, stretch, when
from holdfast.evidence.recovery_views import ProtectionView
from holdfast.evidence.words import due, exact

_PHASES = {
    "passed": "met",
    "failed": "breached",
    "running": "running",
    "ordered": "owed",
}
_SCENARIOS = {"restore": "Restore", "region-loss": "Loss of the region"}
_FENCES = {
    "namespaces": "fenced by the kernel",
    "settings": "fenced by its settings alone",
}
_KEYS = {
    "escrow": "with the key from escrow",
    "production": "with production's own copy of the key",
}


def drills(view: ProtectionView) -> h.Element:
    """Render what is due next and the newest drills."""
    return h.section(aria_labelledby="drills")[
        h.h2("#drills")["Drills"],
        _next(view),
        [_drill(drill, number, view) for number, drill in enumerate(view.drills)]
        or h.p(".quiet")[
            "No recovery has been rehearsed yet. Order one with ",
            h.code["holdfast drill run"],
            ".",
        ],
    ]


def _next(view: ProtectionView) -> h.Node:
    wanted = [(s, s.next_drill) for s in view.datastores if s.next_drill is not None]
    if not wanted:
        return None
    return h.ul(".plain-list")[
        (
            h.li[
                mark(drill.standing),
                f" {store.name}: the next drill is ",
                h.strong[due(drill.due_at, view.as_of)],
                ", ",
                when(drill.due_at, view.zone),
                h.span(".quiet")[f" · {drill.reason}"],
            ]
            for store, drill in wanted
        )
    ]


def _drill(drill: DrillView, number: int, view: ProtectionView) -> h.Element:
    title = f"drill-{number}"
    return h.article(".drill", aria_labelledby=title)[
        h.h3(id=title)[
            mark(_PHASES[drill.phase], drill.phase),
            f" {_SCENARIOS[drill.scenario]}: {drill.datastore}",
            f" from repository {drill.repository}",
        ],
        h.p[
            f"Ordered by {drill.ordered_by}, ",
            when(drill.ordered_at, view.zone),
            drill.sabotage and f" · broken on purpose: {drill.sabotage}",
            drill.fence and f" · {_FENCES[drill.fence]}",
            drill.key_from and f" · {_KEYS[drill.key_from]}",
        ],
        drill.recovery_time is not None and _figures(drill),
        h.ul(".plain-list")[(h.li[finding] for finding in drill.findings)]
        if drill.findings
        else None,
        _timeline(drill, view, is_open=number == 0) if drill.steps else None,
        h.p(".quiet")["Entries ", ", ".join(f"#{index}" for index in drill.indices)],
    ]


def _figures(drill: DrillView) -> h.Element:
    assert drill.recovery_time is not None
    return h.dl(".facts")[
        _figure("Recovery time", exact(drill.recovery_time)),
        _figure(
            "In business time",
            "none" if drill.business_time is None else exact(drill.business_time),
        ),
        _figure(
            "Writes lost",
            "unknown" if drill.data_loss is None else exact(drill.data_loss),
        ),
        _figure(
            "Commits lost",
            "not counted" if drill.commits_lost is None else f"{drill.commits_lost:,}",
        ),
        drill.acknowledged is not None
        and _figure(
            "Of acknowledged ones",
            f"{drill.acknowledged.lost:,} of {drill.acknowledged.noted:,} lost",
        ),
    ]


def _figure(name: str, value: str) -> h.Element:
    return h.div[h.dt[name], h.dd[value]]


def _timeline(drill: DrillView, view: ProtectionView, *, is_open: bool) -> h.Element:
    begun = _begun(drill.steps)
    whole = max(began + step.took for began, step in begun) or timedelta(seconds=1)
    return h.details(open=is_open)[
        h.summary[f"Step by step, {exact(whole)} in all"],
        h.ol(".moments")[
            (
                h.li[
                    h.span(".quiet")[moment.name],
                    " ",
                    when(moment.at, view.zone, "exact"),
                ]
                for moment in drill.moments
            )
        ],
        h.ol(".steps")[
            (
                h.li[
                    h.span[step.name],
                    stretch(
                        began / whole,
                        step.took / whole,
                        "running",
                        f"{step.name} began after {exact(began)} and took "
                        f"{exact(step.took)}",
                    ),
                    h.span[exact(step.took)],
                ]
                for began, step in begun
            )
        ],
    ]


def _begun(steps: tuple[StepView, ...]) -> list[tuple[timedelta, StepView]]:
    """Return the steps with when each began; one after the other where unknown."""
    found, passed = [], timedelta(0)
    for step in steps:
        began = passed if step.began is None else step.began
        found.append((began, step))
        passed = began + step.took
    return found
