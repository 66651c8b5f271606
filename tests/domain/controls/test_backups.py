"""Backups: automated, encrypted, daily, with point-in-time recovery."""

from __future__ import annotations

from typing import Any

import pytest
from tests.domain.story import DATASTORE, DAY, HOUR, MINUTE, SECOND, T0, Story, rules

from holdfast.domain.controls.backups import gap
from holdfast.domain.events.incident import (
    IncidentOpened,
    PreflightChecked,
    RecoveryVerified,
)
from holdfast.domain.events.job import JobFinished, JobRequested
from holdfast.domain.events.observation import BackupGone


def automated(story: Story) -> Story:
    """Let a backup that was asked for end well."""
    name = f"backup-{len(story.told)}"
    story.tell(JobRequested(name, DATASTORE, "backup", 1, None, None, story.now))
    return story.tell(JobFinished(name, True, "", "sha256:00", story.now))


def tried(story: Story) -> Story:
    """Let a wrong key be refused by both repositories."""
    return story.examine(1, deletion="unknown").examine(2)


def protected(**decisions: str) -> Story:
    """Begin a story with an automated backup in both repositories, tried and seen."""
    return tried(automated(Story(rules(decisions)).adopt().backup(1).backup(2)).look())


def requests(story: Story) -> list[JobRequested]:
    """Return the backups that would be asked for now."""
    return [
        event
        for duty in story.owes("backups").values()
        for event in duty.conclusions
        if isinstance(event, JobRequested) and event.verb == "backup"
    ]


def test_no_backup_is_unproven_then_breached() -> None:
    """Without a backup it is unproven, and breached once the first is overdue."""
    story = Story().adopt().look()
    assert story.judge("backups").standing == "unproven"
    assert story.after(26 * HOUR).judge("backups").standing == "unproven"
    assert story.after(SECOND).judge("backups").standing == "breached"


def test_all_four_facts_meet_the_promise() -> None:
    """Automated, encrypted, daily and archiving: met, and due again in 26 hours."""
    verdict = protected().judge("backups")
    assert verdict.standing == "met"
    assert verdict.next_due_at == T0 + 26 * HOUR
    assert all(proof.index is not None for proof in verdict.proofs)


def test_the_gap_is_26_hours_to_the_second() -> None:
    """A backup 26 hours old is still met, a second more is breached."""
    story = protected().after(26 * HOUR).look()
    assert story.judge("backups").standing == "met"
    verdict = story.after(SECOND).look().judge("backups")
    assert (verdict.standing, verdict.reason) == (
        "breached",
        "orders: the newest backup is older than 26 hours",
    )


def test_a_gap_of_last_week_still_counts() -> None:
    """Two backups too far apart breach for a month, then it is forgotten."""
    story = automated(protected().after(26 * HOUR + SECOND).backup(1).backup(2)).look()
    assert "apart" in story.judge("backups").reason
    for _ in range(32):
        story.after(DAY).backup(1).backup(2)
    assert tried(automated(story).look()).judge("backups").standing == "met"


@pytest.mark.parametrize("repository", [1, 2])
def test_a_plain_backup_is_breached_wherever_it_lies(repository: int) -> None:
    """An unencrypted copy is found also behind a newer encrypted one elsewhere."""
    story = Story().adopt().backup(repository, cipher=None).after(HOUR)
    automated(story.backup(3 - repository)).look()
    verdict = story.judge("backups")
    assert verdict.standing == "breached"
    assert f"repository {repository} is not encrypted" in verdict.reason


def test_a_doubted_backup_is_breached() -> None:
    """When the repository itself begins to doubt its newest backup, it is red."""
    story = protected()
    assert story.backup(2, error=True).judge("backups").standing == "breached"
    assert story.after(HOUR).backup(2).look().judge("backups").standing == "met"


@pytest.mark.parametrize("fault", [{"archiving": False}, {"archive_failing": True}])
def test_archiving_off_or_failing_is_breached(fault: dict[str, Any]) -> None:
    """Without point-in-time recovery daily backups are not enough."""
    assert protected().after(MINUTE).look(**fault).judge("backups").standing == (
        "breached"
    )


def test_an_old_look_is_stale() -> None:
    """After a quarter of an hour without a look nobody knows any more."""
    story = protected().after(15 * MINUTE)
    assert story.judge("backups").standing == "met"
    assert story.after(SECOND).judge("backups").standing == "stale"


def test_what_does_not_run_is_not_seen_archiving() -> None:
    """While the datastore is down nobody sees it archive: unproven, never green."""
    verdict = protected().after(MINUTE).look(running=False).judge("backups")
    assert verdict.standing == "unproven"
    assert "archiving runs" not in [proof.text for proof in verdict.proofs]


def test_automation_is_shown_by_a_recent_job() -> None:
    """Backups by hand prove no automation, nor does a job of last week."""
    story = tried(Story().adopt().backup(1).backup(2).look())
    assert story.judge("backups").standing == "unproven"
    automated(story)
    assert story.judge("backups").standing == "met"
    story.after(DAY).backup(1).backup(2).after(3 * HOUR).look()
    assert story.judge("backups").standing == "unproven"


def test_a_repository_left_behind_is_at_risk() -> None:
    """When one repository has had no backup for too long, it shows."""
    story = protected().after(DAY).backup(1)
    automated(story).after(2 * HOUR + SECOND).look()
    verdict = story.judge("backups")
    assert verdict.standing == "at_risk"
    assert "repository 2" in verdict.reason


def test_gone_backups_do_not_count() -> None:
    """When every backup is gone nothing is left to be proved by."""
    story = protected()
    for seen in story.state.datastores[DATASTORE].backups:
        label = seen.backup.label
        story.tell(BackupGone(DATASTORE, seen.backup.repository, label, story.now))
    assert story.judge("backups").standing == "unproven"


def test_no_production_datastore() -> None:
    """Where nothing is in production nothing is proved."""

    def spare(catalogue: dict[str, Any]) -> None:
        catalogue["datastores"][0]["production"] = False

    story = Story(rules(edit=spare))
    assert story.judge("backups").standing == "unproven"
    assert story.owes("backups") == {}


def test_an_unapproved_gap_is_unbound() -> None:
    """On the default of 26 hours that nobody approved it is not met."""
    made = rules(unapproved=("backup_gap",))
    story = tried(automated(Story(made).adopt().backup(1).backup(2)).look())
    assert story.judge("backups").standing == "unbound"


def test_the_gap_follows_the_rhythm_unless_decided() -> None:
    """A daily rhythm allows 26 hours by itself; a decision allows what it says."""
    undecided = Story(rules(unapproved=("backup_gap",)))
    assert gap(undecided.situation) == 26 * HOUR
    assert gap(Story(rules({"backup_gap": "25 h"})).situation) == 25 * HOUR


# --- What is owed -------------------------------------------------------------------


def test_a_first_backup_is_asked_for_at_once() -> None:
    """What was never backed up is, one repository after the other."""
    story = Story().adopt().look()
    (first,) = requests(story)
    assert (first.repository, first.verb) == (1, "backup")
    assert story.conclusions()[0].control == "backups"
    story.tell(first)
    assert requests(story) == []
    story.after(MINUTE).backup(1)
    story.tell(JobFinished(first.job, True, "", "sha256:00", story.now))
    (second,) = requests(story)
    assert second.repository == 2


def test_the_next_is_asked_for_an_hour_before_its_day_is_over() -> None:
    """23 hours after the last one the next is asked for."""
    story = protected().after(23 * HOUR - SECOND)
    assert requests(story) == []
    (asked,) = requests(story.after(SECOND))
    assert asked.repository == 1
    duties = story.owes("backups")
    backups = [duty for duty in duties.values() if duty.what.startswith("back up")]
    assert {duty.due_at for duty in backups} == {T0 + 26 * HOUR}


def test_a_failed_backup_waits_before_it_is_tried_again() -> None:
    """After a failure ten minutes pass; meanwhile the other repository has its turn."""
    story = Story().adopt().look()
    (first,) = requests(story)
    story.tell(first, JobFinished(first.job, False, "", "sha256:00", story.now))
    (other,) = requests(story)
    assert other.repository == 2
    story.tell(other, JobFinished(other.job, False, "", "sha256:00", story.now))
    assert requests(story.after(10 * MINUTE - SECOND)) == []
    (again,) = requests(story.after(SECOND))
    assert (again.repository, again.job != first.job) == (1, True)


@pytest.mark.parametrize(
    "look", [{"running": False}, {"repositories": ()}, {"repositories": (2,)}]
)
def test_what_cannot_be_backed_up_stays_owed(look: dict[str, Any]) -> None:
    """While a repository or the datastore does not answer, nothing is asked of it,
    and the duty stays on the list until it is overdue.
    """
    story = protected().after(25 * HOUR).look(**look)
    owed = {d.what: d for d in story.owes("backups").values()}
    duty = owed["back up orders to repository 1"]
    assert duty.conclusions == ()
    assert story.after(2 * HOUR).owes("backups")[duty.key].overdue(story.now)


def test_what_nobody_looked_at_is_owed_from_the_adoption() -> None:
    """A datastore without any look has a duty too, and its date does not move."""
    story = Story().adopt().after(20 * HOUR)
    (duty,) = story.owes("backups").values()
    assert (duty.due_at, duty.conclusions) == (T0 + 26 * HOUR, ())
    assert duty.what == "back up orders"
    assert list(story.after(20 * HOUR).owes("backups")) == [duty.key]


def test_nothing_is_backed_up_while_it_is_restored() -> None:
    """Between the order of a recovery and its end no backup is asked for."""
    story = protected().after(23 * HOUR).look()
    story.tell(IncidentOpened("inc", ("x",), story.now, story.now, (), "by hand"))
    name = story.order()
    assert requests(story) == []
    story.tell(PreflightChecked(name, True, (), "sha256:00", story.now))
    story.tell(
        JobRequested(f"{name}-restore", DATASTORE, "restore", 2, None, name, story.now)
    )
    at = story.now
    story.tell(RecoveryVerified(name, True, True, 2, at, (), (), "sha256:00", at))
    assert requests(story) == []
    story.tell(JobFinished(f"{name}-restore", True, "", "sha256:00", story.now))
    assert len(requests(story)) == 1


def test_a_refused_recovery_does_not_stop_backups() -> None:
    """A recovery that its preflight refused touches nothing: backups go on."""
    story = protected().after(23 * HOUR).look()
    story.tell(IncidentOpened("inc", ("x",), story.now, story.now, (), "by hand"))
    name = story.order()
    story.tell(PreflightChecked(name, False, (), "sha256:00", story.now))
    assert len(requests(story)) == 1
