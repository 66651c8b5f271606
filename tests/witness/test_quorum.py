"""A quorum that is missed is a risk; a witness that is retired is asked of no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.operations.company import signed
from tests.witness.test_asking import MINUTE, SILENT_AFTER, until, verdict, watched

from holdfast.domain.events.witness import (
    QuorumMet,
    QuorumMissed,
    WitnessRetired,
    WitnessSilent,
)
from holdfast.errors import HoldfastError
from holdfast.operations.authority import ForbiddenError, NotSignedInError
from holdfast.operations.respond import Desk
from holdfast.operations.rotation import retire_witness
from holdfast.operations.witnessing import Witnesses


def test_a_quorum_that_is_missed_and_met_again() -> None:
    """Recorded once after its time, judged with who did cosign, and ended."""
    made, near = watched(3)
    log = made.world.log
    asked = Witnesses(log, near, SILENT_AFTER, 2)
    made.world = replace(made.world, witnesses=asked)
    made.beat(2)
    near[0].mute = True
    until(made, SILENT_AFTER + MINUTE)
    assert made.events(QuorumMissed) == []
    near[1].mute = True
    until(made, SILENT_AFTER - MINUTE)
    assert made.events(QuorumMissed) == []
    until(made, timedelta(minutes=5))
    (missed,) = made.events(QuorumMissed)
    assert (missed.wanted, missed.witnesses) == (2, ("court",))  # type: ignore[union-attr]
    standing = verdict(made)
    assert standing.standing == "at_risk"
    assert "no checkpoint has its quorum of 2" in standing.reason
    assert "cosigned by court" in standing.reason
    near[0].mute = False
    until(made, 2 * MINUTE)
    (met,) = made.events(QuorumMet)
    assert met.witnesses == ("auditor", "court")  # type: ignore[union-attr]
    assert "quorum" not in verdict(made).reason
    until(made, timedelta(hours=1))
    assert len(made.events(QuorumMissed)) == len(made.events(QuorumMet)) == 1


def test_a_quorum_is_missed_by_a_node_that_starts_again_and_again() -> None:
    """It runs from the last checkpoint that had enough, whoever was asked since."""
    made, near = watched(3)
    log = made.world.log

    def start() -> None:
        asked = Witnesses(log, near, SILENT_AFTER, 2)
        made.world = replace(made.world, witnesses=asked)

    start()
    until(made, MINUTE)
    last = made.clock.now()
    near[0].mute = near[1].mute = True
    for _ in range(5):
        start()
        until(made, SILENT_AFTER / 2 + MINUTE)
    (missed,) = made.events(QuorumMissed)
    assert isinstance(missed, QuorumMissed)
    assert last - MINUTE <= missed.since <= last


def test_a_retired_witness_weighs_no_more() -> None:
    """Its silence puts nothing at risk any more; who retired it and why is recorded."""
    made, (one, other) = watched(2)
    made.beat(2)
    one.mute = True
    until(made, SILENT_AFTER + MINUTE)
    assert verdict(made).standing == "at_risk"
    log, clock = made.world.log, made.clock
    asked = Witnesses(log, [other], SILENT_AFTER, 1)
    made.world = replace(made.world, witnesses=asked)
    with pytest.raises(ForbiddenError):
        retire_witness(Desk(log, clock, "eli"), "auditor", "it moved")
    with pytest.raises(NotSignedInError, match="ana must sign in"):
        retire_witness(Desk(log, clock, "ana"), "auditor", "it moved")
    known = signed("ana", clock.now())
    desk = Desk(log, clock, "ana", known)
    with pytest.raises(HoldfastError, match="no reason"):
        retire_witness(desk, "auditor", " ")
    with pytest.raises(HoldfastError, match="knows no witness court"):
        retire_witness(desk, "court", "never was one")
    retire_witness(desk, "auditor", "the auditor changed")
    until(made, timedelta(hours=1))
    assert verdict(made).standing != "at_risk"
    assert list(log.state().witnesses) == ["bank"]
    (retired,) = made.events(WitnessRetired)
    assert (retired.by, retired.reason) == ("ana", "the auditor changed")  # type: ignore[union-attr]
    assert retired.signed_in == known.words()  # type: ignore[union-attr]
    assert len(made.events(WitnessSilent)) == 1
