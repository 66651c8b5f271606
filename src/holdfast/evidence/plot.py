"""The report's pictures: a disaster along one axis, a deadline as a bar.

Each moment of the axis has a row of its own, so that no two labels can ever meet,
however close together things happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import htpy as h

from holdfast.evidence.words import exact, local_time

_WIDTH = 720
_MARGIN = 14
_ROW = 22
_TOP = 26
_LABEL_TURNS = 0.5
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, and whether it was trouble, talk or relief."""

    at: datetime
    text: str
    mood: Literal["bad", "told", "good"]


def axis(moments: Sequence[Moment], zone: str) -> h.Element:
    """Draw moments along wall time, first on top."""
    told = sorted(moments, key=lambda moment: moment.at)
    start, end = told[0].at, told[-1].at
    height = _TOP + _ROW * len(told) + 8
    return h.svg(
        ".axis", viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=_said(told)
    )[
        h.line(x1=_MARGIN, x2=_WIDTH - _MARGIN, y1=_TOP - 12, y2=_TOP - 12),
        (_row(moment, number, start, end, zone) for number, moment in enumerate(told)),
    ]


def deadline(part: float, *, met: bool, label: str) -> h.Element:
    """Draw a deadline: the bar is the time allowed, the dot where it was done."""
    width, dot = 160, 12 + 120 * min(part, 1.2)
    mood = "good" if met else "bad"
    return h.svg(".deadline", viewBox=f"0 0 {width} 20", role="img", aria_label=label)[
        h.rect(x="12", y="8", width="120", height="4", class_="track"),
        h.rect(x="12", y="8", width=f"{dot - 12:.1f}", height="4", class_=mood),
        h.line(x1="132", x2="132", y1="3", y2="17"),
        h.circle(cx=f"{dot:.1f}", cy="10", r="5", class_=mood)
        if met
        else h.path(
            d=f"M{dot - 4:.1f} 6l8 8m0-8l-8 8", class_=mood, stroke_width="2.5"
        ),
    ]


def _row(
    moment: Moment, number: int, start: datetime, end: datetime, zone: str
) -> h.Fragment:
    part = (moment.at - start) / max(end - start, _INSTANT)
    x = _MARGIN + part * (_WIDTH - 2 * _MARGIN)
    y = _TOP + number * _ROW + 6
    turned = part > _LABEL_TURNS
    text = f"{local_time(moment.at, zone)} +{exact(moment.at - start)} {moment.text}"
    return h.fragment[
        h.line(x1=f"{x:.1f}", x2=f"{x:.1f}", y1=_TOP - 12, y2=y, class_="stem"),
        h.circle(cx=f"{x:.1f}", cy=y, r="4.5", class_=moment.mood),
        h.text(
            x=f"{x - 9 if turned else x + 9:.1f}",
            y=y + 4,
            text_anchor="end" if turned else "start",
        )[text],
    ]


def _said(told: Sequence[Moment]) -> str:
    start = told[0].at
    return "; ".join(f"{m.text} after {exact(m.at - start)}" for m in told)
