"""The steps of a recovery that a person ordered: preflight, restore, verify, failover.

Each step follows only from the recorded end of the one before. What failed or was lost
waits for a person: nothing destructive is ever tried again by itself.
"""

from __future__ import annotations

from typing import Literal

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.job import JobRequested
from holdfast.domain.memory.incidents import Recovery
from holdfast.domain.memory.protection import Job

Step = Literal[
    "preflight",
    "preflight_failed",
    "restore",
    "restoring",
    "restore_failed",
    "verify",
    "verify_failed",
    "failover",
    "failing_over",
    "failover_failed",
    "done",
]


def step(situation: Situation, recovery: Recovery) -> Step:
    """Return where the recovery stands."""
    if recovery.preflight is None:
        return "preflight"
    if not recovery.preflight.ok:
        return "preflight_failed"
    restore = situation.state.jobs.all.get(f"{recovery.ordered.recovery}-restore")
    if restore is None:
        return "restore"
    if restore.ended is None:
        return "restoring"
    if not restore.ok:
        return "restore_failed"
    if recovery.verified is None:
        return "verify"
    if not recovery.verified.ok:
        return "verify_failed"
    return _after_verification(
        situation.state.jobs.all.get(f"{recovery.ordered.recovery}-failover")
    )


def _after_verification(failover: Job | None) -> Step:
    if failover is None:
        return "failover"
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
