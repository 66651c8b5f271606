"""The law of the fold: whatever is recorded, no entry stops it.

What stands in the log stands there for ever: an entry that the fold cannot take would
stop every node, and whoever can write one entry could do that.
"""

from __future__ import annotations

import dataclasses
import typing
from datetime import UTC, datetime, timedelta
from functools import cache
from types import UnionType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.test_journal import KINDS

from holdfast.domain.events.drill import DrillOrdered, RehearsalOrdered
from holdfast.domain.events.kinds import Event
from holdfast.domain.state import State, evolve
from holdfast.journal import Fact, read, seal

FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
# Few, so that events speak of one another; and what no event of ours would say.
TEXTS = st.sampled_from(["a", "b", "a/b", "", "audit-log", "database"])
NUMBERS = st.sampled_from([0, 1, 2, -1, 5_000, 2**53 - 1, -(2**53) + 1])
MOMENTS = st.sampled_from([FIRST, LAST, NOW, NOW + timedelta(days=500)]) | st.integers(
    -40, 40
).map(lambda hours: NOW + timedelta(hours=hours))
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: NUMBERS,
    bool: st.booleans(),
    datetime: MOMENTS,
    type(None): st.none(),
}


def strategy(hint: Any) -> st.SearchStrategy[Any]:
    """Make any value that an entry may hold in a field of this type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(strategy(inner[0]), max_size=3).map(tuple)
    if origin in (UnionType, typing.Union):
        return st.one_of([strategy(each) for each in inner])
    return PLAIN[hint]


@cache
def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Make any event of the kind."""
    hints = typing.get_type_hints(kind)
    return st.builds(
        kind, **{f.name: strategy(hints[f.name]) for f in dataclasses.fields(kind)}
    )


ANY_EVENT = st.one_of([events(kind) for kind in KINDS])


def folded(given_events: list[Event], recorded_at: datetime) -> State:
    """Return the fold of the events, as they read back from their bytes."""
    state = State()
    for index, event in enumerate(given_events):
        entry = read(index, seal(Fact(event, NOW), "n", recorded_at))
        state = evolve(state, entry.event, index, recorded_at)
    return state


@settings(deadline=None, max_examples=60)
@given(st.lists(ANY_EVENT, max_size=12), st.sampled_from([FIRST, NOW, LAST]))
def test_no_recorded_event_stops_the_fold(
    some: list[Event], recorded_at: datetime
) -> None:
    """Any decodable events, in any order and of any moments, are folded."""
    assert folded(some, recorded_at).size == len(some)


@pytest.mark.parametrize("recorded_at", [FIRST, NOW, LAST])
def test_every_kind_is_folded_after_every_other(recorded_at: datetime) -> None:
    """Each kind twice, with what is least and most likely in its fields."""
    some = [event for kind in KINDS for event in extremes(kind)]
    assert folded([*some, *reversed(some)], recorded_at).size == 2 * len(some)


def extremes(kind: type[Event]) -> list[Event]:
    """Return events of the kind, every field filled by its type: few, many, absurd."""
    hints = typing.get_type_hints(kind)
    names = [(field.name, hints[field.name]) for field in dataclasses.fields(kind)]
    return [
        kind(**{name: filled(hint, choice) for name, hint in names})
        for choice in range(4)
    ]


def filled(hint: Any, choice: int) -> Any:
    """Return a value of the type: the choice-th kind of strange."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return inner[choice % len(inner)]
    if origin is tuple:
        return tuple(filled(inner[0], each) for each in range(choice))
    if origin in (UnionType, typing.Union):
        return filled(inner[-1 if choice % 2 else 0], choice)
    values: dict[Any, tuple[Any, ...]] = {
        str: ("a", "", "a", "b"),
        int: (1, -1, 2**53 - 1, 0),
        bool: (True, False, False, True),
        datetime: (NOW, FIRST, LAST, NOW - timedelta(hours=1)),
        type(None): (None,) * 4,
    }
    return values[hint][choice]


def test_a_rehearsal_with_a_rank_too_few_is_folded() -> None:
    """Drills and ranks go together as far as they do."""
    one, two = (DrillOrdered(name, "db", 1, None, "ana", NOW) for name in ("a", "b"))
    order = RehearsalOrdered("r", "region-loss", ("a", "b"), (2,), "ana", NOW)
    state = folded([one, two, order], NOW)
    assert (state.drills["a"].rehearsal, state.drills["a"].rank) == ("r", 2)
    assert (state.drills["b"].rehearsal, state.drills["b"].rank) == (None, 1)
