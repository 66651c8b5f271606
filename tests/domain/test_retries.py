"""Pauses between attempts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.story import T0

from holdfast.domain.retries import FIRST, LONGEST, retry_at


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 2), (1, 2), (2, 4), (3, 8), (7, 120), (1_000, 120)]
)
def test_pauses_double_up_to_two_minutes(failures: int, seconds: int) -> None:
    """The first pause is two seconds, the longest two minutes."""
    assert retry_at(T0, failures) == T0 + timedelta(seconds=seconds)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_the_other_sides_wish_is_kept(failures: int, asked: timedelta) -> None:
    """A pause is never shorter than asked for, nor ever without end."""
    moment = retry_at(T0, failures, asked)
    assert moment >= T0 + max(FIRST, asked)
    assert moment <= T0 + max(LONGEST, asked)
