"""Recovery: what would be lost now, what there is to restore, and who rehearsed it."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from holdfast.evidence.parts import bar, mark, when
from holdfast.evidence.recovery_views import (
    BackupView,
    DatastoreView,
    ProtectionView,
    RunningView,
    WindowView,
)
from holdfast.evidence.words import about, ago, span
from holdfast.server.pages import gauge
from holdfast.server.pages.approvals import waiting_banner
from holdfast.server.pages.drills import drills
from holdfast.server.pages.layout import page

_KIB = 1 << 10
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
        h.p(".lead")[
            "Could the company recover now? ",
            mark(view.summary.standing, view.summary.answer),
            f": {view.summary.text}",
        ],
        waiting_banner(view.waiting, user),
        (_datastore(each, view) for each in view.datastores),
        not view.datastores
        and h.p(".quiet")["The catalogue names no production datastore."],
        drills(view),
        user=user,
        here="/recovery",
    )


def _datastore(store: DatastoreView, view: ProtectionView) -> h.Element:
    title = f"store-{store.id}"
    return h.section(".store", aria_labelledby=title)[
        h.h2(id=title)[store.name, h.span(".tally")[f" · {store.id}"]],
        _running(store.under_way, view),
        gauge.now(store.gauge, view),
        gauge.plots(store.gauge, view),
        _windows(store.windows, view),
        _backups(store.backups, view),
        _standbys(store),
    ]


_VERBS = {
    "backup": "backing up",
    "verify": "reading back",
    "expire": "removing old backups",
    "restore": "restoring over production",
    "failover": "opening to applications",
    "drill": "rehearsing a recovery",
}


def _running(jobs: Sequence[RunningView], view: ProtectionView) -> h.Node:
    if not jobs:
        return None
    return h.div[
        h.h3["Under way now"],
        h.ul(".plain-list")[(_job(job, view) for job in jobs)],
    ]


def _job(job: RunningView, view: ProtectionView) -> h.Element:
    verb = _VERBS.get(job.verb, job.verb)
    place = "" if job.repository is None else f", repository {job.repository}"
    since = job.started_at or job.asked_at
    step = f", at {job.step}" if job.step else ""
    begun = "running for" if job.started_at else "asked for, and not begun for"
    return h.li(".job")[
        h.p[
            mark("running" if job.started_at else "owed", verb),
            f"{place}{step}",
            job.percent is not None and f", {job.percent} %",
            h.span(".quiet")[
                f" · {begun} {span(view.as_of - since)}, asked by {job.asked_by}"
            ],
            h.span(".index")[f" #{job.index}"],
        ],
        job.percent is not None
        and bar(job.percent / 100, "running", f"{verb}: {job.percent} % done"),
    ]


_WINDOW = ("Repository", "Any moment from", "to", "Read back")


def _windows(windows: Sequence[WindowView], view: ProtectionView) -> h.Node:
    if not windows:
        return None
    return h.div[
        h.h3["What can be restored"],
        h.div(".stacked")[
            h.table(role="table", aria_label="What can be restored")[
                _head(_WINDOW),
                h.tbody(role="rowgroup")[(_window(each, view) for each in windows)],
            ]
        ],
    ]


def _window(window: WindowView, view: ProtectionView) -> h.Element:
    _, since, until, read_back = _WINDOW
    missing = f"{len(window.holes)} WAL segments missing before"
    return h.tr(role="row")[
        h.th(scope="row", role="rowheader", data_name="Repository")[
            _place(window.repository, off_site=window.off_site)
        ],
        h.td(role="cell", data_name=since)[
            "nothing yet" if window.since is None else when(window.since, view.zone),
            [" ", mark("breached", missing)] if window.holes else None,
        ],
        h.td(role="cell", data_name=until)[
            "unknown"
            if window.until is None
            else [when(window.until, view.zone), " · ", ago(window.until, view.as_of)]
        ],
        h.td(role="cell", data_name=read_back)[_read_back(window, view)],
    ]


def _head(columns: Sequence[str]) -> h.Element:
    return h.thead[h.tr[(h.th(scope="col")[column] for column in columns)]]


def _read_back(window: WindowView, view: ProtectionView) -> h.Node:
    if window.read_back_at is None:
        return mark("unproven", "never")
    state = mark("met", "whole") if window.read_back else mark("breached", "not whole")
    return [
        state,
        f" {ago(window.read_back_at, view.as_of)} ",
        h.span(".index")[f"#{window.index}"],
    ]


def _place(repository: int, *, off_site: bool) -> str:
    return f"{repository}, {'off-site' if off_site else 'on-site'}"


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


_COLUMNS = (
    *("Finished", "Age", "Repository", "Kind"),
    *("Size", "Took", "Cipher", "Label", "Entry"),
)


def _backups(backups: Sequence[BackupView], view: ProtectionView) -> h.Element:
    if not backups:
        return h.div[h.h3["Backups"], h.p(".quiet")["No backup has been seen yet."]]
    return h.div[
        h.h3["Backups"],
        h.div(".scroll", tabindex="0", role="region", aria_label="Backups")[
            h.table[
                _head(_COLUMNS),
                h.tbody[(_backup(backup, view) for backup in backups)],
            ]
        ],
    ]


def _backup(backup: BackupView, view: ProtectionView) -> h.Element:
    return h.tr[
        h.th(scope="row")[when(backup.finished_at, view.zone)],
        h.td[about(view.as_of - backup.finished_at)],
        h.td[_place(backup.repository, off_site=backup.off_site)],
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
    if size >= _MIB:
        return f"{size / _MIB:,.1f} MiB"
    return f"{size / _KIB:,.1f} KiB"
