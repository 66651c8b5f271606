"""A silent witness and a missed quorum are incidents, which end by evidence alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.operations.company import Company, signed
from tests.witness.test_asking import (
    MINUTE,
    SILENT_AFTER,
    NearWitness,
    join,
    until,
    verdict,
    watched,
)

from holdfast.domain.events.notice import DutyEscalated
from holdfast.domain.events.tampering import TamperingFound
from holdfast.domain.events.unwitnessed import WitnessingLapsed, WitnessingResumed
from holdfast.domain.events.witness import QuorumMissed
from holdfast.errors import HoldfastError
from holdfast.evidence.standing import standing
from holdfast.operations import lapses
from holdfast.operations.respond import Desk
from holdfast.operations.rotation import retire_witness
from holdfast.operations.window import Window
from holdfast.operations.witnessing import Disagrees, Witnesses


def found(made: Company) -> list[WitnessingLapsed]:
    """Return what lapsed, in the log's order."""
    return [e for e in made.events(WitnessingLapsed) if isinstance(e, WitnessingLapsed)]


def ended(made: Company) -> list[WitnessingResumed]:
    """Return the ends of incidents."""
    return [
        e for e in made.events(WitnessingResumed) if isinstance(e, WitnessingResumed)
    ]


def told(made: Company) -> list[tuple[str, str]]:
    """Return subject and text of what Slack was told of such incidents."""
    sent = [one.message for one in made.kept["slack"].sent]
    return [(m.subject, m.text) for m in sent if m.key.startswith("unwitnessed-")]


def two_of_three() -> tuple[Company, list[NearWitness]]:
    """Return a company whose checkpoints need two of three witnesses."""
    made, near = watched(3)
    log = made.world.log
    asked = Witnesses(log, near, SILENT_AFTER, 2)
    made.world = replace(made.world, witnesses=asked)
    made.beat(2)
    return made, near


def test_a_silent_witness_is_one_incident() -> None:
    """Opened once after the limit, told once, taken on, and over by a cosignature."""
    made, near = two_of_three()
    near[0].mute = True
    until(made, SILENT_AFTER - MINUTE)
    assert found(made) == []
    until(made, timedelta(hours=1))
    (lapse,) = found(made)
    assert lapse.part == "witness auditor"
    assert "it cannot be reached" in lapse.detail
    ((subject, text),) = told(made)
    assert subject == "The audit log's witness auditor is silent"
    assert "it has cosigned nothing since" in text
    assert "go by the runbook" in text
    assert f"incident {lapse.incident} is open" in verdict(made).reason
    assert verdict(made).standing == "at_risk"
    near[0].mute = False
    until(made, 2 * MINUTE)
    (end,) = ended(made)
    assert end.incident == lapse.incident
    assert end.detail == "witness auditor cosigns again"
    (index,) = end.evidence
    state = made.world.log.state()
    assert index == state.witnesses["auditor"].cosigned_index
    assert [one[0] for one in told(made)][1:] == [
        "Resolved: the audit log's missing witnesses"
    ]
    assert "is open" not in verdict(made).reason
    until(made, timedelta(hours=1))
    assert len(found(made)) == len(ended(made)) == 1
    assert not state.incidents
    assert not made.kept["status_page"].sent


def test_a_missed_quorum_is_an_incident_of_its_own() -> None:
    """Whoever it takes away joins one incident, which ends with the last fault."""
    made, near = two_of_three()
    near[0].mute = True
    until(made, SILENT_AFTER + 2 * MINUTE)
    near[1].mute = True
    until(made, SILENT_AFTER + 2 * MINUTE)
    assert [one.part for one in found(made)] == [
        "witness auditor",
        "witness bank",
        "quorum",
    ]
    assert len({one.incident for one in found(made)}) == 1
    assert len(told(made)) == 3
    quorum = told(made)[-1]
    assert quorum[0] == "The audit log has no quorum of witnesses"
    assert "no checkpoint has its quorum of 2" in quorum[1]
    assert "cosigned by court" in quorum[1]
    near[0].mute = False
    until(made, 2 * MINUTE)
    assert ended(made) == []
    near[1].mute = False
    until(made, 2 * MINUTE)
    (end,) = ended(made)
    assert "checkpoints have their quorum again" in end.detail
    assert len(end.evidence) == 3


def test_a_quorum_missed_by_disagreement_alone() -> None:
    """A witness that disagrees is tampering; that its word is missing, a lapse."""
    made, (near,) = watched()
    log = made.world.log
    asked = Witnesses(log, [near], SILENT_AFTER, 1)
    made.world = replace(made.world, witnesses=asked)
    made.beat(2)
    near.cosign = lambda *_: Disagrees("status 422")  # type: ignore[method-assign]
    until(made, SILENT_AFTER + 2 * MINUTE)
    assert len(made.events(TamperingFound)) == 1
    assert [one.part for one in found(made)] == ["quorum"]
    assert verdict(made).standing == "breached"


def test_a_second_silence_is_a_second_incident() -> None:
    """What is over stays over; what comes again is told again."""
    made, near = two_of_three()
    for _ in range(2):
        near[0].mute = True
        until(made, SILENT_AFTER + 2 * MINUTE)
        near[0].mute = False
        until(made, 2 * MINUTE)
    assert len({one.incident for one in found(made)}) == 2
    assert len(ended(made)) == 2


def test_people_take_it_on_and_do_not_end_it() -> None:
    """Taken on in time nothing escalates; a person's word ends nothing."""
    made, near = two_of_three()
    near[0].mute = True
    until(made, SILENT_AFTER + 2 * MINUTE)
    desk = Desk(made.world.log, made.clock, "eli")
    situation = desk.situation()
    (lapse,) = found(made)
    assert lapses.is_meant(situation, None)
    assert lapses.is_meant(situation, lapse.incident)
    assert not lapses.is_meant(situation, "inc-1")
    assert lapses.acknowledge(desk) == lapse.incident
    until(made, timedelta(hours=2))
    assert made.events(DutyEscalated) == []
    with pytest.raises(HoldfastError, match="ends by itself"):
        lapses.refuse_to_resolve()
    near[0].mute = False
    until(made, 2 * MINUTE)
    with pytest.raises(HoldfastError, match="no incident of that is running"):
        lapses.acknowledge(desk)
    near[0].mute = True
    until(made, timedelta(hours=2))
    assert len(made.events(DutyEscalated)) == 1


def test_retiring_the_last_witness_ends_it() -> None:
    """Where nobody is asked any more, neither silence nor a missed quorum remains."""
    made, (near,) = watched()
    log = made.world.log
    asked = Witnesses(log, [near], SILENT_AFTER, 1)
    made.world = replace(made.world, witnesses=asked)
    made.beat(2)
    near.mute = True
    until(made, SILENT_AFTER + 2 * MINUTE)
    assert {one.part for one in found(made)} == {"quorum", "witness auditor"}
    join(made, [])
    desk = Desk(log, made.clock, "ana", signed("ana", made.clock.now()))
    retire_witness(desk, "auditor", "the contract ended")
    until(made, 2 * MINUTE)
    (end,) = ended(made)
    assert "witness auditor is asked no more" in end.detail
    assert "no witness is asked any more" in end.detail


def test_it_is_shown_with_its_timeline() -> None:
    """The view has its parts, the clocks, and each entry from silence to its end."""
    made, near = two_of_three()
    near[0].mute = True
    until(made, SILENT_AFTER + 2 * MINUTE)
    near[0].mute = False
    until(made, 2 * MINUTE)
    situation = made.world.situation()
    assert situation is not None
    window = Window(made.world.log, made.clock, None, "")
    (view,) = standing(situation, window.ledger()).incidents
    assert (view.title, view.phase) == ("The audit log is not witnessed", "resolved")
    assert view.services == ("witness auditor",)
    lines = "\n".join(line.text for line in view.timeline)
    assert "Witness auditor is silent: it cannot be reached" in lines
    assert "Not witnessed: witness auditor" in lines
    assert "Witness auditor cosigned size" in lines
    assert "Resolved: witness auditor cosigns again" in lines
    assert made.events(QuorumMissed) == []
