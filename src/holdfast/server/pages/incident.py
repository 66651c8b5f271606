"""A running incident: its clocks, big, and what has happened so far."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

import htpy as h

from holdfast.evidence.parts import bar, mark, when
from holdfast.evidence.views import ClockView, IncidentView, TimelineView
from holdfast.evidence.words import (
    CLOCK_WORDS,
    about,
    ago,
    due,
    local_day,
    local_time,
    rfc3339,
    share,
    span,
    utc_beside,
)

_PHASES = {
    "open": "Open, not declared a disaster",
    "declared": "Disaster declared",
    "recovering": "Recovering",
    "resolved": "Resolved",
}
_SHOWN = 12


def running(incident: IncidentView, now: datetime, zone: str) -> h.Element:
    """Show an incident that is not over."""
    title_id = f"incident-{incident.id}"
    return h.article(".incident", aria_labelledby=title_id)[
        h.p(".phase")[_PHASES[incident.phase]],
        h.h2(id=title_id)[incident.title],
        h.ul(".clocks")[(_clock(c, now, zone) for c in _urgent_first(incident))],
        _facts(incident, now, zone),
        _timeline(incident.timeline, zone),
    ]


def resolved(incident: IncidentView, zone: str) -> h.Element:
    """Show an incident that is over in one line, with its timeline folded away."""
    lasted = (incident.resolved_at or incident.began_at) - incident.began_at
    return h.details(".past")[
        h.summary[
            mark("done", "resolved"),
            " ",
            incident.title,
            h.span(".quiet")[
                " · lasted ", span(lasted), " · ", when(incident.began_at, zone)
            ],
        ],
        h.ul(".outcomes")[
            (
                h.li[mark(clock.state), " ", clock.name, _used(clock)]
                for clock in incident.clocks
            )
        ],
        _entries(incident.timeline, zone),
    ]


def _urgent_first(incident: IncidentView) -> list[ClockView]:
    """Put what still runs before what is done, and what is due soonest on top."""
    return sorted(
        incident.clocks, key=lambda clock: (clock.stopped_at is not None, clock.due_at)
    )


def _facts(incident: IncidentView, now: datetime, zone: str) -> h.Element:
    return h.dl(".facts")[
        _fact("Services", ", ".join(incident.services)),
        _fact("Began", when(incident.began_at, zone), ago(incident.began_at, now)),
        _fact(
            "Detected",
            when(incident.detected_at, zone),
            f"after {span(incident.detected_at - incident.began_at)}",
        ),
        _fact("Declared", when(incident.declared_at, zone))
        if incident.declared_at
        else _fact("Declared", "not yet"),
        _fact("Acknowledged by", incident.acknowledged_by or "nobody yet"),
    ]


def _fact(name: str, value: h.Node, note: str = "") -> h.Element:
    return h.div[h.dt[name], h.dd[value, note and h.span(".quiet")[f" · {note}"]]]


def _clock(clock: ClockView, now: datetime, zone: str) -> h.Element:
    state = clock.state.replace("_", "-")
    return h.li(f".clock.is-{state}")[
        h.h3[clock.name],
        mark(clock.state),
        h.p(".big")[_headline(clock, now)],
        bar(share(clock, now), clock.state, _bar_label(clock, now)),
        h.p[
            span(clock.used),
            " of ",
            clock.limit,
            " used" if clock.stopped_at is None else " taken",
        ],
        h.p(".quiet")["Due ", when(clock.due_at, zone)],
        clock.business
        and h.p(".quiet")["Counts business time; the due moment is on the wall."],
    ]


def _headline(clock: ClockView, now: datetime) -> str:
    if clock.stopped_at is None:
        left = clock.due_at - now
        words = span(left) if abs(left).days == 0 else about(left)
        return f"{words} left" if clock.due_at >= now else f"{words} overdue"
    early = clock.due_at - clock.stopped_at
    return f"{span(early)} to spare" if clock.state == "done" else f"{span(early)} late"


def _bar_label(clock: ClockView, now: datetime) -> str:
    part = round(share(clock, now) * 100)
    moment = due(clock.due_at, now) if clock.stopped_at is None else "stopped"
    return f"{part} % of {clock.limit} used, {CLOCK_WORDS[clock.state]}, {moment}"


def _used(clock: ClockView) -> str:
    return f": {span(clock.used)} of {clock.limit}"


def _timeline(entries: tuple[TimelineView, ...], zone: str) -> h.Fragment:
    earlier, latest = entries[:-_SHOWN], entries[-_SHOWN:]
    return h.fragment[
        h.h3["What happened"],
        _earlier(earlier, zone),
        _entries(latest, zone),
    ]


def _earlier(entries: tuple[TimelineView, ...], zone: str) -> h.Node:
    if not entries:
        return None
    count = f"{len(entries)} earlier entries"
    return h.details[h.summary[count], _entries(entries, zone)]


def _entries(entries: tuple[TimelineView, ...], zone: str) -> h.Fragment:
    by_day = groupby(entries, key=lambda entry: local_day(entry.at, zone))
    return h.fragment[
        (
            [h.p(".day")[day], h.ol(".timeline")[(_entry(e, zone) for e in some)]]
            for day, some in by_day
        )
    ]


def _entry(entry: TimelineView, zone: str) -> h.Element:
    beside = utc_beside(entry.at, zone)
    return h.li[
        h.span(".at")[
            h.time(datetime=rfc3339(entry.at))[local_time(entry.at, zone)],
            beside and [" ", h.span(".utc")[beside]],
        ],
        h.span(".what")[entry.text],
        h.span(".index")[f"#{entry.index}"],
    ]
