"""When evidence is fresh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.domain.controls.judging import CLOCKS_DIFFER_MAX, within

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("moment", "fresh"),
    [
        (NOW, True),
        (NOW - DAY, True),
        (NOW - DAY - TICK, False),
        (NOW + CLOCKS_DIFFER_MAX, True),
        (NOW + CLOCKS_DIFFER_MAX + TICK, False),
        (NOW + 365 * DAY, False),
    ],
)
def test_evidence_is_neither_old_nor_still_to_come(
    moment: datetime, fresh: bool
) -> None:
    """What a clock that ran ahead has dated does not stay fresh until then."""
    assert within(moment, NOW, DAY) is fresh
