"""The fold: every type is taken in, nothing unknown hurts, the same tale ends alike."""

from __future__ import annotations

import dataclasses
import typing
from datetime import timedelta
from types import UnionType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.story import DAY, HOUR, MINUTE, T0, Story, confirmed

from holdfast.domain.events.governance import LedgerChecked, NodeStarted, PolicyAdopted
from holdfast.domain.events.incident import IncidentResolved, ServiceRestored
from holdfast.domain.events.kinds import EVENT_TYPES, Event
from holdfast.domain.events.notice import DutyEscalated
from holdfast.domain.state import State, evolve

KINDS = sorted(EVENT_TYPES.values(), key=lambda kind: kind.TYPE)


def example(kind: type[Event]) -> Event:
    """Make an event whose every id is unknown."""
    hints = typing.get_type_hints(kind)
    return kind(**{f.name: _filled(hints[f.name]) for f in dataclasses.fields(kind)})


def _filled(hint: Any) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return inner[0]
    if origin is tuple:
        return (_filled(inner[0]),)
    if origin in (UnionType, typing.Union):
        return _filled(inner[0])
    return {str: "unknown", int: 1, bool: True, type(T0): T0}[hint]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TYPE)
def test_every_type_is_folded(kind: type[Event]) -> None:
    """Each type of event can be folded, even where it names what nobody knows."""
    state = evolve(State(), example(kind), 0, T0)
    assert (state.size, state.recorded_at) == (1, T0)
    again = evolve(confirmed().state, example(kind), 99, T0 + DAY)
    assert again.size == 100


@settings(deadline=None)
@given(st.lists(st.sampled_from(KINDS), max_size=12))
def test_any_order_of_events_is_folded(kinds: list[type[Event]]) -> None:
    """Events in any order never raise, and folding them again gives an equal state."""
    states = []
    for _ in range(2):
        state = State()
        for index, kind in enumerate(kinds):
            state = evolve(state, example(kind), index, T0)
        states.append(state)
    assert states[0] == states[1]


def test_the_same_tale_gives_the_same_state() -> None:
    """State follows from the entries alone."""
    story = confirmed()
    story.beat_until(T0 + 2 * HOUR)
    story.turn(True)
    story.beat_until(T0 + 3 * HOUR)
    state = State()
    for index, event in enumerate(story.told):
        state = evolve(state, event, index, story.state.recorded_at or T0)
    assert state == story.state
    assert not state.running


def test_services_of_unknown_incidents_are_restored_in_peace() -> None:
    """A restored service that the incident never had does not stop the fold."""
    story = confirmed()
    name = story.incident.id
    story.tell(ServiceRestored(name, "another", T0 + HOUR, T0 + HOUR))
    assert "another" not in story.incident.failing


def test_an_incident_runs_until_it_is_resolved() -> None:
    """Incidents are running from their opening to their resolution."""
    story = confirmed()
    assert [i.id for i in story.state.running_incidents()] == [story.incident.id]
    story.tell(IncidentResolved(story.incident.id, "holdfast", story.now))
    assert story.state.running_incidents() == ()
    assert [i.running for i in story.state.all_incidents()] == [False]


def test_the_first_adoption_is_remembered() -> None:
    """A new version of the policy is in force, but what is owed keeps its date."""
    story = Story().adopt().after(200 * DAY)
    story.tell(PolicyAdopted("sha256:new", "New", 3, "ben", story.now))
    assert story.state.adopted.first_at == T0
    assert story.state.adopted.policy is not None
    assert story.state.adopted.policy.digest == "sha256:new"
    assert story.state.adopted.policy_index == 1


def test_nodes_and_checks_are_kept_and_bounded() -> None:
    """The newest start of each node and the last ten checks are remembered."""
    story = Story().tell(NodeStarted("a", "1", T0), NodeStarted("a", "2", T0 + MINUTE))
    for number in range(30):
        at = T0 + number * HOUR
        story.tell(LedgerChecked(number, "root", True, "log", "", at))
    assert story.state.nodes["a"].version == "2"
    assert [check.size for check, _ in story.state.ledger_checks] == list(range(20, 30))


def test_escalations_keep_their_entry() -> None:
    """An escalated duty is remembered with the entry that says so."""
    story = Story().tell(DutyEscalated("d", "i", "alerting", T0, T0))
    assert "d" in story.state.notices.escalated
    assert story.state.notices.escalated_indices["d"] == 0


def test_incidents_come_in_the_order_of_the_ledger() -> None:
    """Incidents are listed as they were recorded, in every process alike."""
    story = Story()
    for number in range(12):
        at = T0 + number * DAY
        story.at(at).turn(False).after(timedelta(minutes=5)).conclude()
        story.after(MINUTE).turn(True).after(timedelta(minutes=15)).conclude()
    opened = [incident.opened.began_at for incident in story.state.all_incidents()]
    assert opened == [T0 + number * DAY for number in range(12)]


def test_the_state_is_made_of_what_can_be_kept() -> None:
    """Each type that the state has a field of is one that a kept fold can hold."""
    from holdfast.storage.fold_codec import from_lines, to_lines

    assert from_lines(to_lines(State())) == State()
    state = confirmed().state
    assert from_lines(to_lines(state)) == state
