"""What people do about backups: order one now, beside the schedule.

The order is recorded first; a runner carries it out. It proves nothing about tomorrow:
whether backups are automated is judged by the schedule's own runs.
"""

from __future__ import annotations

from holdfast.domain.events.job import JobRequested
from holdfast.domain.events.repository import BackupOrdered
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require
from holdfast.operations.ports.engine import BackupKind
from holdfast.operations.respond import Desk, at_its_size


class BusyError(HoldfastError):
    """Another job works on the datastore; ``passing`` if it is one that soon ends."""

    def __init__(self, job: JobRequested) -> None:
        message = f"{job.datastore} is busy: {job.verb} {job.job} is under way"
        super().__init__(message, "Wait until it ends: holdfast backup list shows it.")
        self.passing = job.verb in {"backup", "expire"}


def order_backup(
    desk: Desk,
    datastore: str,
    *,
    repository: int | None = None,
    kind: BackupKind | None = None,
) -> BackupOrdered:
    """Order a backup to one repository, or to all of them one after the other.

    Raises `BusyError` while another job works on the datastore: pgBackRest does one
    thing at a time, and a recovery comes first.
    """
    return at_its_size(lambda: _order(desk, datastore, repository, kind))


def _order(
    desk: Desk, datastore: str, repository: int | None, kind: BackupKind | None
) -> BackupOrdered:
    situation = desk.situation()
    require(situation.rules, desk.person, "order_backup")
    declared = [d.id for d in situation.rules.catalogue.datastores]
    if datastore not in declared:
        raise HoldfastError(
            f"no datastore {datastore} in the catalogue",
            f"It declares {', '.join(declared) or 'none'}.",
        )
    busy = [
        job.requested
        for job in situation.state.jobs.of(datastore)
        if job.ended is None and job.requested.verb != "verify"
    ]
    if busy:
        raise BusyError(busy[0])
    now, where = situation.now, f"r{repository}" if repository else "all"
    name = f"backup-{datastore}-{where}-{now:%Y%m%dT%H%M%S}-ordered"
    ordered = BackupOrdered(name, datastore, repository, kind, desk.person, now)
    asked = JobRequested(name, datastore, "backup", repository, None, None, now)
    actor = f"person:{desk.person}"
    facts = [Fact(ordered, now, actor=actor), Fact(asked, now, actor=actor)]
    desk.log.record(facts, expected_size=situation.state.size)
    return ordered
