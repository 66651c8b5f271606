"""The pieces of HTML that the web page and the printed report share.

A state is always a word and a shape; colour only underlines it. No piece carries a
style attribute, so that the page's content security policy can forbid them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import htpy as h

from holdfast.evidence.words import (
    CLOCK_WORDS,
    STANDING_WORDS,
    local,
    local_exact,
    local_short,
    rfc3339,
    utc_beside,
)

_CIRCLE = h.circle(cx="8", cy="8", r="7")
_TICK = h.path(d="M4.5 8.3 7 10.8l4.6-5.4", class_="ink")
_SHAPES: dict[str, tuple[h.Node, ...]] = {
    "met": (_CIRCLE, _TICK),
    "done": (_CIRCLE, _TICK),
    "kept": (_CIRCLE, _TICK),
    "at_risk": (
        h.path(d="M8 1.2 15.4 14.4H.6z"),
        h.path(d="M8 6v4M8 11.6v1", class_="ink"),
    ),
    "breached": (
        h.path(d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z"),
        h.path(d="M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6", class_="ink"),
    ),
    "stale": (_CIRCLE, h.path(d="M8 4v4.2l2.8 1.8", class_="ink")),
    "unproven": (
        h.rect(x="1", y="1", width="14", height="14", rx="3", class_="hollow"),
        h.path(
            d="M5.8 6.2c0-3 4.4-2.8 4.4-.2 0 1.8-2.2 1.8-2.2 3.4M8 11.4v1",
            class_="line",
        ),
    ),
    "unbound": (
        h.path(d="M8 .9 15.1 8 8 15.1.9 8z", class_="hollow"),
        h.path(d="M5.2 8h5.6", class_="line"),
    ),
    "running": (_CIRCLE, h.path(d="M6.3 4.8 11.4 8l-5.1 3.2z", class_="solid-ink")),
    "quiet": (h.path(d="M3 8h10", class_="line"),),
}
_SAME_SHAPE = {
    "overdue": "breached",
    "missed": "breached",
    "failed": "breached",
    "done_late": "at_risk",
    "owed": "running",
}
_WORDS = {
    **STANDING_WORDS,
    **CLOCK_WORDS,
    "owed": "owed",
    "kept": "kept",
    "missed": "missed",
    "failed": "failed",
    "quiet": "for information",
}


def shape(state: str) -> h.Element:
    """Draw the shape of a state; the word beside it is what a screen reader says."""
    return h.svg(".shape", viewBox="0 0 16 16", aria_hidden="true")[
        _SHAPES[_SAME_SHAPE.get(state, state)]
    ]


def mark(state: str, word: str | None = None) -> h.Element:
    """Say a state: its shape, then its word."""
    return h.span(f".mark.is-{state.replace('_', '-')}")[
        shape(state), h.span(".word")[word or _WORDS[state]]
    ]


_LENGTHS = {"short": local_short, "exact": local_exact, "full": local}


def when(
    at: datetime, zone: str, length: Literal["short", "exact", "full"] = "short"
) -> h.Fragment:
    """Say a moment in the zone of the business, and UTC beside it."""
    text = _LENGTHS[length](at, zone)
    beside = utc_beside(at, zone)
    return h.fragment[
        h.time(datetime=rfc3339(at))[text],
        beside and [" ", h.span(".utc")[f"({beside})"]],
    ]


def bar(part: float, state: str, label: str) -> h.Element:
    """Draw how much of a limit is used; beyond the limit the bar is full."""
    width = f"{min(part, 1.0) * 100:.1f}"
    return h.svg(
        f".bar.is-{state.replace('_', '-')}",
        viewBox="0 0 100 4",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )[
        h.rect(".track", width="100", height="4"),
        h.rect(".fill", width=width, height="4"),
    ]


def stretch(began: float, part: float, state: str, label: str) -> h.Element:
    """Draw when something began within a whole, and how much of it it took."""
    return h.svg(
        f".bar.is-{state.replace('_', '-')}",
        viewBox="0 0 100 4",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )[
        h.rect(".track", width="100", height="4"),
        # What took no time at all is still seen.
        h.rect(
            ".fill",
            x=f"{began * 100:.1f}",
            width=f"{max(part * 100, 0.5):.1f}",
            height="4",
        ),
    ]
