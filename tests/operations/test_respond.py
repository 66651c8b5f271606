"""What people do in an incident: each act on record, each refusal with a way out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.operations.company import (
    COMMITTEE,
    DATASTORE,
    LEAD,
    RESPONDER,
    SERVICE,
    SUCCESS,
    Company,
    company,
    recover,
    signed,
)

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentAcknowledged,
    IncidentOpened,
    RecoveryOrdered,
    ServiceFailed,
    WritesCompared,
)
from holdfast.domain.events.job import JobRequested
from holdfast.engines.scripted import Script
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations import respond
from holdfast.operations.ports.engine import Job
from holdfast.operations.respond import Desk


def desk(made: Company, person: str = RESPONDER) -> Desk:
    """Return the desk of a person who has just signed in."""
    now = made.clock.now()
    return Desk(made.world.log, made.clock, person, signed(person, now))


@pytest.fixture
def made() -> Company:
    """Return a company in an outage, with a backup to restore from."""
    return outage(company())


def outage(ours: Company) -> Company:
    """Let the company lose its datastore."""
    backup = Job("first", DATASTORE, "backup")
    ours.engine.start(backup)
    ours.clock.advance(timedelta(minutes=5))
    ours.turn(ok=True)
    ours.beat()
    ours.engine.strike(DATASTORE)
    ours.turn(ok=False)
    ours.beat(times=2)
    return ours


def incident(ours: Company) -> str:
    """Return the id of the company's incident."""
    opened = ours.events(IncidentOpened)[-1]
    assert isinstance(opened, IncidentOpened)
    return opened.incident


def compared(name: str, datastore: str = DATASTORE) -> WritesCompared:
    """Return a count of writes."""
    at = company(adopted=False).clock.now()
    return WritesCompared(name, datastore, 10, 1, 0, at, at, "sha256:", at)


def test_acknowledge(made: Company) -> None:
    """Who takes an incident on stands in the log under their own name."""
    assert respond.acknowledge(desk(made)).id == incident(made)
    (entry,) = [e for e in made.entries() if isinstance(e.event, IncidentAcknowledged)]
    assert entry.actor == f"person:{RESPONDER}"
    assert entry.event.by == RESPONDER


def test_declare(made: Company) -> None:
    """A disaster is declared once, and starts the clock of business hours."""
    declared = respond.declare(desk(made))
    assert declared.by == RESPONDER
    assert not declared.automatic
    made.clock.advance(timedelta(minutes=1))
    assert respond.declare(desk(made, LEAD)) == declared
    assert len(made.events(DisasterDeclared)) == 1


def test_declare_what_no_probe_saw() -> None:
    """A disaster that no probe saw opens its own incident."""
    ours = company()
    declared = respond.declare(desk(ours), services=[SERVICE])
    assert declared.incident == incident(ours)
    ours.beat()
    assert ours.kept["slack"].sent


def test_declare_what_fails_too() -> None:
    """A service that no probe saw joins the running incident, once, also late."""

    def add(catalogue: dict[str, Any]) -> None:
        first = catalogue["services"][0]
        bare = {key: value for key, value in first.items() if key != "probe"}
        catalogue["services"].append({**bare, "id": "books", "name": "Books"})

    ours = outage(company(edit=add))
    declared = respond.declare(desk(ours))
    for _ in range(2):
        assert respond.declare(desk(ours), services=["books"]) == declared
    (running,) = ours.world.log.state().running_incidents()
    assert running.failing == ("books", SERVICE)
    assert len(ours.events(ServiceFailed)) == 1
    with pytest.raises(HoldfastError, match="no business service nonsense"):
        respond.declare(desk(ours), services=["nonsense"])


def test_whole_recovery(made: Company) -> None:
    """An ordered recovery runs step by step to its end, once."""
    recovery = recover(made)
    made.beat(times=40)
    assert [e.verb for e in made.events(JobRequested) if e.recovery] == [
        "restore",
        "failover",
    ]
    types = [e.event.TYPE for e in made.entries() if recovery in e.key]
    assert [each for each in types if each != "job.progressed"] == [
        "recovery.ordered",
        "act.ordered",
        "act.approved",
        "recovery.preflight_checked",
        "job.requested",
        "job.taken",
        "job.started",
        "job.finished",
        "recovery.verified",
        "job.requested",
        "job.taken",
        "job.started",
        "job.finished",
    ]


def test_one_fence(made: Company) -> None:
    """While a recovery is under way no other of the same datastore is taken."""
    recover(made)
    for _ in range(3):
        made.beat()
        with pytest.raises(HoldfastError, match="still under way") as refused:
            respond.order_recovery(desk(made), DATASTORE, repository=2)
        assert refused.value.hint
    made.beat(times=30)
    respond.order_recovery(desk(made), DATASTORE, repository=2)
    first, second = made.events(RecoveryOrdered)
    assert (first.recovery[-2:], second.recovery[-2:]) == ("-1", "-2")


@pytest.mark.parametrize(
    ("repository", "script"),
    [
        (1, Script()),
        (2, Script(faults={"restore": "fail"})),
        (2, Script(faults={"restore": "lost"})),
        (2, Script(false_invariants=frozenset({"orders_have_lines"}))),
        (2, Script(faults={"failover": "fail"})),
        (2, Script(faults={"failover": "lost"})),
    ],
)
def test_after_a_failure(repository: int, script: Script) -> None:
    """A recovery that failed at any step may be followed by another order."""
    ours = outage(company(script=script))
    recover(ours, repository=repository)
    ours.beat(times=40)
    again = respond.order_recovery(desk(ours, LEAD), DATASTORE, repository=2)
    assert again.recovery.endswith("-2")


def test_same_moment(made: Company) -> None:
    """Of two orders at one moment the second is told that it was not taken, though it
    names another incident.
    """
    first, second = desk(made), desk(made, LEAD)
    known, now = incident(made), made.clock.now()
    other = IncidentOpened("inc-other", (SERVICE,), now, now, (), "by hand")
    made.world.log.record([Fact(other, now)])
    looks = deque([second.situation()])

    class Behind(Desk):
        """A desk that looked a moment ago."""

        def situation(self) -> Situation:
            """Return what was known then, once."""
            return looks.popleft() if looks else Desk.situation(self)

    respond.order_recovery(first, DATASTORE, repository=2, incident=known)
    late = Behind(made.world.log, made.clock, LEAD, second.signed)
    with pytest.raises(HoldfastError, match="still under way") as told:
        respond.order_recovery(late, DATASTORE, repository=1, incident="inc-other")
    assert told.value.hint
    (ordered,) = made.events(RecoveryOrdered)
    assert isinstance(ordered, RecoveryOrdered)
    assert ordered.repository == 2


def test_a_log_that_never_rests_takes_no_order(made: Company) -> None:
    """Who never comes first is told to try again; nothing is recorded."""
    old = desk(made).situation()

    class Late(Desk):
        """A desk that always looks too late."""

        def situation(self) -> Situation:
            """Return what is past."""
            return replace(old, state=replace(old.state, size=old.state.size - 1))

    late = Late(made.world.log, made.clock, RESPONDER, desk(made).signed)
    with pytest.raises(HoldfastError, match="found no place"):
        respond.order_recovery(late, DATASTORE, repository=2)
    assert not made.events(RecoveryOrdered)


def test_compare_writes(made: Company) -> None:
    """A count of lost writes is recorded for the incident."""
    respond.compare_writes(desk(made), compared(incident(made)))
    assert len(made.events(WritesCompared)) == 1


def test_what_no_probe_saw_is_ended_by_hand() -> None:
    """A disaster declared by hand ends by hand, under the person's name."""
    ours = company()
    ours.beat()
    declared = respond.declare(desk(ours), services=[SERVICE])
    ours.beat()

    respond.resolve(desk(ours, LEAD))
    ours.beat(times=2)

    ended = ours.world.log.state().incidents[declared.incident]
    assert ended.resolved is not None
    assert ended.resolved.by == LEAD
    assert not ended.failing


def test_a_persons_words_reach_the_status_page(made: Company) -> None:
    """An update by hand is published once, and the next one counts from it."""
    notice = respond.update(desk(made, SUCCESS), "We found  the cause.\nBack soon.")
    made.beat(times=3)

    known = made.world.log.state().notices.all[notice.notice]
    assert known.due.text == "We found the cause. Back soon."
    assert known.seen is not None
    made.clock.advance(timedelta(minutes=50))
    made.beat()
    updates = [k for k in made.world.log.state().notices.all if "/update-" in k]
    assert updates == [notice.notice]
    made.clock.advance(timedelta(minutes=6))
    made.beat()
    updates = [k for k in made.world.log.state().notices.all if "/update-" in k]
    assert len(updates) == 2


def _no_adoption(_: Company) -> None:
    respond.acknowledge(desk(company(adopted=False)))


def _no_incident(_: Company) -> None:
    respond.acknowledge(desk(company()))


def _wrong_incident(made: Company) -> None:
    respond.declare(desk(made), incident="inc-1")


def _wrong_role(made: Company) -> None:
    respond.acknowledge(desk(made, SUCCESS))


def _committee_restores(made: Company) -> None:
    respond.order_recovery(desk(made, COMMITTEE), DATASTORE, repository=2)


def _stranger(made: Company) -> None:
    respond.declare(desk(made, "mallory"))


def _unknown_service(_: Company) -> None:
    respond.declare(desk(company()), services=["nonsense"])


def _unknown_datastore(made: Company) -> None:
    respond.order_recovery(desk(made), "nonsense", repository=1)


def _writes_of_no_incident(made: Company) -> None:
    respond.compare_writes(desk(made), compared("inc-1"))


def _writes_of_no_datastore(made: Company) -> None:
    respond.compare_writes(desk(made), compared(incident(made), "nonsense"))


def _resolve_while_red(made: Company) -> None:
    respond.resolve(desk(made))


def _an_empty_update(made: Company) -> None:
    respond.update(desk(made, SUCCESS), "  ")


def _an_endless_update(made: Company) -> None:
    respond.update(desk(made, SUCCESS), "word " * 1_000)


def _the_committee_updates(made: Company) -> None:
    respond.update(desk(made, COMMITTEE), "all is well")


def _writes_by_a_stranger(made: Company) -> None:
    respond.compare_writes(desk(made, "mallory"), compared(incident(made)))


@pytest.mark.parametrize(
    "act",
    [
        _no_adoption,
        _no_incident,
        _wrong_incident,
        _wrong_role,
        _committee_restores,
        _stranger,
        _unknown_service,
        _unknown_datastore,
        _writes_of_no_incident,
        _writes_of_no_datastore,
        _writes_by_a_stranger,
        _resolve_while_red,
        _an_empty_update,
        _an_endless_update,
        _the_committee_updates,
    ],
)
def test_refusals(made: Company, act: Callable[[Company], None]) -> None:
    """Every refusal says what and what to do, and leaves nothing in the log."""
    size = made.world.store.size()
    with pytest.raises(HoldfastError) as refused:
        act(made)
    assert refused.value.message[0].islower()
    assert not refused.value.message.endswith(".")
    assert refused.value.hint.endswith(".")
    assert made.world.store.size() == size
