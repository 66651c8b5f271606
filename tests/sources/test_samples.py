"""Transitions and seals, from samples alone."""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.domain.catalogue import Probe, VantagePoint
from holdfast.operations.ports.source import Sample
from holdfast.sources import samples
from holdfast.sources.prober import Book, Target, next_turn
from holdfast.sources.samples import Transition, Turning

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
EVERY = timedelta(seconds=60)
TIMEOUT = timedelta(seconds=10)
TARGET = Target("shop", VantagePoint("node", "eu"), Probe("http://x", EVERY, TIMEOUT))
verdicts = st.lists(st.booleans(), max_size=40)


def sample(minute: float, *, ok: bool) -> Sample:
    """Return a sample of that minute."""
    at = NOW + timedelta(minutes=minute)
    return Sample("shop", "node", at, ok, 1.5, "ok" if ok else f"down at {minute}")


def turns(steady: int, *oks: bool) -> list[Transition]:
    """Return the transitions in a sample a minute."""
    turning = Turning(steady)
    seen = [turning.see(sample(minute, ok=ok)) for minute, ok in enumerate(oks)]
    return [one for one in seen if one is not None]


def book_of(*seen: Sample) -> Book:
    """Return a book that holds the samples."""
    book = Book([TARGET])
    for one in seen:
        book.add(one)
    return book


def test_first_sample_is_a_transition():
    """Before the first look nothing is known, so that it always tells something new."""
    assert [t.ok for t in turns(1, True)] == [True]
    assert [t.ok for t in turns(3, False)] == [False]


def test_transition_is_dated_back_to_the_first_that_differed():
    """A change that takes three samples to be certain began with the first of them."""
    _, red = turns(3, True, False, False, False)
    assert (red.since, red.at) == (sample(1, ok=False).at, sample(3, ok=False).at)
    assert (red.ok, red.detail) == (False, "down at 1")


def test_flicker_is_no_transition_when_steadiness_is_asked_for():
    """A single odd sample among many is none of two in a row."""
    assert len(turns(2, True, False, True, False, True)) == 1


@given(verdicts)
def test_transitions_alternate_and_tell_the_last_state(oks):
    """Transitions change the state each time, and the last is the last sample's."""
    found = [one.ok for one in turns(1, *oks)]
    assert all(one != other for one, other in itertools.pairwise(found))
    assert found[-1:] == oks[-1:]


@given(verdicts)
def test_seal_counts_what_its_lines_hold(oks):
    """A seal's counts and digest are those of the lines beside it."""
    seal = book_of(*(sample(m, ok=ok) for m, ok in enumerate(oks))).seal("shop", "node")
    if not oks:
        assert seal is None
        return
    assert seal is not None
    lines = [json.loads(line) for line in seal.lines.splitlines()]
    assert [line["ok"] for line in lines] == oks
    assert (seal.samples, seal.failures) == (len(oks), oks.count(False))
    assert seal.digest == f"sha256:{hashlib.sha256(seal.lines).hexdigest()}"
    assert seal.first_at.isoformat(timespec="microseconds") == lines[0]["at"]
    assert seal.last_at.isoformat(timespec="microseconds") == lines[-1]["at"]


def test_seal_begins_a_new_stretch():
    """What was sealed is not sealed again."""
    book = book_of(sample(0, ok=True))
    assert book.seal("shop", "node") is not None
    assert book.seal("shop", "node") is None
    book.add(sample(1, ok=False))
    seal = book.seal("shop", "node")
    assert seal is not None
    assert (seal.samples, seal.failures) == (1, 1)


@pytest.mark.parametrize("gap", [3.2, 60, -1])
def test_no_seal_covers_time_in_which_nobody_looked(gap):
    """A pause, or a clock that went back, ends the stretch."""
    first, second = book_of(sample(0, ok=True), sample(gap, ok=True)).seals()
    assert first.last_at == sample(0, ok=True).at
    assert second.first_at == sample(gap, ok=True).at


def test_missed_turn_does_not_end_a_stretch():
    """A look that took long is still somebody looking."""
    (only,) = book_of(sample(0, ok=True), sample(3, ok=True)).seals()
    assert only.samples == 2


def test_stretch_that_grows_too_long_is_closed_by_itself(monkeypatch):
    """Unsealed samples stay bounded, and none of them is lost."""
    monkeypatch.setattr(samples, "SAMPLES_MAX", 10)
    seals = book_of(*(sample(m, ok=True) for m in range(25))).seals()
    assert [seal.samples for seal in seals] == [10, 10, 5]


@given(due=st.floats(0, 1e6), every=st.floats(0.01, 1e4), late=st.floats(0, 1e5))
def test_missed_turns_are_left_out_and_the_beat_is_kept(due, every, late):
    """The next turn lies ahead, at most one interval away, on the same beat."""
    turn = next_turn(due, every, due + late)
    assert turn > due + late - 1e-6
    assert turn <= due + late + every * 1.000001 + 1e-6
