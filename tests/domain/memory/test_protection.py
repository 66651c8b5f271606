"""What is remembered of datastores and of the jobs that work on them."""

from __future__ import annotations

from datetime import timedelta

from tests.domain.story import DATASTORE, DAY, HOUR, MINUTE, T0, Story

from holdfast.domain.events.job import JobFinished, JobLost, JobRequested, JobStarted
from holdfast.domain.events.observation import BackupGone
from holdfast.domain.memory.protection import JOBS_KEPT, Datastore


def known(story: Story) -> Datastore:
    """Return what is known of the datastore."""
    return story.state.datastores[DATASTORE]


def test_backups_stand_by_the_moment_they_finished() -> None:
    """Backups seen in any order stand oldest first, and apart by repository."""
    story = Story().backup(2, finished_at=T0 + HOUR).backup(1, finished_at=T0)
    assert [b.backup.repository for b in known(story).backups] == [1, 2]
    assert len(known(story).of_repository(2)) == 1
    assert known(story).of_repository(3) == ()


def test_a_backup_seen_anew_replaces_what_was_known() -> None:
    """When the repository begins to doubt a backup, the doubt is remembered."""
    story = Story().backup().backup(error=True)
    (only,) = known(story).backups
    assert only.backup.error
    assert only.index == 1


def test_gone_backups_do_not_count() -> None:
    """A backup that is listed no more is forgotten, and no other."""
    story = Story().backup(1, finished_at=T0).backup(2, finished_at=T0)
    label = known(story).backups[0].backup.label
    story.tell(BackupGone(DATASTORE, 1, label, T0))
    assert [b.backup.repository for b in known(story).backups] == [2]


def test_backups_of_another_year_are_let_go() -> None:
    """Backups far older than the newest do not pile up."""
    story = Story()
    for number in range(450):
        story.backup(finished_at=T0 + number * DAY)
    assert len(known(story).backups) == 401


def test_looks_keep_the_first_and_the_newest() -> None:
    """The first look dates the datastore, the newest tells how it is."""
    story = Story().look().after(HOUR).look(running=False)
    assert known(story).first_seen_at == T0
    assert known(story).seen is not None
    assert not known(story).seen.running


def asked(name: str, story: Story) -> JobRequested:
    """Ask for a backup."""
    return JobRequested(name, DATASTORE, "backup", 1, None, None, story.now)


def test_a_job_goes_from_request_to_end() -> None:
    """A job is open until it finished or was lost, and good only by its evidence."""
    story = Story()
    story.tell(asked("a", story), asked("b", story), asked("c", story))
    story.tell(JobStarted("a", "host", "folder", T0))
    assert set(story.state.jobs.open) == {"a", "b", "c"}
    story.tell(JobFinished("a", True, "", "sha256:00", T0))
    story.tell(JobFinished("b", False, "", "sha256:00", T0))
    story.tell(JobLost("c", "", T0))
    assert set(story.state.jobs.open) == set()
    assert [job.ok for job in story.state.jobs.of(DATASTORE)] == [True, False, False]
    job = story.state.jobs.all["a"]
    assert (job.requested_index, job.started_index, job.ended_index) == (0, 3, 4)


def test_only_the_latest_jobs_are_at_hand() -> None:
    """The jobs at hand do not grow with the ledger; all of them stay known."""
    story = Story()
    for number in range(100):
        story.tell(asked(f"job-{number}", story)).after(DAY)
    assert len(story.state.jobs.all) == 100
    assert len(story.state.jobs.of(DATASTORE)) == JOBS_KEPT / DAY + 1
    assert story.state.jobs.of("another") == ()


def test_one_job_may_follow_another_at_once() -> None:
    """Jobs asked for within minutes are all at hand, in order."""
    story = Story()
    story.tell(asked("a", story)).after(10 * MINUTE)
    story.tell(asked("b", story))
    found = [job.requested.job for job in story.state.jobs.of(DATASTORE)]
    assert found == ["a", "b"]
    assert timedelta(0) < JOBS_KEPT
