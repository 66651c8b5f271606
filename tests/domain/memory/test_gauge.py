"""The gauge's readings: one by one for a day, then the worst of each hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from holdfast.domain.events.observation import ProtectionSeen
from holdfast.domain.memory.protection import (
    HOURS_KEPT,
    READINGS_KEPT,
    Datastore,
    Datastores,
    remember,
)

START = datetime(2026, 11, 1, tzinfo=UTC)
LOOK = timedelta(minutes=5)


def looked(lags: list[timedelta | None], every: timedelta = LOOK) -> Datastore:
    """Look once for each lag, one after the other."""
    known = Datastores()
    for number, lag in enumerate(lags):
        at = START + number * every
        reach = None if lag is None else at - lag
        event = ProtectionSeen("db", at, True, True, False, reach, (1,), "sha256:00")
        known = remember(known, event, number)
    return known["db"]


def test_a_day_is_kept_look_by_look() -> None:
    """The newest day has every reading, in order."""
    found = looked([timedelta(seconds=n) for n in range(400)])
    assert len(found.readings) == READINGS_KEPT // LOOK + 1
    assert [r.lost_if_now for r in found.readings[-2:]] == [
        timedelta(seconds=398),
        timedelta(seconds=399),
    ]


def test_an_hour_keeps_its_worst_reading() -> None:
    """Of an older hour the worst is kept; where nothing was restorable, that."""
    quiet = [timedelta(seconds=1)] * 300
    bad = [*quiet]
    bad[3], bad[14] = timedelta(minutes=50), None
    found = looked([*bad, *quiet])
    assert found.hours[0].lost_if_now == timedelta(minutes=50)
    assert found.hours[1].lost_if_now is None
    assert {reading.lost_if_now for reading in found.hours[2:]} == {
        timedelta(seconds=1)
    }


def test_what_is_kept_is_bounded() -> None:
    """A year of looks does not grow the memory beyond its bound."""
    found = looked([timedelta(0)] * 3_000, every=timedelta(hours=1))
    assert len(found.hours) <= HOURS_KEPT // timedelta(hours=1) + 1


def test_a_clock_that_is_ahead_never_shows_less_than_nothing() -> None:
    """A recoverable moment after the look counts as no loss, not as a gain."""
    assert looked([-timedelta(seconds=3)]).readings[0].lost_if_now == timedelta(0)
