"""Every entry of an incident has words of its own, dated by when it was true."""

from __future__ import annotations

import pytest
from immutables import Map
from tests.domain.story import HOUR, MINUTE, SERVICE, T0
from tests.domain.test_state import example

from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentAcknowledged,
    IncidentResolved,
    RecoveryVerified,
    ServiceRestored,
)
from holdfast.domain.events.kinds import EVENT_TYPES, Event
from holdfast.domain.events.notice import NoticeDelivered
from holdfast.domain.events.people import PersonErased
from holdfast.domain.memory.people import remember
from holdfast.evidence.timeline import describe
from holdfast.journal import Fact, Recorded, read, seal

OF_INCIDENTS = [
    kind
    for (name, _), kind in sorted(EVENT_TYPES.items())
    if name.split(".")[0] in ("incident", "recovery", "notice", "status_page", "duty")
    or name in ("job.requested", "job.started", "job.finished", "job.lost")
]


def recorded(event: Event) -> Recorded:
    """Record an event an hour after it happened."""
    return read(0, seal(Fact(event, T0), "node-1", T0 + HOUR))


@pytest.mark.parametrize("kind", OF_INCIDENTS, ids=lambda kind: kind.TYPE)
def test_every_entry_of_an_incident_has_words(kind: type[Event]) -> None:
    """No entry of an incident is shown by its type's name or its time of recording."""
    at, words = describe(recorded(example(kind)))
    assert at == T0
    assert kind.TYPE not in words


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=lambda kind: kind.TYPE)
def test_every_entry_can_be_shown(kind: type[Event]) -> None:
    """Whatever stands in the ledger can be told to a person."""
    _, words = describe(recorded(example(kind)))
    assert words


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            DisasterDeclared("i", "policy", automatic=True, at=T0, due_at=None),
            "Recovery clock started by itself: nobody had declared",
        ),
        (
            DisasterDeclared("i", "chi", automatic=False, at=T0, due_at=None),
            "Disaster declared by chi",
        ),
        (IncidentResolved("i", "holdfast", T0), "Resolved"),
        (IncidentResolved("i", "chi", T0), "Resolved by chi"),
        (NoticeDelivered("n", 12, 0, 0, "", T0), "Delivered to 12: n"),
        (
            NoticeDelivered("n", 11, 1, 0, "", T0),
            "Delivered to 11: n; 1 refuse it for good",
        ),
        (
            NoticeDelivered("n", 0, 1, 0, "", T0),
            "Nobody took n; 1 refuse it for good",
        ),
        (
            RecoveryVerified("r", True, True, 2, T0, ("a", "b"), (), "", T0),
            "Data verified: 2 invariants hold, timeline 2",
        ),
        (
            RecoveryVerified("r", False, True, 2, T0, (), ("rows miss",), "", T0),
            "Verification failed: rows miss",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value.TYPE,
)
def test_words_say_what_happened(event: Event, words: str) -> None:
    """By whom, by itself, to how many, or not at all: the words tell which."""
    assert describe(recorded(event)) == (T0, words)


def test_a_restoration_is_dated_by_when_it_was_green() -> None:
    """What became certain later is shown at the moment from which it was true."""
    event = ServiceRestored("i", SERVICE, T0, T0 + 15 * MINUTE)
    assert describe(recorded(event))[0] == T0


def test_who_was_erased_is_marked() -> None:
    """A pseudonym that leads to nobody any more says so; others read as before."""
    gone = PersonErased("person:ana", "request", "", (), "dora", T0)
    erasures = remember(Map(), gone, 7)
    acknowledged = {
        by: describe(recorded(IncidentAcknowledged("i", by, T0)), erasures)[1]
        for by in ("ana", "dora")
    }
    assert acknowledged == {
        "ana": "Acknowledged by ana (erased)",
        "dora": "Acknowledged by dora",
    }
