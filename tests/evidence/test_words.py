"""Moments and lengths in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.sample import INCIDENT, NOW

from holdfast.evidence.words import (
    about,
    ago,
    due,
    exact,
    local,
    owner_name,
    rfc3339,
    share,
    span,
    utc_beside,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (725, "12 min 5 s"),
        (3600, "1 h"),
        (11_100, "3 h 5 min"),
        (86_400, "1 d"),
        (100_000, "1 d 3 h"),
        (-725, "12 min 5 s"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds, words):
    """A length is told without what is too small to matter."""
    assert span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (40, "40 s"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 days"),
    ],
)
def test_far_away_is_told_roughly(seconds, words):
    """A length is told in one unit where that is enough."""
    assert about(timedelta(seconds=seconds)) == words


def test_due_turns_into_overdue():
    """Until its moment a duty is due, after it overdue."""
    assert due(NOW + timedelta(minutes=12), NOW) == "due in 12 min"
    assert due(NOW - timedelta(minutes=12), NOW) == "12 min overdue"


def test_past_and_future_are_told_apart():
    """What was is ago, what comes is ahead."""
    assert ago(NOW, NOW) == "just now"
    assert ago(NOW - timedelta(hours=3), NOW) == "3 h ago"
    assert ago(NOW + timedelta(hours=3), NOW) == "in 3 h"


def test_daylight_saving_is_named():
    """The zone's abbreviation tells summer from winter time."""
    summer = datetime(2026, 1, 1, tzinfo=UTC)
    assert local(summer, "Australia/Melbourne") == "Thu 1 Jan 2026, 11:00:00 AEDT"
    winter = datetime(2026, 7, 1, tzinfo=UTC)
    assert local(winter, "Australia/Melbourne") == "Wed 1 Jul 2026, 10:00:00 AEST"


def test_utc_is_not_told_twice():
    """Where the business lives in UTC there is no second reading."""
    assert utc_beside(NOW, "UTC") == ""
    assert utc_beside(NOW, "Europe/London") == "22:48 UTC"


@given(st.datetimes(timezones=st.just(UTC)))
def test_machine_moments_read_back(at):
    """A moment written for machines is the same moment when read."""
    assert datetime.fromisoformat(rfc3339(at)) == at


def test_measured_lengths_keep_their_tenths():
    """A short measurement keeps tenths, a long one its seconds in full."""
    assert exact(timedelta(seconds=42.36)) == "42.4 s"
    assert exact(timedelta(seconds=3725)) == "1 h 2 min (3725 s)"


def test_roles_are_written_out():
    """A role's abbreviation is written out; a person's name is left alone."""
    assert owner_name("IRT") == "Incident Response Team"
    assert owner_name("Mara") == "Mara"


def test_a_share_counts_in_the_clocks_own_time():
    """Business clocks count by their allowance, wall clocks by their due moment."""
    restore, update = INCIDENT.clocks[:2]
    assert share(restore, NOW) == pytest.approx(182 / 240)
    assert share(update, NOW) == pytest.approx(48 / 60)
