"""The gauge over time: what a disaster would have cost at each look.

The picture holds shapes only. Words stand beside it as text, so that they stay legible
however narrow the page is. The objective is always at four fifths of the height; what
lies above the top is cut off there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import htpy as h

from holdfast.evidence.recovery_views import ReadingView

WIDTH, HEIGHT = 1000, 200
# A single look would be a line of no length.
SHORTEST = 3
# Where the objective stands; the rest above it is room to be late in.
RPO_AT = 0.8
# Looks further apart than this are no line: nobody looked in between.
GAPS = {"day": timedelta(minutes=16), "weeks": timedelta(hours=2)}


@dataclass(frozen=True, slots=True)
class Frame:
    """What is drawn against what: two moments, the objective, and what is a gap."""

    start: datetime
    end: datetime
    rpo: timedelta
    at_risk_from: timedelta
    gap: timedelta

    def x(self, at: datetime) -> float:
        """Return where a moment stands."""
        return round((at - self.start) / (self.end - self.start) * WIDTH, 1)

    def y(self, lost: timedelta) -> float:
        """Return how high a loss stands; from the top of the picture."""
        return round(HEIGHT * (1 - min(lost / self.rpo * RPO_AT, 1.0)), 1)


def gauge(readings: Sequence[ReadingView], frame: Frame, label: str) -> h.Element:
    """Draw the readings against the objective."""
    limit, risk = frame.y(frame.rpo), frame.y(frame.at_risk_from)
    return h.svg(
        ".gauge",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )[
        h.rect(".zone-bad", width=WIDTH, height=f"{limit}"),
        h.rect(".zone-risk", y=f"{limit}", width=WIDTH, height=f"{risk - limit:.1f}"),
        h.line(".limit", x1=0, x2=WIDTH, y1=f"{limit}", y2=f"{limit}"),
        (_stretch(each, frame) for each in stretches(readings, frame)),
    ]


def stretches(
    readings: Sequence[ReadingView], frame: Frame
) -> Iterator[list[ReadingView]]:
    """Cut the readings where nobody looked, and where restorable turns to not."""
    stretch: list[ReadingView] = []
    for reading in readings:
        if reading.at < frame.start:
            continue
        if stretch and (
            reading.at - stretch[-1].at > frame.gap
            or (reading.lost_if_now is None) != (stretch[-1].lost_if_now is None)
        ):
            yield stretch
            stretch = []
        stretch.append(reading)
    if stretch:
        yield stretch


def _stretch(stretch: Sequence[ReadingView], frame: Frame) -> h.Node:
    xs = [frame.x(reading.at) for reading in stretch]
    if len(xs) == 1:
        xs = [xs[0], round(xs[0] + SHORTEST, 1)]
    if stretch[0].lost_if_now is None:
        width = f"{xs[-1] - xs[0]:.1f}"
        return h.rect(".nothing", x=f"{xs[0]}", width=width, height=HEIGHT)
    ys = [frame.y(reading.lost_if_now or timedelta()) for reading in stretch]
    ys += ys * (len(xs) - len(ys))
    points = " ".join(f"{x},{y}" for x, y in zip(xs, ys, strict=True))
    area = f"{xs[0]},{HEIGHT} {points} {xs[-1]},{HEIGHT}"
    return h.fragment[
        h.polygon(".under", points=area), h.polyline(".level", points=points)
    ]
