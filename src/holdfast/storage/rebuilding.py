"""A recovery from end to end: log, evidence, people, outbox, in a safe order.

Deliveries that a restored outbox has open are held before the log moves on; so a crash
at any point leaves nothing that a node would send. No node works on it until the caller
says that all is back (`unfinished.end`). The log itself is left as it was published,
root for root: that open jobs are given up is recorded when a node starts.
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.ledger.checkpoint import Checkpoint
from holdfast.operations.log import Log
from holdfast.operations.ports.store import Mark
from holdfast.operations.quarantine import hold_what_is_open, rebuild_outbox
from holdfast.storage.escrow import Escrow
from holdfast.storage.evidence import Restored, wanted_of
from holdfast.storage.personal import PersonalPlace
from holdfast.storage.personal_recovery import Returned, restore_people
from holdfast.storage.recover import (
    Progress,
    Pulled,
    bring_forward,
    restore_evidence,
)
from holdfast.storage.unfinished import begin


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a recovery did; ``jobs`` are those that were open and are not restarted."""

    checkpoint: Checkpoint
    added: int
    evidence: Restored
    people: Returned
    held: int
    jobs: tuple[str, ...]


def rebuild(
    log: Log,
    pulled: Pulled,
    mark: Mark,
    *,
    escrow: Escrow | None = None,
    place: PersonalPlace | None = None,
    progress: Progress | None = None,
) -> Rebuilt:
    """Make the log's store what the copy proves it was, and able to act.

    ``place`` is where the backups of personal data lie.
    """
    store = log.store
    if store.size() < pulled.size:
        begin(store)
        hold_what_is_open(log)
    added = bring_forward(store, pulled, mark, progress)
    wanted = wanted_of(log.state())
    evidence = restore_evidence(store, pulled, escrow, wanted, progress)
    people = restore_people(log, place, pulled.verified.checkpoint.origin)
    held = rebuild_outbox(log)
    jobs = tuple(sorted(log.state().jobs.open))
    return Rebuilt(pulled.verified.checkpoint, added, evidence, people, held, jobs)
