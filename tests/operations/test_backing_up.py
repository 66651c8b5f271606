"""Backups by order and by schedule, as a runner carries them out, and as they show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.operations.company import DATASTORE, LEAD, RESPONDER, SUCCESS, company
from tests.operations.test_rehearse import desk

from holdfast.domain.events.job import JobFinished, JobRequested
from holdfast.domain.events.repository import BackupOrdered, RepositoryExamined
from holdfast.errors import HoldfastError
from holdfast.evidence.as_json import as_json
from holdfast.evidence.backups import backups_views
from holdfast.operations.authority import ForbiddenError
from holdfast.operations.backing_up import order_backup

DAY = timedelta(days=1)


def test_the_schedule_backs_up_reads_back_and_expires_by_itself() -> None:
    """Nobody asks: both repositories are backed up, tried, and retention runs."""
    made = company()
    made.beat(times=90)
    done = [e for e in made.events(JobRequested) if isinstance(e, JobRequested)]
    asked = {(job.verb, job.repository) for job in done}
    assert asked >= {(v, n) for v in ("backup", "verify", "expire") for n in (1, 2)}
    tried = made.events(RepositoryExamined)
    assert {e.repository for e in tried if isinstance(e, RepositoryExamined)} == {1, 2}
    [view] = backups_views(desk(made).situation())
    assert (view.backups, view.off_site) == ("met", "met"), view
    assert [place.number for place in view.repositories] == [1, 2]
    for place in view.repositories:
        assert place.restorable_since is not None
        assert place.tried is not None
        assert {backup.started_by for backup in place.backups} == {"schedule"}
    assert as_json(view)["datastore"] == DATASTORE


def test_an_ordered_backup_is_carried_out_under_the_persons_name() -> None:
    """The order stands before the job, by whom; the backup shows who wanted it."""
    made = company()
    made.beat(times=90)
    ordered = order_backup(desk(made), DATASTORE, repository=2, kind="full")
    made.beat(times=20)

    [order] = made.events(BackupOrdered)
    assert isinstance(order, BackupOrdered)
    assert (order.by, order.repository, order.kind) == (RESPONDER, 2, "full")
    ends = [e for e in made.events(JobFinished) if isinstance(e, JobFinished)]
    assert [e.ok for e in ends if e.job == ordered.job] == [True]
    [view] = backups_views(desk(made).situation())
    newest = view.repositories[1].backups[0]
    assert newest.started_by == RESPONDER


def test_who_may_order_and_what_is_refused() -> None:
    """A role is needed, a declared datastore, and one job at a time."""
    made = company()
    made.beat(times=90)
    with pytest.raises(ForbiddenError, match="may not order backup"):
        order_backup(desk(made, SUCCESS), DATASTORE)
    with pytest.raises(HoldfastError, match="no datastore nowhere") as unknown:
        order_backup(desk(made), "nowhere")
    assert DATASTORE in unknown.value.hint
    order_backup(desk(made, LEAD), DATASTORE)
    with pytest.raises(HoldfastError, match="is busy: backup"):
        order_backup(desk(made), DATASTORE)
