"""Views as JSON."""

from __future__ import annotations

import json

import pytest
from tests.evidence.sample_report import REPORT
from tests.server.sample import INCIDENT, STANDING

from holdfast.evidence.as_json import as_json


def test_lengths_carry_their_unit():
    """A length is a number of seconds and says so in its name."""
    clock = as_json(INCIDENT.clocks[0])
    assert clock["used_seconds"] == 10_920
    assert clock["allowed_seconds"] == 14_400
    assert as_json(INCIDENT.clocks[1])["allowed_seconds"] is None
    assert "used" not in clock


def test_moments_are_rfc_3339():
    """A moment is told in UTC."""
    assert as_json(STANDING)["as_of"] == "2026-11-23T22:48:30Z"


def test_every_view_can_be_written():
    """A whole report becomes JSON and back without a loss of structure."""
    read = json.loads(json.dumps(as_json(REPORT)))
    assert len(read["standing"]["sentences"]) == 36
    assert read["recoveries"][0]["recovery_time_seconds"] == pytest.approx(42.4)
    assert read["recoveries"][0]["invariants"][0][1] is True
