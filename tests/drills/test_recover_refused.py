"""What goes wrong in `holdfast recover` on the real engine: each is told with the way
out, at once, and loses nothing.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import tomli_w
from tests.drills.ports import until
from tests.drills.stricken import ORDERS, Company, aside, change, rows, stricken
from tests.drills.terminal import Terminal

from holdfast.domain.events.incident import RecoveryVerified
from holdfast.domain.events.job import JobStarted
from holdfast.engines.postgresql import is_closed, postmaster

pytestmark = [pytest.mark.engine, pytest.mark.drills, pytest.mark.timeout(1500)]

INTERRUPTED = 130
TYPED = ("recover", ORDERS, "--repository", "2")
HANGS = """#!/bin/sh
case "$*" in *repository-2*) [ -e {flag} ] && exec sleep 600;; esac
exec /usr/bin/pgbackrest "$@"
"""


@pytest.fixture(name="company")
def _company() -> Iterator[Company]:
    """Provide a company whose newest commits contradict its invariants, and which has
    lost its database then.
    """
    with stricken() as made:
        dsn = made.box.dsn
        [(good,)] = rows(dsn, "select clock_timestamp()")
        assert isinstance(good, datetime)
        change(dsn, "create table later (n int)", "insert into later values (1)")
        change(dsn, "update accounts set balance_cents = 1 where id = 'revenue'")
        [(name,)] = rows(dsn, "select pg_walfile_name(pg_switch_wal())")
        asked = "select coalesce(last_archived_wal, '') from pg_stat_archiver"
        until(lambda: rows(dsn, asked)[0][0][:24] >= name)
        made.good = good
        made.box.destroy_production()
        until(lambda: bool(made.state().running), seconds=120)
        yield made


def through(company: Company, *, hangs: Path) -> None:
    """Have the runner use a pgBackRest that can be made to hang off-site."""
    program = company.box.folder / "pgbackrest"
    program.write_text(HANGS.format(flag=hangs))
    program.chmod(0o755)
    file = company.box.runner_home / "runner.toml"
    settings = tomllib.loads(file.read_text())
    settings["pgbackrest"][0]["pgbackrest"] = str(program)
    settings["pgbackrest"][0]["deadlines"] = {"short": "PT5S"}
    file.write_text(tomli_w.dumps(settings))
    company.kill("runner")
    company.box.start_runner()


def dry_run(company: Company, *words: str) -> tuple[int, list[str]]:
    """Return a dry run's exit status and what failed."""
    typed = ("recover", ORDERS, "--repository", "2", "--dry-run", "--json", *words)
    ran = company.run("chi", *typed)
    assert "Traceback" not in ran.stderr
    [found] = json.loads(ran.stdout)
    failed = [c for c in found["checks"] if c.startswith("FAILED")]
    return ran.returncode, failed


def moments_are_refused(company: Company) -> None:
    """A moment before the oldest backup, one to come, one that is none or two."""
    for moment, words in (
        ("2020-01-01T00:00:00Z", "outside of what repository 2 can restore"),
        ("2100-01-01T00:00:00Z", "outside of what repository 2 can restore"),
        ("a while ago", "is no moment"),
        ("2026-10-04 02:30 Australia/Melbourne", "skip 2026-10-04 02:30:00"),
        ("2026-04-05 02:30 Australia/Melbourne", "comes twice"),
    ):
        typed = ("recover", ORDERS, "--repository", "2", "--to", moment, "--dry-run")
        assert words in company.refused("chi", *typed), moment


def what_cannot_work_is_found_before(company: Company) -> None:
    """After the last commit; without the key; off-site gone; off-site hanging."""
    assert dry_run(company) == (0, [])
    beyond = f"{datetime.now(UTC) - timedelta(milliseconds=1):%Y-%m-%dT%H:%M:%S.%fZ}"
    status, failed = dry_run(company, "--to", beyond)
    assert (status, len(failed)) == (1, 1)
    assert "moment: the last archived commit is of" in failed[0]
    repository = company.protected.repository(2)
    for path in (repository.key_file, repository.path):
        away = path.with_name(f"{path.name}.away")
        path.rename(away)
        status, failed = dry_run(company)
        away.rename(path)
        assert status == 1, path
        assert failed, path
    flag = company.box.folder / "hangs"
    through(company, hangs=flag)
    assert dry_run(company) == (0, [])
    flag.touch()
    status, failed = dry_run(company)
    flag.unlink()
    assert status == 1
    assert "5 s" in failed[0] or "time" in failed[0], failed


def nobody_else_may(company: Company) -> None:
    """An unknown datastore, somebody without the role, somebody not signed in."""
    typed = ("recover", ORDERS, "--yes", "--repository", "2")
    assert "no datastore cellar" in company.refused("chi", "recover", "cellar")
    assert "gus may not order recovery" in company.refused("gus", *typed)
    assert "must sign in" in company.refused("chi", *typed)


def order_at_terminal(lead: Terminal) -> None:
    """Answer what is asked from the order to the wait for a second person."""
    lead.answer("Restore orders over production from repository 2, to ")
    lead.answer("Step 1: ")
    lead.answer("Step 3: ")
    lead.expect("A second person signs in")


def the_second_person_refuses(company: Company) -> None:
    """It ends with their reason; leaving meanwhile loses nothing."""
    lead = company.at_terminal("chi", *TYPED)
    lead.answer("Declare a disaster?")
    order_at_terminal(lead)
    order = company.waiting()
    lead.interrupt()
    lead.expect("Go on at any terminal: holdfast recover orders")
    assert lead.wait() == INTERRUPTED
    lead = company.at_terminal("chi", *TYPED)
    lead.expect("A second person signs in")
    refusal = company.run("eli", "cancel", order, "--reason", "the disk is not dead")
    assert refusal.returncode == 0, refusal.stderr
    lead.expect("cancelled by eli: the disk is not dead")
    assert lead.wait() == 1
    assert "Traceback" not in lead.text
    assert not [e for e in company.events(JobStarted) if e.job.startswith(order)]


def no_runner_moves_it(company: Company) -> Terminal:
    """That is said, with what to start; then it goes on, to the approved restore."""
    company.kill("runner")
    lead = company.at_terminal("chi", *TYPED)
    lead.answer("Restore orders over production")
    lead.answer("Step 1: ")
    lead.expect("Nothing moves: no runner has answered for orders. Last seen: runner-1")
    lead.expect("holdfast runner --home FOLDER")
    company.box.start_runner()
    lead.answer("Step 3: ")
    lead.expect("A second person signs in")
    return lead


def test_what_goes_wrong_is_told_and_can_be_mended(company: Company) -> None:
    """Moments and repositories that cannot work, a refusal by the second person, a
    runner that is gone, invariants that do not hold: then an earlier moment is asked
    for, and recovers.
    """
    nobody_else_may(company)
    moments_are_refused(company)
    what_cannot_work_is_found_before(company)
    assert not company.state().recoveries
    company.sign_in("chi")
    the_second_person_refuses(company)
    lead = no_runner_moves_it(company)
    first = company.approve()
    lead.answer("The restore is approved. Go ahead?")

    # Invariants do not hold: closed to applications, and a person decides.
    lead.expect("verify failed")
    lead.expect("The server stays closed")
    lead.expect("or (s)top here?")
    cluster = company.protected.cluster
    assert postmaster(cluster) is not None
    assert is_closed(cluster)
    lead.say("m")
    lead.answer("Back to which moment", f"{company.good:%Y-%m-%d %H:%M:%S.%f%z}")
    order_at_terminal(lead)
    second = company.approve()
    lead.answer("The restore is approved. Go ahead?")
    lead.answer("The data are verified. Let the applications in?")
    lead.answer("Step 7: ")
    lead.answer("Step 8: ")
    lead.expect("orders is in service again.")
    assert lead.wait() == 0, lead.text
    assert not is_closed(cluster)
    verdicts = [(e.recovery, e.ok) for e in company.events(RecoveryVerified)]
    assert verdicts == [(first, False), (second, True)]
    assert rows(company.box.dsn, "select to_regclass('later')") == [(None,)]
    [kept] = aside(company.protected)
    assert second in kept.name
    verified = company.run("chi", "ledger", "verify")
    assert verified.returncode == 0, verified.stderr
