"""The beat: observe, record, decide, act, record, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.operations.company import START, Company, company, turns

from holdfast.domain.events.governance import NodeStarted
from holdfast.domain.events.incident import IncidentOpened, IncidentResolved
from holdfast.domain.events.notice import NoticeDue
from holdfast.errors import HoldfastError
from holdfast.journal import Fact, UnknownEventError, seal
from holdfast.operations.beat import beat
from holdfast.operations.ports.channel import Accepted, Message, Rejected
from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import (
    Appended,
    Draft,
    MovedOnError,
    Parcel,
    Settlement,
)
from holdfast.operations.world import Inbox
from holdfast.storage.memory import MemoryStore


class Crowded(MemoryStore):
    """A store in which another node writes just before our conclusions."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self.others = others
        self.refused = 0

    def append(
        self,
        drafts: Sequence[Draft],
        *,
        now,
        expected_size: int | None = None,
        parcels: Sequence[Parcel] = (),
        settlements: Sequence[Settlement] = (),
        personal: PersonalChange | None = None,
    ) -> Appended:
        """Append, after somebody else did."""
        if expected_size is not None and self.others:
            self.others -= 1
            started = Fact(NodeStarted(f"node-{self.others}", "1", now), now)
            other = Draft(started.event.key, lambda at: seal(started, "other", at))
            super().append([other], now=now)
        try:
            return super().append(
                drafts,
                now=now,
                expected_size=expected_size,
                parcels=parcels,
                settlements=settlements,
                personal=personal,
            )
        except MovedOnError:
            self.refused += 1
            raise


@pytest.mark.parametrize("others", [1, 3])
def test_another_node_wrote(others: int) -> None:
    """A node whose log moved on decides again, and nothing is concluded twice."""
    made = company(store := Crowded(others))
    made.turn(ok=False)
    made.beat(times=2)
    assert store.refused == others
    assert len(made.events(IncidentOpened)) == 1
    assert len(made.kept["slack"].sent) == 1
    keys = [entry.key for entry in made.entries()]
    assert len(keys) == len(set(keys))


def test_always_another_node() -> None:
    """A node that is overtaken every time gives up for this beat, not for good."""
    made = company(store := Crowded(100))
    made.turn(ok=False)
    made.beat()
    assert made.events(IncidentOpened) == []
    store.others = 0
    made.beat()
    assert len(made.events(IncidentOpened)) == 1


def test_nothing_adopted() -> None:
    """Before anything is adopted a beat records and signs, and does no harm."""
    made = company(adopted=False)
    made.turn(ok=False)
    made.beat(times=3)
    assert [e.event.TYPE for e in made.entries()] == ["vantage.changed"] * 3
    assert made.world.store.checkpoint() is not None
    assert all(not channel.sent for channel in made.kept.values())


def unknown(made: Company) -> None:
    """Let a newer Holdfast write an entry."""
    started = Fact(NodeStarted("node-2", "9.0", START), START)
    data = seal(started, "node-2", START).replace(b"node.started", b"node.stunned")
    draft = Draft("new", lambda _: data)
    made.world.store.append([draft], now=made.clock.now())


def test_unknown_event() -> None:
    """A node that cannot read everything goes on recording, and decides nothing."""
    made = company()
    made.beat()
    unknown(made)
    size = made.world.store.size()
    made.turn(ok=False)
    with pytest.raises(UnknownEventError, match="unknown here") as said:
        beat(made.world)
    assert said.value.hint
    added = made.world.store.read(size, made.world.store.size())
    assert sum(b'"type":"vantage.changed"' in data for data in added) == 3
    assert all(not channel.sent for channel in made.kept.values())


class Failing(MemoryStore):
    """A store that is out of reach for a while."""

    down = False

    def append(self, drafts: Sequence[Draft], **given: Any) -> Appended:
        """Fail, or append."""
        if self.down:
            raise HoldfastError("the database is out of reach", "Wait.")
        return super().append(drafts, **given)


def test_nothing_seen_is_lost() -> None:
    """What probes saw while the database was out of reach is recorded later."""
    made = company(store := Failing())
    store.down = True
    made.turn(ok=False)
    with pytest.raises(HoldfastError, match="out of reach"):
        beat(made.world)
    made.clock.advance(timedelta(seconds=1))
    made.world.inbox.put(turns(made.clock.now(), ok=True))
    store.down = False
    made.beat()
    seen = [e.event for e in made.entries() if e.event.TYPE == "vantage.changed"]
    assert [event.ok for event in seen] == [False] * 3 + [True] * 3


def test_what_cannot_be_recorded() -> None:
    """A fact that no log can take is refused at once, and holds up no other."""
    inbox = Inbox()
    good, bad = turns(START, ok=True)[:2]
    bad = replace(bad, event=replace(bad.event, detail="x" * 70_000))
    with pytest.raises(HoldfastError, match="would have"):
        inbox.put([bad, good])
    taken: list[Fact] = []
    inbox.hand_over(taken.extend)
    assert taken == [good]


def test_due_before_delivered() -> None:
    """Every notice is on record as due before anything is sent."""
    made = company()
    due_at_sending = []

    class Watching:
        """A channel that looks into the log."""

        name = "slack"

        def send(self, message: Message, address: str) -> Accepted | Rejected:
            """Look, then take it."""
            known = {e.notice for e in made.events(NoticeDue)}
            due_at_sending.append(message.key.partition(">")[0] in known)
            return made.kept["slack"].send(message, address)

    made.world = replace(
        made.world, channels={**made.world.channels, "slack": Watching()}
    )
    made.turn(ok=False)
    made.beat(times=3)
    assert due_at_sending == [True]


def test_life_of_an_outage() -> None:
    """Red, alert, page, green, end: each once, and the log carries the clauses."""
    made = company()
    made.turn(ok=True)
    made.beat(times=2)
    made.turn(ok=False)
    made.beat(times=4)
    made.turn(ok=True)
    made.beat(times=4)
    assert len(made.events(IncidentOpened)) == len(made.events(IncidentResolved)) == 1
    stages = [sent.message.key.partition(">")[0] for sent in made.kept["slack"].sent]
    (opened,) = made.events(IncidentOpened)
    assert stages == [f"{opened.incident}/alert", f"{opened.incident}/alert/resolved"]
    concluded = [e for e in made.entries() if e.event.TYPE == "notice.due"]
    assert all(entry.clause for entry in concluded)


class CrashError(BaseException):
    """The node dies at this very moment."""


def crashes(times: int) -> Callable[[], None]:
    """Return a function that raises after so many calls."""
    left = [times]

    def count() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise CrashError

    return count


class Mortal(MemoryStore):
    """A store whose node dies before, or right after, its n-th write."""

    def __init__(self, tick: Callable[[], None], *, after: bool) -> None:
        super().__init__()
        self.tick, self.after = tick, after

    def append(self, drafts: Sequence[Draft], **given: Any) -> Appended:
        """Append, and die when it is time."""
        if not self.after:
            self.tick()
        done = super().append(drafts, **given)
        if self.after:
            self.tick()
        return done


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", range(1, 20))
def test_death_at_any_write(writes: int, *, after: bool) -> None:
    """Killed before or after any write, a node leaves a log that another finishes."""
    store = Mortal(crashes(writes), after=after)
    made = company(store, adopted=False)
    died = False
    try:
        made = company(store)
        made.turn(ok=False)
        made.beat(times=3)
        made.turn(ok=True)
        made.beat(times=5)
    except CrashError:
        died = True
    assert died
    store.tick = lambda: None
    kept, later = made.kept, made.clock.now() - START + timedelta(minutes=1)
    made = company(store)
    made.clock.advance(later)
    for ok in (False, True):
        made.turn(ok=ok)
        made.beat(times=5)
    opened = made.events(IncidentOpened)
    assert opened
    assert len(opened) == len(made.events(IncidentResolved))
    assert store.unsettled() == 0
    assert not made.world.log.state().notices.undelivered
    sent = [s.message.key for ours in (kept, made.kept) for s in ours["slack"].sent]
    wanted = {f"{event.incident}/alert>channel:irt" for event in opened}
    assert wanted <= set(sent)
    repeated = len(sent) - len(set(sent))
    recorded = sum(
        e.event.possible_repeats
        for e in made.entries()
        if e.event.TYPE == "notice.delivered"
    )
    assert repeated <= recorded
