"""The gauge on the page *Recovery*: what a disaster would cost now, and did cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import htpy as h

from holdfast.evidence.gauge_plot import GAPS, Frame, gauge
from holdfast.evidence.parts import mark, when
from holdfast.evidence.recovery_views import GaugeView, ProtectionView, ReadingView
from holdfast.evidence.words import about, ago, local_short, span

DAY = timedelta(hours=24)
WEEKS = timedelta(days=35)


def now(shown: GaugeView, view: ProtectionView) -> h.Element:
    """Show what would be lost now, and on what that rests."""
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


def plots(shown: GaugeView, view: ProtectionView) -> h.Node:
    """Draw the last day, and the weeks before it."""
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
