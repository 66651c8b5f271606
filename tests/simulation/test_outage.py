"""Simulated time: the outage that lasts, one story twice, and a year of trouble."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest
from tests.operations.company import COMMITTEE, SERVICE, START, entries, texts

from holdfast.domain.events.incident import IncidentOpened, IncidentResolved
from holdfast.domain.events.notice import DutyEscalated, NoticeDelivered, NoticeDue
from holdfast.journal import Fact
from holdfast.ledger.merkle import Frontier, leaf_hashes
from holdfast.simulation.run import BEAT, Outage, Simulation, begin, run

LAST = timedelta(hours=3)
DELAY = timedelta(minutes=5)


def story(*outages: Outage, length: timedelta, start: datetime = START) -> Simulation:
    """Run a story."""
    simulation = begin(texts(), COMMITTEE, start)
    run(simulation, outages, length)
    return simulation


@cache
def lasting() -> Simulation:
    """Return the outage that lasts three hours, and the hour after it."""
    return story(Outage(SERVICE, DELAY, LAST), length=LAST + timedelta(hours=1))


def root(simulation: Simulation) -> str:
    """Return the root hash of a simulated log."""
    return base64.b64encode(simulation.world.store.root()[1]).decode()


def sent_to_customers(simulation: Simulation, stage: str) -> list[tuple[datetime, str]]:
    """Return the letters to customers of one stage: when, and to whom."""
    return [
        (sent.at, sent.address)
        for sent in simulation.kept["email"].sent
        if sent.message.key.partition(">")[0].endswith(stage)
    ]


def test_letters() -> None:
    """Once the hour has passed each affected customer gets a letter, and one later."""
    red_at = START + DELAY
    for stage, after in (("/customers", 60), ("/customers/resolved", 180)):
        letters = sent_to_customers(lasting(), stage)
        addresses = _addresses()
        assert Counter(to for _, to in letters) == Counter(addresses)
        moments = {at - red_at for at, _ in letters}
        assert min(moments) > timedelta(minutes=after)
        assert max(moments) <= timedelta(minutes=after) + 2 * BEAT


def _addresses() -> list[str]:
    known = lasting().world.log.people.all()
    return [one.contact.email for name, one in known.items() if "customer:" in name]


@pytest.mark.parametrize("minutes", [30, 59, 60])
def test_no_letters(minutes: int) -> None:
    """An outage that does not exceed the hour leads to no letter."""
    ours = story(
        Outage(SERVICE, DELAY, timedelta(minutes=minutes)), length=timedelta(hours=3)
    )
    assert sent_to_customers(ours, "/customers") == []
    assert len(ours.kept["slack"].sent) == 2


def test_letters_just_over_the_hour() -> None:
    """An outage that exceeds the hour, if by little, leads to letters."""
    length = timedelta(minutes=61)
    ours = story(Outage(SERVICE, DELAY, length), length=timedelta(hours=3))
    assert len(sent_to_customers(ours, "/customers")) == 12


def test_page() -> None:
    """The page has its first word within the policy's minutes, then one an hour."""
    sent = lasting().kept["status_page"].sent
    moments = [each.at - START - DELAY for each in sent]
    assert moments[0] <= timedelta(minutes=15)
    pauses = [b - a for a, b in pairwise(moments)]
    assert max(pauses) <= timedelta(minutes=60)
    assert sent[-1].message.key.partition(">")[0].endswith("/status/resolved")


def test_duties_are_done_in_time() -> None:
    """Every duty that a machine can do is done by its deadline."""
    for duty in lasting().duties():
        if duty.control in {"alerting", "status_page", "customer_email"}:
            assert duty.done_at is not None, duty.key
            assert duty.due_at is not None
            assert duty.done_at <= duty.due_at, duty.key


def test_overdue_duties_escalate() -> None:
    """What nobody does in time is told to committee and lead, once for each duty."""
    ours = story(
        Outage(SERVICE, DELAY, timedelta(days=2)), length=timedelta(days=2, hours=1)
    )
    escalated = [
        e.event for e in entries(ours.world.store) if isinstance(e.event, DutyEscalated)
    ]
    controls = Counter(event.control for event in escalated)
    assert controls["recovery_time"] >= 1
    assert len({event.duty for event in escalated}) == len(escalated)
    assert all(event.at > event.due_at for event in escalated)
    told = [
        sent.address.partition("@")[0]
        for sent in ours.kept["email"].sent
        if "/escalation" in sent.message.key
    ]
    assert Counter(told) == dict.fromkeys(("ana", "ben", "chi", "dora"), len(escalated))


def test_same_story_same_log() -> None:
    """The same story gives the same log, byte for byte; another one does not."""
    again = story(Outage(SERVICE, DELAY, LAST), length=LAST + timedelta(hours=1))
    assert root(again) == root(lasting())
    longer = LAST + BEAT
    other = story(Outage(SERVICE, DELAY, longer), length=LAST + timedelta(hours=1))
    assert root(other) != root(lasting())


def test_across_daylight_saving() -> None:
    """An outage over Easter and the end of summer time ends like any other."""
    start = datetime.fromisoformat("2026-04-02T05:00:00+00:00")
    ours = story(Outage(SERVICE, DELAY, LAST), length=timedelta(hours=4), start=start)
    (opened,) = _of(ours, IncidentOpened)
    (resolved,) = _of(ours, IncidentResolved)
    assert resolved.incident == opened.incident


def _of(simulation: Simulation, kind: type) -> list:
    known = entries(simulation.world.store)
    return [e.event for e in known if isinstance(e.event, kind)]


def check_laws(simulation: Simulation) -> None:
    """Check what holds after any story, from the log and what arrived alone."""
    store = simulation.world.store
    data = store.read(0, store.size())
    frontier = Frontier().extend(leaf_hashes(data))
    assert frontier.root() == store.root()[1]
    known = entries(store)
    assert len({entry.key for entry in known}) == len(known)
    recorded = [entry.recorded_at for entry in known]
    assert recorded == sorted(recorded)
    due = [e.event.notice for e in known if isinstance(e.event, NoticeDue)]
    done = [e.event.notice for e in known if isinstance(e.event, NoticeDelivered)]
    assert Counter(due) == Counter(done)
    keys = Counter(s.message.key for c in simulation.kept.values() for s in c.sent)
    assert set(keys.values()) == {1}
    assert {key.partition(">")[0] for key in keys} == set(due)
    opened = {e.incident for e in _of(simulation, IncidentOpened)}
    assert opened == {e.incident for e in _of(simulation, IncidentResolved)}
    assert not any(b"@" in entry for entry in data)
    assert simulation.world.notary.refusal is None


def test_year() -> None:
    """After a year with a short outage every day each law holds."""
    # Between the outages nothing happens but looks, so that their days are left out.
    simulation = begin(texts(), COMMITTEE, START)
    for day in range(365):
        at = START + timedelta(days=day)
        simulation.clock.advance(max(at - simulation.clock.now(), timedelta(0)))
        lasts = timedelta(minutes=2 + day % 5)
        run(simulation, [Outage(SERVICE, timedelta(minutes=1), lasts)], 2 * lasts)
    assert simulation.clock.now() > START + timedelta(days=363)
    check_laws(simulation)
    assert len(_of(simulation, IncidentOpened)) == 365


def test_what_is_over_rests() -> None:
    """A day after its end nothing follows from an incident, and no beat looks at it."""
    simulation = begin(texts(), COMMITTEE, START)
    run(simulation, [Outage(SERVICE, DELAY, LAST)], LAST + timedelta(hours=1))
    assert len(simulation.situation().state.attended) == 1
    simulation.clock.advance(timedelta(days=1))
    run(simulation, [], timedelta(minutes=2))
    state = simulation.situation().state
    assert not state.attended
    assert len(state.incidents) == 1
    assert len([duty for duty in simulation.duties() if duty.incident]) > 5


def test_what_is_owed_does_not_rest() -> None:
    """However long ago its end, an incident is attended to while a word is owed."""
    simulation = begin(texts(), COMMITTEE, START)
    simulation.world = replace(simulation.world, lookout=None)
    run(simulation, [Outage(SERVICE, DELAY, LAST)], LAST + timedelta(hours=1))
    simulation.clock.advance(timedelta(days=9))
    run(simulation, [], timedelta(minutes=2))
    assert len(simulation.situation().state.attended) == 1


def test_node_that_slept() -> None:
    """A node that was down for weeks after an end still tells of it."""
    simulation = begin(texts(), COMMITTEE, START)
    run(simulation, [Outage(SERVICE, DELAY, LAST)], LAST + timedelta(minutes=5))
    (opened,) = _of(simulation, IncidentOpened)
    ended = IncidentResolved(opened.incident, "holdfast", simulation.clock.now())
    simulation.world.log.record([Fact(ended, ended.at)])
    simulation.clock.advance(timedelta(days=30))
    run(simulation, [], timedelta(minutes=2))
    check_laws(simulation)
    assert len(sent_to_customers(simulation, "/customers/resolved")) == 12


def test_lasting_outage_keeps_the_laws() -> None:
    """After the outage that lasts each law holds."""
    check_laws(lasting())
