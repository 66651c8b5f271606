"""Moments, spans and states in the words that people are shown.

Every moment is told in the business calendar's zone and in UTC: the response team
thinks in the one, the logs in the other. Nothing here reads a clock; "in 12 min" is
said from a `now` that comes in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from holdfast.domain.questions import ROLE_NAMES
from holdfast.evidence.views import ClockView, Standing

STANDING_WORDS: dict[Standing, str] = {
    "breached": "breached",
    "at_risk": "at risk",
    "stale": "stale",
    "unproven": "unproven",
    "unbound": "unbound",
    "met": "met",
}
"""Worst first: the order in which people look for them."""

CLOCK_WORDS = {
    "running": "running",
    "at_risk": "at risk",
    "overdue": "overdue",
    "done": "done in time",
    "done_late": "done late",
}

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_SECOND = timedelta(seconds=1)
_LONG_IN_SECONDS = 120


def rfc3339(at: datetime) -> str:
    """Write a moment in UTC for machines: whole seconds stay without a fraction."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def local(at: datetime, zone: str) -> str:
    """Say a moment in the zone of the business: "Mon 23 Nov 2026, 09:14:05 AEDT"."""
    there = at.astimezone(ZoneInfo(zone))
    return f"{_day(there)} {there.year}, {there:%H:%M:%S} {there.tzname()}"


def local_short(at: datetime, zone: str) -> str:
    """Say it without year and seconds, for lists: "Mon 23 Nov 09:14 AEDT"."""
    there = at.astimezone(ZoneInfo(zone))
    return f"{_day(there)} {there:%H:%M} {there.tzname()}"


def local_exact(at: datetime, zone: str) -> str:
    """Say it without the year, to the second: "Mon 23 Nov 09:14:05 AEDT"."""
    there = at.astimezone(ZoneInfo(zone))
    return f"{_day(there)} {there:%H:%M:%S} {there.tzname()}"


def local_time(at: datetime, zone: str) -> str:
    """Say only the time of day, to the second, for a timeline: "09:14:05"."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M:%S}"


def local_day(at: datetime, zone: str) -> str:
    """Say only the day, with the zone: "Mon 23 Nov, AEDT"."""
    there = at.astimezone(ZoneInfo(zone))
    return f"{_day(there)}, {there.tzname()}"


def utc_beside(at: datetime, zone: str) -> str:
    """Say UTC as the second reading; empty where the zone's clock shows UTC itself.

    The weekday is added where it differs from the local one.
    """
    there, here = at.astimezone(ZoneInfo(zone)), at.astimezone(UTC)
    if there.tzname() == "UTC":
        return ""
    day = "" if there.date() == here.date() else f"{_DAYS[here.weekday()]} "
    return f"{day}{here:%H:%M} UTC"


def span(length: timedelta) -> str:
    """Say a length in its two largest units: "45 s", "12 min 5 s", "3 h 5 min"."""
    seconds = abs(length) // _SECOND
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes == 0:
        return f"{seconds} s"
    if hours == 0:
        return _two(minutes, "min", seconds % 60, "s")
    if days == 0:
        return _two(hours, "h", minutes % 60, "min")
    return _two(days, "d", hours % 24, "h")


def exact(length: timedelta) -> str:
    """Say a measured length so that it can be checked: to the tenth of a second."""
    seconds = length.total_seconds()
    if abs(seconds) < _LONG_IN_SECONDS:
        return f"{seconds:.1f} s"
    return f"{span(length)} ({seconds:.0f} s)"


def about(length: timedelta) -> str:
    """Say a length roughly, in one unit: what is far away needs no minutes."""
    seconds = abs(length) // _SECOND
    for size, word in ((86400 * 2, "days"), (7200, "h"), (60, "min")):
        if seconds >= size:
            unit = {"days": 86400, "h": 3600, "min": 60}[word]
            return f"{seconds // unit} {word}"
    return f"{seconds} s"


def due(at: datetime, now: datetime) -> str:
    """Say how a due moment stands from now: "due in 12 min", "12 min overdue"."""
    if at >= now:
        return f"due in {about(at - now)}"
    return f"{about(now - at)} overdue"


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago something was; a moment ahead is said as "in ..."."""
    if now - at < _SECOND and at <= now:
        return "just now"
    return f"{about(now - at)} ago" if at <= now else f"in {about(at - now)}"


def owner_name(owner: str) -> str:
    """Write a role out; any other owner is already a name."""
    return next((name for role, name in ROLE_NAMES.items() if role == owner), owner)


def control_name(control: str) -> str:
    """Say a control's name in words."""
    return control.replace("_", " ")


def share(clock: ClockView, now: datetime) -> float:
    """Return how much of a clock's limit is used up, from 0 to 1 and beyond.

    Where the limit counts business time and is not given as a duration, wall time up
    to the due moment is the nearest honest picture.
    """
    if clock.allowed is not None and clock.allowed > timedelta():
        return max(0.0, clock.used / clock.allowed)
    until = clock.stopped_at or now
    whole = max(clock.due_at - clock.started_at, _SECOND)
    return max(0.0, (until - clock.started_at) / whole)


def _day(there: datetime) -> str:
    return f"{_DAYS[there.weekday()]} {there.day} {_MONTHS[there.month - 1]}"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    tail = f" {small} {small_unit}" if small else ""
    return f"{large} {large_unit}{tail}"
