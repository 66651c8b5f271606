"""What somebody is told before they order a recovery, and what is followed then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from tests.operations.company import (
    COMMITTEE,
    DATASTORE,
    Company,
    company,
    recover,
    texts,
)
from tests.operations.test_packing import RUNBOOK
from tests.operations.test_respond import desk, outage

from holdfast.domain.events.incident import PreflightChecked, RecoveryVerified
from holdfast.domain.events.ransomware import RansomwareSuspected
from holdfast.domain.events.runner import RunnerSeen
from holdfast.engines.scripted import Scripted
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations import respond
from holdfast.operations.approving import cancel
from holdfast.operations.govern import adopt
from holdfast.operations.ports.engine import Preflight
from holdfast.operations.recover import (
    HELD,
    led_by,
    plan,
    require_runner,
    runbook_of,
    services_on,
    size_of,
    suspicion_of,
    to_follow,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def made() -> Company:
    """Return a company in an outage, with a backup to restore from."""
    return outage(company())


def planned(made: Company, target: datetime) -> object:
    """Plan a recovery to a moment."""
    situation = desk(made).situation()
    return plan(made.world.log, situation, DATASTORE, 2, target)


def test_a_runner_that_is_not_there_is_named(made: Company) -> None:
    """Never seen, and not seen for long: both are told with what to start."""
    with pytest.raises(HoldfastError, match="has ever been seen") as told:
        require_runner(desk(made).situation())
    assert "holdfast runner" in told.value.hint
    now = made.clock.now()
    seen = RunnerSeen("runner-1", "here", "1", ("scripted",), now)
    made.world.log.record([Fact(seen, now)])
    require_runner(desk(made).situation())
    made.clock.advance(12 * MINUTE)
    with pytest.raises(HoldfastError, match="no runner has been seen since"):
        require_runner(desk(made).situation())


def test_only_what_was_asked_for_is_followed(made: Company) -> None:
    """The recovery under way is followed where nothing else was asked for; one that
    was cancelled is not, and the next may be another.
    """
    assert to_follow(desk(made).situation(), DATASTORE, 2, None) is None
    ordered = respond.order_recovery(desk(made), DATASTORE, repository=2)
    for repository in (None, 2):
        found = to_follow(desk(made).situation(), DATASTORE, repository, None)
        assert found is not None
        assert found.ordered == ordered
    moment = made.clock.now() - MINUTE
    for asked in ((1, None), (2, moment)):
        with pytest.raises(HoldfastError, match="is under way") as told:
            to_follow(desk(made).situation(), DATASTORE, *asked)
        assert "holdfast cancel" in told.value.hint
    cancel(desk(made), ordered.recovery, "the other one")
    assert to_follow(desk(made).situation(), DATASTORE, 1, None) is None


def test_the_runbook_that_was_ordered_leads_to_the_end(made: Company) -> None:
    """A runbook adopted while a recovery is under way does not move its steps."""
    log, texts_of = made.world.log, {}
    for word in ("Look.", "Wait."):
        text = RUNBOOK.replace("Look.", word)
        texts_of[word] = replace(texts(), runbooks=(("orders.md", text),))
    adopt(log, made.clock, texts_of["Look."], COMMITTEE)
    digest = desk(made).situation().state.adopted.runbooks["orders.md"].digest
    led = respond.Led(digest, HELD)
    name = respond.order_recovery(desk(made), DATASTORE, repository=2, led=led).recovery
    adopt(log, made.clock, texts_of["Wait."], COMMITTEE)
    situation = desk(made).situation()
    assert runbook_of(log, situation, DATASTORE).steps[0].text == "Wait."
    assert led_by(log, situation, situation.state.recoveries[name]).steps[0].text == (
        "Look."
    )


def test_one_that_came_to_its_end_is_shown_unless_another_is_asked(
    made: Company,
) -> None:
    """After the end the same command shows it; another moment is a new recovery."""
    name = recover(made)
    made.beat(times=40)
    situation = desk(made).situation()
    found = to_follow(situation, DATASTORE, None, None)
    assert found is not None
    assert found.ordered.recovery == name
    assert size_of(situation, found) is not None
    earlier = made.clock.now() - 30 * MINUTE
    assert to_follow(situation, DATASTORE, 2, earlier) is None


def test_a_moment_that_was_left_behind_is_refused(made: Company) -> None:
    """Replay follows the newest timeline, and would end too early without a word."""
    backup = desk(made).situation().state.datastores[DATASTORE].backups[0].backup
    target = backup.finished_at + timedelta(seconds=30)
    ordered = respond.order_recovery(desk(made), DATASTORE, repository=2, target=target)
    planned(made, target + timedelta(seconds=1))
    now = made.clock.now()
    verified = RecoveryVerified(
        recovery=ordered.recovery,
        ok=True,
        ready=True,
        timeline=2,
        recovered_to=target,
        invariants=(),
        findings=(),
        evidence="sha256:00",
        at=now,
    )
    made.world.log.record([Fact(verified, now)])
    made.clock.advance(MINUTE)
    planned(made, target)
    planned(made, now + timedelta(seconds=1))
    with pytest.raises(HoldfastError, match="was left behind by") as told:
        planned(made, target + timedelta(seconds=1))
    assert "--target-timeline" in told.value.hint
    with pytest.raises(HoldfastError, match="outside of what repository 2"):
        planned(made, made.clock.now() + MINUTE)


def test_a_suspicion_stands_against_its_datastore(made: Company) -> None:
    """The first sign is what names the moments; other datastores are not suspected."""
    now = made.clock.now()
    sign = RansomwareSuspected(
        incident="ransomware-1",
        datastore=DATASTORE,
        sign="canaries",
        detail="canaries were changed",
        evidence=1,
        seen_at=now,
        untouched_at=now - MINUTE,
        restored_at=None,
        at=now,
    )
    assert suspicion_of(desk(made).situation(), DATASTORE) is None
    made.world.log.record([Fact(sign, now)])
    assert suspicion_of(desk(made).situation(), DATASTORE) == sign
    assert suspicion_of(desk(made).situation(), "cellar") is None
    assert services_on(desk(made).situation(), DATASTORE) == ("ledgers-app",)


@dataclass(frozen=True, slots=True)
class Blind(Scripted):
    """An engine that cannot even look."""

    def preflight(
        self, datastore: str, repository: int, target: datetime | None = None
    ) -> Preflight:
        """Fail."""
        del datastore, repository, target
        raise HoldfastError("datastore has no repository 7", "Its repositories are 1.")


def test_a_preflight_that_cannot_look_is_answered(made: Company) -> None:
    """Whoever waits hears of it; nothing is restored."""
    blind = Blind(made.clock, (DATASTORE,), shelf=made.engine.shelf)
    made.world = replace(made.world, engines={"scripted": blind})
    recover(made)
    made.beat(times=3)
    (checked,) = made.events(PreflightChecked)
    assert isinstance(checked, PreflightChecked)
    assert not checked.ok
    assert checked.checks == (
        "FAILED: look: datastore has no repository 7 (Its repositories are 1.)",
    )
