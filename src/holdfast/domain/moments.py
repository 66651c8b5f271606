"""A moment as a person under stress writes it, read without a guess.

`2026-11-23T14:05:00Z`, `2026-11-23 14:05`, `2026-11-23T14:05:00.5+11:00`, or a wall
clock with its zone: `2026-11-23 14:05 Australia/Melbourne`. Without a zone it is UTC.
Where the clocks change, a wall time may not exist, or be two moments; it is refused
then, since the wrong one of them restores what was to be left behind.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from holdfast.errors import HoldfastError

_HINT = (
    "Write it like 2026-11-23T14:05:00Z (UTC), 2026-11-23T14:05:00+11:00, or "
    '"2026-11-23 14:05 Australia/Melbourne".'
)
_FORM = re.compile(
    r"(?P<wall>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)"
    r"(?: ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d|[A-Za-z][\w+-]*(?:/[\w+-]+)*))?"
)


def parse_moment(text: str) -> datetime:
    """Return the moment in UTC.

    Raises `HoldfastError` for what is no moment, or might be two.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise HoldfastError(f'"{text}" is no moment', _HINT)
    zone = found["zone"] or "Z"
    try:
        if zone in {"Z", "UTC"}:
            return datetime.fromisoformat(found["wall"]).replace(tzinfo=UTC)
        if zone[0] in "+-":
            written = datetime.fromisoformat(found["wall"] + zone)
            return written.astimezone(UTC)
        wall = datetime.fromisoformat(found["wall"])
    except (ValueError, OverflowError) as error:
        raise HoldfastError(f'"{text}" is no moment: {error}', _HINT) from None
    return _on_the_wall(wall, zone)


def _on_the_wall(wall: datetime, name: str) -> datetime:
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f'"{name}" is no time zone that is known here'
        raise HoldfastError(message, _HINT) from None
    readings = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    real = sorted(
        at for at in readings if at.astimezone(zone).replace(tzinfo=None) == wall
    )
    said = f"{wall:%Y-%m-%d %H:%M:%S}"
    if not real:
        raise HoldfastError(
            f"the clocks of {name} skip {said}: they are set forward there",
            f"One of these is meant: {_choices(sorted(readings))}.",
        )
    if len(real) > 1:
        raise HoldfastError(
            f"{said} comes twice in {name}: the clocks are set back there",
            f"One of these is meant: {_choices(real)}.",
        )
    return real[0]


def _choices(moments: list[datetime]) -> str:
    return " or ".join(f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in moments)
