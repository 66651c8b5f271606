"""Recovery: what would be lost now, what there is to restore, and who rehearsed it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import htpy as h

from holdfast.evidence.drills import DrillView
from holdfast.evidence.gauge_plot import GAPS, Frame, gauge
from holdfast.evidence.parts import bar, mark, when
from holdfast.evidence.recovery import (
    BackupView,
    DatastoreView,
    GaugeView,
    ProtectionView,
    ReadingView,
)
from holdfast.evidence.words import about, ago, exact, local_short, span
from holdfast.server.pages.approvals import waiting_banner
from holdfast.server.pages.layout import page

DAY = timedelta(hours=24)
WEEKS = timedelta(days=35)
_MIB = 1 << 20
_GIB = 1 << 30


def recovery_page(view: ProtectionView | None, user: str) -> h.Element:
    """Render the whole page; ``None`` where no policy is adopted yet."""
    if view is None:
        content: h.Node = h.p["No policy has been adopted yet: nothing is promised."]
        return page(
            "Recovery", h.div(".masthead")[h.h1["Recovery"]], content, user=user
        )
    return page(
        "Recovery",
        h.div(".masthead")[
            h.h1["Recovery"],
            h.p["As of ", when(view.as_of, view.zone, "full")],
        ],
        waiting_banner(view.waiting, user),
        (_datastore(each, view) for each in view.datastores),
        not view.datastores
        and h.p(".quiet")["The catalogue names no production datastore."],
        _drills(view.drills, view),
        user=user,
        here="/recovery",
    )


def _datastore(store: DatastoreView, view: ProtectionView) -> h.Element:
    title = f"store-{store.id}"
    return h.section(".store", aria_labelledby=title)[
        h.h2(id=title)[store.name, h.span(".tally")[f" · {store.id}"]],
        store.under_way
        and h.p[mark("running", "under way"), f" {', '.join(store.under_way)}"],
        _now(store.gauge, view),
        _plots(store.gauge, view),
        _standbys(store),
        _backups(store.backups, view),
    ]


def _now(shown: GaugeView, view: ProtectionView) -> h.Element:
    lost = "everything" if shown.lost_if_now is None else span(shown.lost_if_now)
    if shown.looked_at is None:
        lost = "unknown"
    return h.div(".now")[
        h.div(f".clock.is-{shown.standing.replace('_', '-')}")[
            mark(shown.standing),
            h.p(".big")[lost],
            h.p["of writes at most would be lost now"],
            h.p(".quiet")[shown.reason],
        ],
        h.dl(".facts")[
            _pair("Newest moment that can be restored", shown.recoverable_to, view),
            _pair(
                "Newest heartbeat in every repository",
                shown.recoverable_heartbeat_at,
                view,
            ),
            _pair("Newest heartbeat written", shown.heartbeat_at, view),
            h.div[
                h.dt["WAL segments waiting to be archived"],
                h.dd[
                    "unknown"
                    if shown.waiting_segments is None
                    else str(shown.waiting_segments)
                ],
            ],
            _pair("Looked at", shown.looked_at, view),
        ],
    ]


def _pair(name: str, at: datetime | None, view: ProtectionView) -> h.Element:
    told: h.Node = "none"
    if at is not None:
        told = [when(at, view.zone, "exact"), " · ", h.time[ago(at, view.as_of)]]
    return h.div[h.dt[name], h.dd[told]]


def _plots(shown: GaugeView, view: ProtectionView) -> h.Node:
    if shown.rpo is None or not shown.day:
        return h.p(".quiet")["There is nothing to draw yet: nobody has looked."]
    return [
        _plot("The last 24 hours", "day", DAY, shown.day, shown, view),
        h.details[
            h.summary["The five weeks before, the worst of each hour"],
            _plot("Five weeks", "weeks", WEEKS, shown.weeks, shown, view),
        ]
        if shown.weeks
        else None,
    ]


def _plot(
    title: str,
    kind: str,
    length: timedelta,
    readings: Sequence[ReadingView],
    shown: GaugeView,
    view: ProtectionView,
) -> h.Element:
    assert shown.rpo is not None
    start = view.as_of - length
    words = _worst(readings, start, view)
    frame = Frame(start, view.as_of, shown.rpo, shown.at_risk_from, GAPS[kind])
    return h.figure(".gauge-figure")[
        h.figcaption[h.strong[title], ": ", words],
        h.div(".gauge-frame")[
            h.span(".limit-word")[f"RPO {about(shown.rpo)}"],
            gauge(readings, frame, f"{title}: {words}"),
        ],
        h.div(".gauge-axis", aria_hidden="true")[
            (h.span[f"{about(length * part / 4)} ago"] for part in (4, 3, 2, 1)),
            h.span["now"],
        ],
    ]


def _worst(
    readings: Sequence[ReadingView], start: datetime, view: ProtectionView
) -> str:
    shown = [reading for reading in readings if reading.at >= start]
    if not shown:
        return "nobody looked"
    blind = [reading for reading in shown if reading.lost_if_now is None]
    if blind:
        return f"nothing could be restored at {local_short(blind[-1].at, view.zone)}"
    worst = max(shown, key=lambda reading: reading.lost_if_now or timedelta())
    assert worst.lost_if_now is not None
    return (
        f"at worst {span(worst.lost_if_now)} of writes at stake, "
        f"{local_short(worst.at, view.zone)}"
    )


def _standbys(store: DatastoreView) -> h.Element:
    return h.div[
        h.h3["Standbys"],
        h.p[mark(store.redundancy), " ", store.redundancy_reason],
        h.ul(".plain-list")[
            (
                h.li[
                    mark(
                        "met" if replica.streaming else "breached",
                        "streams" if replica.streaming else "does not stream",
                    ),
                    f" {replica.name} ",
                    h.span(".quiet")[replica.place or "not in the catalogue"],
                ]
                for replica in store.replicas
            )
        ]
        if store.replicas
        else None,
    ]


def _backups(backups: Sequence[BackupView], view: ProtectionView) -> h.Element:
    if not backups:
        return h.div[h.h3["Backups"], h.p(".quiet")["No backup has been seen yet."]]
    return h.div[
        h.h3["Backups"],
        h.div(".scroll", tabindex="0", role="region", aria_label="Backups")[
            h.table[
                h.thead[
                    h.tr[
                        (
                            h.th(scope="col")[name]
                            for name in (
                                "Finished",
                                "Repository",
                                "Kind",
                                "Size",
                                "Took",
                                "Cipher",
                                "Label",
                                "Entry",
                            )
                        )
                    ]
                ],
                h.tbody[(_backup(backup, view) for backup in backups)],
            ]
        ],
    ]


def _backup(backup: BackupView, view: ProtectionView) -> h.Element:
    where = f"{backup.repository}, {'off-site' if backup.off_site else 'on-site'}"
    return h.tr[
        h.th(scope="row")[when(backup.finished_at, view.zone)],
        h.td[where],
        h.td[backup.kind],
        h.td[_size(backup.size_bytes)],
        h.td[span(backup.took)],
        h.td[backup.cipher or mark("breached", "plain or unseen")],
        h.td[
            h.code[backup.label],
            backup.error and [" ", mark("breached", "its repository doubts it")],
        ],
        h.td(".index")[f"#{backup.index}"],
    ]


def _size(size: int) -> str:
    if size >= _GIB:
        return f"{size / _GIB:,.1f} GiB"
    return f"{size / _MIB:,.1f} MiB"


def _drills(drills: Sequence[DrillView], view: ProtectionView) -> h.Element:
    return h.section(aria_labelledby="drills")[
        h.h2("#drills")["Drills"],
        [_drill(drill, view) for drill in drills]
        or h.p(".quiet")[
            "No recovery has been rehearsed yet. Order one with ",
            h.code["holdfast drill run"],
            ".",
        ],
    ]


_PHASES = {
    "passed": "met",
    "failed": "breached",
    "running": "running",
    "ordered": "owed",
}


def _drill(drill: DrillView, view: ProtectionView) -> h.Element:
    return h.article(".drill")[
        h.p[
            mark(_PHASES[drill.phase], drill.phase),
            f" {drill.datastore} from repository {drill.repository}, ",
            when(drill.ordered_at, view.zone),
            drill.sabotage and f" · broken on purpose: {drill.sabotage}",
        ],
        drill.recovery_time is not None
        and h.dl(".facts")[
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
                "not counted"
                if drill.commits_lost is None
                else f"{drill.commits_lost:,}",
            ),
        ],
        h.ul(".plain-list")[(h.li[finding] for finding in drill.findings)],
        _steps(drill) if drill.steps else None,
        h.p(".quiet")["Entries ", ", ".join(f"#{index}" for index in drill.indices)],
    ]


def _figure(name: str, value: str) -> h.Element:
    return h.div[h.dt[name], h.dd[value]]


def _steps(drill: DrillView) -> h.Element:
    longest = max((step.took for step in drill.steps), default=timedelta()) or DAY
    return h.details[
        h.summary["Step by step"],
        h.ul(".steps")[
            (
                h.li[
                    h.span[step.name],
                    bar(
                        step.took / longest,
                        "running",
                        f"{step.name}: {exact(step.took)}",
                    ),
                    h.span[exact(step.took)],
                ]
                for step in drill.steps
            )
        ],
    ]
