"""The disaster, step by step: what the company suffers and what Holdfast does.

Every figure is measured on the running parts; the only thing scaled are the two
thresholds that the box's overlay approves in seconds, and they are printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from holdfast.assembly.reading import Reader
from holdfast.demo import northwind, shop_schema
from holdfast.demo.box import Box
from holdfast.demo.customers import NOTES, compare
from holdfast.demo.second_person import approve
from holdfast.demo.telling import Teller
from holdfast.domain.controls.all import owed_by_all
from holdfast.domain.controls.judging import Duty, Situation
from holdfast.domain.events.incident import WritesCompared
from holdfast.domain.memory.incidents import Incident, Recovery
from holdfast.domain.policy.compiler import compile_policy
from holdfast.errors import HoldfastError
from holdfast.evidence.views import StandingView
from holdfast.operations import respond

ON_CALL, LEAD = "eli", "chi"
OFF_SITE = 2
# Customers order this long after the backups, so that there is something to lose.
ORDERS_FOR = timedelta(seconds=12)


@dataclass(frozen=True, slots=True)
class Survived:
    """What the disaster came to."""

    fault_at: datetime
    incident: Incident
    recovery: Recovery
    writes: WritesCompared
    situation: Situation
    duties: tuple[Duty, ...]


def tell(
    box: Box,
    teller: Teller,
    agree: Callable[[str], bool],
    show: Callable[[StandingView], None],
) -> Survived:
    """Tell steps 1 to 4.

    ``agree`` is asked before what a person must decide; ``show`` shows the clauses.
    """
    teller.step("1  The policy, and how each clause stands")
    _read_policy(box, teller, show)
    teller.step("2  The company")
    _start(box, teller)
    reader = box.reader()
    _protect(teller, reader)
    teller.step("3  Disaster")
    fault_at = teller.working("SIGKILL, data and backup gone", box.destroy_production)
    teller.step("4  Holdfast at work")
    incident = _notice(teller, reader)
    _respond(teller, reader, agree)
    recovery = _recover(box, teller, reader, incident, agree)
    writes = _compare(box, teller, reader, recovery, fault_at)
    situation = _resolve(teller, reader, incident)
    own = [d for d in owed_by_all(situation) if d.incident == incident]
    return Survived(
        fault_at=fault_at,
        incident=situation.state.incidents[incident],
        recovery=recovery,
        writes=writes,
        situation=situation,
        duties=tuple(own),
    )


def _read_policy(
    box: Box, teller: Teller, show: Callable[[StandingView], None]
) -> None:
    teller.working("policy read, overlay and catalogue checked, adopted", box.prepare)
    policy = compile_policy(northwind.policy_text())
    bound = sum(bool(sentence.obligations) for sentence in policy.sentences)
    teller.fact(
        f"{policy.title}: {len(policy.sentences)} sentences, {bound} bind controls, "
        f"{len(policy.placeholders)} blank, {len(policy.contradictions)} contradictions"
    )
    for contradiction in policy.contradictions:
        teller.fact(f"[yellow]contradiction[/] {contradiction.message}")
    for name, value in northwind.SHORTENED.items():
        teller.fact(f"in seconds here, minutes by default: {name} = {value}")
    reader = box.reader()
    show(reader.window.standing(reader.window.now()))
    reader.store.close()


def _start(box: Box, teller: Teller) -> None:
    teller.working("PostgreSQL with two encrypted repositories", box.start_database)
    teller.working("shop, Slack, mail relay, status page", box.start_company)
    teller.working("Holdfast: the node, which decides and tells", box.start_node)
    teller.working("Holdfast: the runner, which holds the engine", box.start_runner)
    teller.fact(box.apart())
    teller.working("customers who order", box.start_customers)


def _protect(teller: Teller, reader: Reader) -> None:
    teller.wait(
        "backups on-site and off-site, the off-site copy read back",
        lambda: _protected(reader) or None,
    )
    teller.working("customers go on ordering", lambda: time.sleep(_seconds(ORDERS_FOR)))


def _protected(reader: Reader) -> bool:
    state = reader.log.state()
    known = state.datastores.get(northwind.DATASTORE)
    repositories = {b.backup.repository for b in known.backups} if known else set()
    verified = any(
        job.requested.verb == "verify" and job.ok for job in state.jobs.all.values()
    )
    return {1, OFF_SITE} <= repositories and verified


def _notice(teller: Teller, reader: Reader) -> str:
    def opened() -> Incident | None:
        running = reader.log.state().running_incidents()
        return running[0] if running else None

    incident = teller.wait("its own probes confirm the outage", opened)
    teller.fact(f"incident {incident.id}: {incident.opened.reason}")
    alert, page = f"{incident.id}/alert", f"{incident.id}/status"
    _wait_done(teller, reader, alert, "response team alerted in Slack")
    _wait_done(teller, reader, page, "status page updated and seen from outside")
    return incident.id


def _wait_done(teller: Teller, reader: Reader, notice: str, what: str) -> None:
    def done() -> datetime | None:
        known = reader.log.state().notices.get(notice)
        return known.done_at if known else None

    teller.wait(what, done)


def _respond(teller: Teller, reader: Reader, agree: Callable[[str], bool]) -> None:
    respond.acknowledge(reader.desk(ON_CALL))
    teller.fact(f"acknowledged by {ON_CALL}")
    if not agree("Declare a disaster?"):
        raise HoldfastError("no disaster was declared", "Run the demo with --yes.")
    declared = respond.declare(reader.desk(LEAD))
    teller.fact(
        f"disaster declared by {LEAD}; due back by {declared.due_at:%a %Y-%m-%d %H:%M} "
        "UTC (4 business hours)"
    )


def _recover(
    box: Box,
    teller: Teller,
    reader: Reader,
    incident: str,
    agree: Callable[[str], bool],
) -> Recovery:
    if not agree("Restore the orders database from the off-site copy?"):
        raise HoldfastError("no recovery was ordered", "Run the demo with --yes.")
    ordered = respond.order_recovery(
        box.signed_in(reader, LEAD),
        northwind.DATASTORE,
        repository=OFF_SITE,
        incident=incident,
    )
    teller.fact(f"ordered by {LEAD}, who signed in; a second person has to agree")
    if not agree(f"Approve it, as {ON_CALL}?"):
        raise HoldfastError("nobody approved the recovery", "Run the demo with --yes.")
    approve(box.ports.web, ON_CALL, box.password, ordered.recovery)
    teller.fact(f"approved by {ON_CALL}, on the web page, with the password anew")

    def verified() -> Recovery | None:
        state = reader.log.state()
        recovery = state.recoveries[ordered.recovery]
        _raise_failed(reader, ordered.recovery)
        return recovery if recovery.verified is not None else None

    recovery = teller.wait("restored from the other account and verified", verified)
    assert recovery.verified is not None
    if not recovery.verified.ok:
        findings = "; ".join(recovery.verified.findings)
        raise HoldfastError(f"the restored data do not verify: {findings}")
    teller.fact(
        f"{len(recovery.verified.invariants)} invariants hold, "
        f"timeline {recovery.verified.timeline}, "
        f"recovered to {recovery.verified.recovered_to:%H:%M:%S.%f} UTC"
    )
    return recovery


def _raise_failed(reader: Reader, recovery: str) -> None:
    state = reader.log.state()
    preflight = state.recoveries[recovery].preflight
    if preflight is not None and not preflight.ok:
        raise HoldfastError(f"preflight: {'; '.join(preflight.checks)}")
    for job in state.jobs.all.values():
        if job.requested.recovery == recovery and job.ended is not None and not job.ok:
            raise HoldfastError(f"{job.requested.verb}: {job.ended.detail}")


def _compare(
    box: Box, teller: Teller, reader: Reader, recovery: Recovery, fault_at: datetime
) -> WritesCompared:
    """Count what is lost, among what was acknowledged before the data came back."""

    def released() -> bool | None:
        _raise_failed(reader, recovery.ordered.recovery)
        jobs = reader.log.state().jobs.all
        job = jobs.get(f"{recovery.ordered.recovery}-failover")
        return True if job is not None and job.ok else None

    teller.wait("the database is back in service", released)
    assert recovery.verified is not None
    notes = box.folder / "customers" / NOTES
    refs = shop_schema.client_refs(box.dsn)
    found = compare(notes, refs, recovery.verified.at)
    compared = WritesCompared(
        incident=recovery.ordered.incident,
        datastore=northwind.DATASTORE,
        acknowledged=found.acknowledged,
        lost=len(found.lost),
        unexplained=len(found.extras),
        fault_at=fault_at,
        newest_recovered_at=found.newest_recovered_at,
        evidence=reader.store.put_blob(notes.read_bytes()),
        at=datetime.now(UTC),
    )
    respond.compare_writes(reader.desk(LEAD), compared)
    teller.fact(f"{compared.lost} of {compared.acknowledged} acknowledged writes lost")
    return compared


def _resolve(teller: Teller, reader: Reader, incident: str) -> Situation:
    def resolved() -> bool | None:
        return True if reader.log.state().incidents[incident].resolved else None

    teller.wait("the customer journey is green and stays so", resolved)
    _wait_done(teller, reader, f"{incident}/alert/resolved", "the team told")
    _wait_done(teller, reader, f"{incident}/status/resolved", "the public told")
    return reader.desk(LEAD).situation()


def _seconds(length: timedelta) -> float:
    return length.total_seconds()
