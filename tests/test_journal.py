"""The bytes of entries: fixed for every type, and nothing else is ever read as one.

The golden entries are in ``golden/events.jsonl``. Signed bytes can never be mended, so
a difference is a fault of the code; only a new type adds a line, by the deliberate
command ``python tests/test_journal.py --write-golden``, which never changes a line.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import UnionType
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast import journal
from holdfast.domain.events.governance import NodeStarted
from holdfast.domain.events.job import JobRequested
from holdfast.domain.events.kinds import EVENT_TYPES, Event
from holdfast.errors import HoldfastError
from holdfast.journal import (
    ENTRY_BYTES_MAX,
    UPCASTERS,
    BrokenEntryError,
    Fact,
    UnknownEventError,
    entry_id,
    read,
    seal,
)

GOLDEN = Path(__file__).parent / "golden" / "events.jsonl"
AT = datetime(2026, 11, 23, 22, 48, 30, 123_456, tzinfo=UTC)
KINDS = sorted(EVENT_TYPES.values(), key=lambda kind: kind.TYPE)
NAMES = [kind.TYPE for kind in KINDS]

# Text that JSON must escape, and text that it must not.
SAMPLE = 'Zürich "ledger"\n\u20ac'


def example(kind: type[Event]) -> Event:
    """Make an event of the kind, every field filled by its type alone."""
    hints = typing.get_type_hints(kind)
    return kind(
        **{f.name: _filled(hints[f.name], f.name) for f in dataclasses.fields(kind)}
    )


def _filled(hint: Any, name: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return inner[0]
    if origin is tuple:
        return (_filled(inner[0], f"{name}-1"), _filled(inner[0], f"{name}-2"))
    if origin in (UnionType, typing.Union):
        return _filled(inner[0], name)
    values = {str: f"{name} {SAMPLE}", int: 7, bool: True, datetime: AT}
    return values[hint]


def sealed(event: Event) -> bytes:
    """Seal an event as the golden entries are sealed."""
    fact = Fact(event, AT, actor="person:ana", cause=entry_id("cause"), clause="2 RTO")
    return seal(fact, "node-1", AT + timedelta(seconds=1))


def golden() -> dict[tuple[str, int], bytes]:
    """Return the golden entries by type and version."""
    lines = GOLDEN.read_bytes().splitlines() if GOLDEN.exists() else []
    plain = [(json.loads(line), line) for line in lines]
    return {(found["type"], found["v"]): line for found, line in plain}


ALL_GOLDEN = golden()
GOLDEN_ENTRIES = {name: line for (name, v), line in ALL_GOLDEN.items()
                  if (name, v) in EVENT_TYPES}  # fmt: skip
OLD_GOLDEN = {at: line for at, line in ALL_GOLDEN.items() if at not in EVENT_TYPES}


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_bytes_of_every_type_are_those_they_always_were(kind: type[Event]) -> None:
    """An event of each type is sealed to its golden bytes, which read back as it."""
    data = GOLDEN_ENTRIES[kind.TYPE]
    assert sealed(example(kind)) == data
    entry = read(3, data)
    assert entry.event == example(kind)
    assert (entry.index, entry.actor, entry.node) == (3, "person:ana", "node-1")
    assert (entry.observed_at, entry.clause) == (AT, "2 RTO")
    assert entry.recorded_at == AT + timedelta(seconds=1)
    assert (entry.key, entry.id) == (entry.event.key, entry_id(entry.event.key))
    assert entry.cause == entry_id("cause")


@pytest.mark.parametrize("at", OLD_GOLDEN, ids=str)
def test_entries_of_older_versions_are_read_for_ever(at: tuple[str, int]) -> None:
    """What an older Holdfast sealed reads as the event of today, lifted."""
    entry = read(3, OLD_GOLDEN[at])
    today = example(type(entry.event))
    name = {"signed_in": "name alone"}
    assert entry.event == dataclasses.replace(today, **name)
    assert (entry.key, entry.id) == (today.key, entry_id(today.key))


def test_every_version_that_is_lifted_has_its_golden_entry() -> None:
    """No version can be forgotten: each upcaster is tried on bytes of its time."""
    assert sorted(OLD_GOLDEN) == sorted(UPCASTERS)


def test_golden_entries_and_types_are_the_same_set() -> None:
    """No type is without a golden entry, and no golden entry without its type."""
    assert sorted(GOLDEN_ENTRIES) == NAMES


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**17), 10**17)
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["a:1.5,", "[-1e3]", ",9007199254740993]", "\x7f", "\ud800", ":NaN}"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def _written(write: Callable[[dict[str, Any]], bytes], value: Any) -> object:
    try:
        return write(value)
    except rfc8785.CanonicalizationError as fault:
        return type(fault)


@settings(max_examples=300)
@given(st.dictionaries(st.text(max_size=3), _JSON, max_size=3))
def test_the_short_way_to_canonical_json_is_the_same(value: dict[str, Any]) -> None:
    """Whatever the value, what is written is RFC 8785's bytes or its refusal."""
    assert _written(journal._canonical, value) == _written(rfc8785.dumps, value)


def test_an_ordinary_entry_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments and small numbers do not count as unusual; a word beyond ASCII does."""
    fact = Fact(NodeStarted("node-1", "1", AT), AT)
    plain = seal(fact, "node-1", AT)

    def refuse(_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr(rfc8785, "dumps", refuse)
    assert seal(fact, "node-1", AT) == plain
    with pytest.raises(AssertionError):
        seal(fact, "Zürich", AT)


@pytest.mark.parametrize("data", GOLDEN_ENTRIES.values(), ids=GOLDEN_ENTRIES.keys())
def test_entries_are_canonical_json(data: bytes) -> None:
    """Keys stand in order at every depth, without spaces, in UTF-8 as it is."""
    text = data.decode("utf-8")
    plain = json.loads(text)
    again = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again == text
    assert set(plain) == {
        "type", "v", "id", "key", "cause", "actor", "node", "observed_at",
        "recorded_at", "clause", "body",
    }  # fmt: skip


def strategy(hint: Any) -> st.SearchStrategy[Any]:
    """Make a strategy from a field's type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(strategy(inner[0]), max_size=4).map(tuple)
    if origin in (UnionType, typing.Union):
        return st.one_of([strategy(each) for each in inner])
    return PLAIN[hint]


OFFSETS = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
MOMENTS = st.datetimes(
    AT.replace(year=2, tzinfo=None),
    AT.replace(year=9998, tzinfo=None),
    timezones=OFFSETS,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(-(2**53) + 1, 2**53 - 1),
    bool: st.booleans(),
    datetime: MOMENTS,
    type(None): st.none(),
}


def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Make any event of the kind."""
    hints = typing.get_type_hints(kind)
    return st.builds(
        kind, **{f.name: strategy(hints[f.name]) for f in dataclasses.fields(kind)}
    )


ANY_EVENT = st.sampled_from(KINDS).flatmap(events)
FACTS = st.builds(Fact, ANY_EVENT, MOMENTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS)


@settings(deadline=None)
@given(FACTS, TEXTS, MOMENTS)
def test_reading_what_was_sealed_is_identity(
    fact: Fact, node: str, recorded_at: datetime
) -> None:
    """Whatever an event says, reading its sealed bytes gives it back whole."""
    entry = read(0, seal(fact, node, recorded_at))
    assert (entry.event, entry.key) == (fact.event, fact.event.key)
    assert (entry.observed_at, entry.recorded_at) == (fact.observed_at, recorded_at)
    assert (entry.actor, entry.cause, entry.clause) == (
        fact.actor,
        fact.cause,
        fact.clause,
    )


@settings(deadline=None)
@given(FACTS)
def test_moments_are_written_in_utc_to_the_microsecond(fact: Fact) -> None:
    """Sealed bytes do not depend on the time zone in which a moment came."""
    data = json.loads(seal(fact, "n", AT.astimezone(timezone(timedelta(hours=11)))))
    assert data["recorded_at"] == "2026-11-23T22:48:30.123456Z"
    assert len(data["observed_at"]) == len("2026-11-23T22:48:30.123456Z")


def test_an_entry_has_a_greatest_size() -> None:
    """65,535 bytes are written and read; one more is refused, and says so."""
    empty = len(seal(Fact(NodeStarted("n", "", AT), AT), "n", AT))
    room = ENTRY_BYTES_MAX - empty
    data = seal(Fact(NodeStarted("n", "x" * room, AT), AT), "n", AT)
    assert len(data) == ENTRY_BYTES_MAX
    assert isinstance(read(0, data).event, NodeStarted)
    with pytest.raises(HoldfastError, match=r"would have 65,536 bytes"):
        seal(Fact(NodeStarted("n", "x" * (room + 1), AT), AT), "n", AT)


@pytest.mark.parametrize("where", ["event", "observed", "recorded"])
def test_a_moment_without_a_zone_is_refused(where: str) -> None:
    """A naive datetime is never written, wherever it stands."""
    naive = AT.replace(tzinfo=None)
    event = NodeStarted("n", "1", naive if where == "event" else AT)
    fact = Fact(event, naive if where == "observed" else AT)
    with pytest.raises(HoldfastError, match="without a time zone") as caught:
        seal(fact, "n", naive if where == "recorded" else AT)
    assert caught.value.hint


@pytest.mark.parametrize(
    "event",
    [
        NodeStarted("n", "\ud800", AT),
        JobRequested("a", "b", "backup", 2**53, None, None, AT),
    ],
    ids=["lone surrogate", "too great"],
)
def test_what_json_cannot_carry_is_refused_with_a_way_out(event: Event) -> None:
    """Text that is no Unicode and numbers that readers would round are refused."""
    with pytest.raises(HoldfastError, match="cannot be written") as caught:
        seal(Fact(event, AT), "n", AT)
    assert caught.value.hint


def altered(**changes: Any) -> bytes:
    """Return a good entry with parts of its envelope or body replaced."""
    event = JobRequested("a", "b", "backup", 1, None, None, AT)
    envelope = json.loads(sealed(event))
    for name, value in changes.items():
        place, _, field = name.rpartition("__")
        target = envelope["body"] if place == "body" else envelope
        if value is ...:
            del target[field]
        else:
            target[field] = value
    return rfc8785.dumps(envelope)


@pytest.mark.parametrize(
    "changes", [{"type": "job.invented"}, {"v": 2}, {"v": 0}, {"type": "", "v": -1}]
)
def test_other_types_and_versions_are_told_apart_from_damage(
    changes: dict[str, Any],
) -> None:
    """An entry in good form of a type or version from elsewhere is unknown."""
    with pytest.raises(UnknownEventError, match="unknown here"):
        read(5, altered(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": ["job.requested"]},
        {"type": {"a": 1}},
        {"type": None},
        {"v": True},
        {"v": "1"},
        {"v": ...},
        {"id": "0" * 24},
        {"id": None},
        {"key": 3},
        {"key": "another"},
        {"cause": 4},
        {"clause": ["2"]},
        {"actor": None},
        {"node": ...},
        {"extra": 1},
        {"observed_at": "2026-11-23T22:48:30Z"},
        {"observed_at": "2026-11-23T22:48:30.123456+00:00"},
        {"observed_at": "2026-11-23 22:48:30.123456Z"},
        {"observed_at": "2026-W48-1T22:48:30.123456Z"},
        {"recorded_at": 1},
        {"recorded_at": None},
        {"body": None},
        {"body": []},
        {"body": "text"},
        {"body__job": 5},
        {"body__job": ...},
        {"body__extra": "x"},
        {"body__verb": "destroy"},
        {"body__repository": "1"},
        {"body__repository": True},
        {"body__repository": 1.5},
        {"body__target": "tomorrow"},
        {"body__target": 5},
        {"body__at": None},
    ],
    ids=str,
)
def test_wrong_parts_are_broken_and_never_converted(changes: dict[str, Any]) -> None:
    """A part of the wrong type, missing, or too many makes the entry broken."""
    with pytest.raises(BrokenEntryError, match="entry 5 is not an envelope") as caught:
        read(5, altered(**changes))
    assert "ledger verify" in caught.value.hint


def test_numbers_that_readers_would_round_are_broken() -> None:
    """A whole number beyond 2 to the power of 53 is no number of ours."""
    good = altered(body__repository=2**53 - 1)
    assert read(0, good).event
    with pytest.raises(BrokenEntryError):
        read(0, good.replace(b"9007199254740991", b"9007199254740992"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("ok", 1), ("ok", "yes"), ("checks", "abc"), ("checks", [1]), ("checks", {})],
)
def test_flags_and_lists_are_not_converted(field: str, value: object) -> None:
    """A number is no flag and a text no list of texts."""
    envelope = json.loads(GOLDEN_ENTRIES["recovery.preflight_checked"])
    envelope["body"][field] = value
    with pytest.raises(BrokenEntryError):
        read(0, rfc8785.dumps(envelope))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"NaN",
        b"1e999",
        b"9" * 6_000,
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{}",
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"type":"\\ud800"}',
    ],
    ids=lambda data: repr(data[:12]),
)
def test_bytes_that_are_no_entry(data: bytes) -> None:
    """Bytes of any other kind are broken, however deep or strange."""
    with pytest.raises(BrokenEntryError):
        read(0, data)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "v", "body", "id"]), inner, max_size=4),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_fuzzed_bytes_are_broken_and_nothing_else(data: bytes) -> None:
    """Random bytes and random JSON raise the one error that readers expect."""
    with pytest.raises(BrokenEntryError):
        read(0, data)


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_damage_to_a_good_entry_never_passes(name: str, data: st.DataObject) -> None:
    """An entry that is cut or has a byte changed is broken, or says another thing."""
    good = GOLDEN_ENTRIES[name]
    place = data.draw(st.integers(0, len(good) - 1))
    with pytest.raises(BrokenEntryError):
        read(0, good[:place])
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != good[place]))
    changed = good[:place] + bytes([byte]) + good[place + 1 :]
    try:
        found = read(0, changed)
    except (BrokenEntryError, UnknownEventError):
        return
    assert found != read(0, good)


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from([" ", "\n", "\t"]))
def test_the_same_json_in_other_bytes_is_broken(name: str, space: str) -> None:
    """Spaces, another order, escapes or a doubled key are not how we write."""
    good = GOLDEN_ENTRIES[name]
    plain = json.loads(good)
    for other in (
        good + space.encode(),
        json.dumps(plain, separators=(",", ":")).encode(),
        json.dumps(dict(reversed(plain.items())), ensure_ascii=False).encode(),
        good[:-1] + b',"v":1}',
    ):
        with pytest.raises(BrokenEntryError):
            read(0, other)


@pytest.fixture
def lifting() -> Iterator[None]:
    """Pretend that jobs were once recorded in two older versions."""

    def named(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "recovery": body["order"] or None}

    def trimmed(body: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if name != "order"}

    UPCASTERS["job.requested", -1] = named
    UPCASTERS["job.requested", 0] = trimmed
    yield
    del UPCASTERS["job.requested", -1], UPCASTERS["job.requested", 0]


@pytest.mark.usefixtures("lifting")
def test_old_versions_are_lifted_step_by_step() -> None:
    """An old body goes through every upcaster up to the version known here."""
    data = altered(v=-1, body__recovery=..., body__order="r-1")
    event = read(0, data).event
    assert event == JobRequested("a", "b", "backup", 1, None, "r-1", AT)


@pytest.mark.usefixtures("lifting")
def test_an_old_body_that_cannot_be_lifted_is_broken() -> None:
    """An upcaster that misses what it needs makes the entry broken, no crash."""
    with pytest.raises(BrokenEntryError):
        read(0, altered(v=-1))


def test_no_upcaster_is_left_without_its_type() -> None:
    """Each upcaster leads to a version that is known or lifted further."""
    for kind, version in journal.UPCASTERS:
        following = (kind, version + 1)
        assert following in EVENT_TYPES or following in UPCASTERS


def test_types_are_unlike() -> None:
    """Each type has a name of its own, in the form room.fact."""
    assert len(set(NAMES)) == len(NAMES) == len(typing.get_args(Event))
    assert all(name.replace("_", "").replace(".", "", 1).isalpha() for name in NAMES)


@settings(deadline=None)
@given(ANY_EVENT)
def test_keys_are_stable(event: Event) -> None:
    """The key follows from the event alone, so that a repeat is recognised."""
    assert dataclasses.replace(event).key == event.key
    assert entry_id(event.key) == entry_id(event.key)


def write_golden() -> None:
    """Add the lines of types that have none yet; never touch one that is there."""
    lines = golden()
    for kind in KINDS:
        lines.setdefault((kind.TYPE, kind.V), sealed(example(kind)))
    GOLDEN.write_bytes(b"".join(lines[name] + b"\n" for name in sorted(lines)))


if __name__ == "__main__" and "--write-golden" in sys.argv:
    write_golden()
