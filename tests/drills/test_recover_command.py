"""`holdfast recover` on the worst day: real servers, real repositories, two people, and
whatever is killed on the way.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from tests.drills.ports import until
from tests.drills.rig import DATASTORE as DESK
from tests.drills.stricken import ORDERS, Company, stricken
from tests.drills.terminal import Terminal

from holdfast.domain.events.authority import ActApproved, StepConfirmed
from holdfast.domain.events.incident import (
    IncidentResolved,
    PreflightChecked,
    RecoveryOrdered,
    RecoveryVerified,
)
from holdfast.domain.events.job import JobFinished, JobStarted
from holdfast.engines.postgresql import postmaster

NARROW = 60
pytestmark = [pytest.mark.engine, pytest.mark.drills, pytest.mark.timeout(1500)]


@pytest.fixture(name="company")
def _company() -> Iterator[Company]:
    """Provide a company with a datastore for each of its two first functions."""
    with stricken(two=True) as made:
        yield made


def is_open(port: int) -> bool:
    """Say whether an application could reach a server."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def strike(company: Company) -> None:
    """Lose both databases and what is on-site; wait until that is an incident."""
    assert company.rig is not None
    company.box.destroy_production()
    company.rig.strike()

    def both_fail() -> bool:
        running = company.state().running_incidents()
        return {s for i in running for s in i.failing} == {"ledgers-app", "desk"}

    until(both_fail, seconds=120)


def dry_run_changes_nothing(company: Company) -> None:
    """Show the plans by rank, in a narrow terminal, and touch nothing."""
    typed = ("recover", "--repository", "2", "--dry-run")
    dry = company.at_terminal("chi", *typed, columns=60)
    assert dry.wait() == 0, dry.text
    first, second = (
        dry.shown.index(f"{place} (rank {rank}")
        for place, rank in ((f"1. {ORDERS}", 1), (f"2. {DESK}", 2))
    )
    assert first < second
    assert "nothing is deleted" in dry.shown
    assert max(map(len, dry.text.splitlines())) <= NARROW, dry.text
    assert not company.state().recoveries
    assert postmaster(company.protected.cluster) is None
    assert not company.protected.cluster.data.exists()


def lead_the_first(company: Company) -> tuple[Terminal, str]:
    """Recover what ranks first; kill command, node and runner on the way."""
    typed = ("recover", "--repository", "2")
    lead = company.at_terminal("chi", *typed)
    lead.expect("chi must sign in")
    lead.confide("Password", company.box.password)
    lead.answer("Declare a disaster?")
    lead.answer(f"Restore {ORDERS} over production from repository 2")
    lead.answer("1: Tell the team in the incident's channel")
    lead.answer("Step 3: Stop the application's workers")
    lead.expect("A second person signs in, looks, and agrees: holdfast approve")
    another = ("recover", ORDERS, "--yes", "--repository", "1")
    assert "is under way: from repository 2" in company.refused("chi", *another)
    lead.kill()
    company.kill("node")
    order = company.waiting()
    assert "cannot approve it" in company.refused("chi", "approve", order)
    company.approve()
    company.box.start_node()

    lead = company.at_terminal("chi", *typed)
    lead.expect("since the fault")
    lead.answer("The restore is approved. Go ahead?")
    until(lambda: f"{order}-restore" in company.state().jobs.all, seconds=60)
    company.kill("runner")
    company.box.start_runner()
    lead.expect("The data are verified. Let the applications in?")
    assert "Done?" not in lead.shown, "it asked for what was done"
    assert not is_open(company.protected.cluster.port)
    verified = company.state().recoveries[order].verified
    assert verified is not None
    assert verified.ok
    lead.say("y")
    lead.answer("Step 7: Start the workers")
    lead.answer("Step 8: Take a fresh backup")
    lead.expect(f"{ORDERS} is in service again.")
    for words in ("from the fault", "business", "from the declaration", "data loss"):
        lead.expect(words)
    return lead, order


def lead_the_second(company: Company, lead: Terminal) -> str:
    """Go on with what ranks second, by Holdfast's own steps: it has no runbook."""
    assert len(company.events(RecoveryOrdered)) == 1
    lead.answer(f"Restore {DESK} over production from repository 2")
    lead.expect("A second person signs in")
    second = company.approve()
    lead.answer("The restore is approved. Go ahead?")
    lead.answer("The data are verified. Let the applications in?")
    lead.expect(f"{DESK} is in service again.")
    assert lead.wait() == 0, lead.text
    return second


def test_two_datastores_come_back_in_the_order_of_their_ranks(
    company: Company,
) -> None:
    """Led by the runbook at a terminal, with a second person; the command, the node and
    the runner are each killed once, and it goes on at the right step; each server is
    verified before it is opened; the figures are told and the log is whole.
    """
    strike(company)
    dry_run_changes_nothing(company)
    lead, order = lead_the_first(company)
    second = lead_the_second(company, lead)

    assert [e.datastore for e in company.events(RecoveryOrdered)] == [ORDERS, DESK]
    started = [e.job for e in company.events(JobStarted) if "inc-" in e.job]
    assert started == [
        f"{name}-{verb}" for name in (order, second) for verb in ("restore", "failover")
    ]
    assert all(e.ok for e in company.events(PreflightChecked))
    checked = company.events(RecoveryVerified)
    assert [(e.recovery, e.ok, len(e.invariants)) for e in checked] == [
        (order, True, 3),
        (second, True, 3),
    ]
    opened = [e for e in company.events(JobFinished) if e.job.endswith("-failover")]
    for verified, job in zip(checked, opened, strict=True):
        assert verified.at < job.at
    assert {e.by for e in company.events(ActApproved)} == {"eli"}
    confirmed = [e.step for e in company.events(StepConfirmed) if e.order == order]
    assert sorted(confirmed) == ["1", "3", "7", "8", "failover", "restore"]

    # The clocks stop once customers are served again.
    until(lambda: bool(company.events(IncidentResolved)), seconds=120)
    again = company.run("chi", "recover", ORDERS, "--json")
    assert again.returncode == 0, again.stderr
    [told] = json.loads(again.stdout)
    assert told["recovery"] == order
    assert told["from_fault_seconds"] > told["from_declaration_seconds"] > 0
    assert told["from_fault_business_seconds"] >= told["business_seconds"] >= 0
    assert told["data_loss_seconds"] is not None
    assert {step["state"] for step in told["steps"]} == {"done"}
    verified = company.run("chi", "ledger", "verify")
    assert verified.returncode == 0, verified.stderr
