"""The steps of a recovery that a person ordered: preflight, restore, verify, failover.

Each step follows only from the recorded end of the one before. What failed or was lost
waits for a person: nothing destructive is ever tried again by itself. Before the
restore a second person approves; where a runbook leads, restore and failover wait for
a person's word besides.
"""

from __future__ import annotations

from typing import Literal

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.job import JobRequested
from holdfast.domain.memory.incidents import Recovery
from holdfast.domain.memory.orders import Order
from holdfast.domain.memory.protection import Job

Step = Literal[
    "preflight",
    "preflight_failed",
    "approval",
    "lapsed",
    "cancelled",
    "restore_held",
    "restore",
    "restoring",
    "restore_failed",
    "verify",
    "verify_failed",
    "failover_held",
    "failover",
    "failing_over",
    "failover_failed",
    "done",
]
OVER: frozenset[Step] = frozenset(
    {
        "preflight_failed",
        "lapsed",
        "cancelled",
        "restore_failed",
        "verify_failed",
        "failover_failed",
        "done",
    }
)
"""Nothing follows from these any more: the next order is a person's."""


def step(situation: Situation, recovery: Recovery) -> Step:
    """Return where the recovery stands."""
    order = situation.state.orders.get(recovery.ordered.recovery)
    restore = situation.state.jobs.all.get(f"{recovery.ordered.recovery}-restore")
    if order is not None and order.cancelled is not None and not _begun(restore):
        return "cancelled"
    if recovery.preflight is None:
        return "preflight"
    if not recovery.preflight.ok:
        return "preflight_failed"
    if restore is None:
        return _before_restore(situation, order)
    if restore.ended is None:
        return "restoring"
    if not restore.ok:
        return "restore_failed"
    if recovery.verified is None:
        return "verify"
    if not recovery.verified.ok:
        return "verify_failed"
    failover = situation.state.jobs.all.get(f"{recovery.ordered.recovery}-failover")
    return _after_verification(order, failover)


def warranted(situation: Situation, job: Job) -> bool:
    """Say whether a job may begin that overwrites or opens production.

    Asked by whoever carries it out, of the same ledger, once more: a request alone is
    no warrant.
    """
    if job.requested.verb not in {"restore", "failover"}:
        return True
    order = situation.state.orders.get(job.requested.recovery or "")
    return order is not None and order.warranted


def _begun(job: Job | None) -> bool:
    return job is not None and job.cancelled is None


def _before_restore(situation: Situation, order: Order | None) -> Step:
    if order is None or order.lapsed(situation.now):
        return "lapsed"
    if not order.warranted:
        return "approval"
    return "restore_held" if order.holds("restore") else "restore"


def _after_verification(order: Order | None, failover: Job | None) -> Step:
    if failover is None:
        held = order is not None and order.holds("failover")
        return "failover_held" if held else "failover"
    if failover.ended is None:
        return "failing_over"
    return "done" if failover.ok else "failover_failed"


def conclude(situation: Situation) -> tuple[JobRequested, ...]:
    """Return the jobs that the ordered recoveries need next."""
    wanted = []
    known = situation.state.recoveries.values()
    for recovery in sorted(known, key=lambda each: each.ordered_index):
        match step(situation, recovery):
            # Once the incident is over nobody wants production overwritten any more.
            case "restore" if recovery.ordered.incident in situation.state.running:
                wanted.append(_request(situation, recovery, "restore"))
            case "failover":
                wanted.append(_request(situation, recovery, "failover"))
            case _:
                pass
    return tuple(wanted)


def _request(
    situation: Situation, recovery: Recovery, verb: Literal["restore", "failover"]
) -> JobRequested:
    ordered = recovery.ordered
    return JobRequested(
        job=f"{ordered.recovery}-{verb}",
        datastore=ordered.datastore,
        verb=verb,
        repository=ordered.repository,
        target=ordered.target,
        recovery=ordered.recovery,
        at=situation.now,
    )
