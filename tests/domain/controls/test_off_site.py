"""The copy lies elsewhere, and can be read back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.domain.story import DATASTORE, DAY, HOUR, MINUTE, SECOND, T0, Story, rules

from holdfast.domain.events.job import JobFinished, JobLost, JobRequested, JobVerb


def read_back(
    story: Story, *, ok: bool = True, verb: JobVerb = "verify", repository: int = 2
) -> Story:
    """Let a read-back be asked for and end now."""
    name = f"job-{len(story.told)}"
    story.tell(JobRequested(name, DATASTORE, verb, repository, None, None, story.now))
    if verb == "verify":
        story.examine(repository)
    return story.tell(JobFinished(name, ok, "", "sha256:00", story.now))


def copied(**changes: Any) -> Story:
    """Begin a story with an off-site copy."""
    return Story(rules(**changes)).adopt().look().backup(2)


def asked(story: Story) -> list[JobRequested]:
    """Return the read-backs that would be asked for now."""
    return [
        event
        for duty in story.owes("off_site").values()
        for event in duty.conclusions
        if isinstance(event, JobRequested)
    ]


def test_without_a_copy_it_is_unproven() -> None:
    """An on-site backup alone proves nothing."""
    assert Story().judge("off_site").standing == "unproven"
    assert Story().backup(1).judge("off_site").standing == "unproven"


def test_a_copy_is_met_once_it_was_read_back() -> None:
    """Elsewhere and read back: met, shown by the copy and by the reading."""
    story = copied()
    assert story.judge("off_site").standing == "unproven"
    verdict = read_back(story).judge("off_site")
    assert verdict.standing == "met"
    assert [p.index for p in verdict.proofs] == [2, 5, 4]


def test_a_read_back_begun_before_the_copy_does_not_count() -> None:
    """What was asked for before the newest copy finished has not read it."""
    story = copied()
    story.tell(JobRequested("v", DATASTORE, "verify", 2, None, None, story.now))
    story.after(HOUR).backup(2).after(MINUTE)
    story.tell(JobFinished("v", True, "", "sha256:00", story.now))
    assert story.judge("off_site").standing == "unproven"


def test_a_copy_that_cannot_be_read_is_breached() -> None:
    """A failed verification breaches until one succeeds."""
    story = read_back(copied(), ok=False)
    assert story.judge("off_site").standing == "breached"
    assert read_back(story.after(HOUR)).judge("off_site").standing == "met"


def test_a_restore_from_the_copy_reads_it_too() -> None:
    """A restore that worked is a read-back; one that failed says nothing of it."""
    story = read_back(copied().examine(), verb="restore")
    assert story.judge("off_site").standing == "met"
    story = read_back(read_back(copied()), verb="restore", ok=False)
    assert story.judge("off_site").standing == "met"


def test_a_lost_job_has_read_nothing() -> None:
    """A verification that vanished neither proves nor breaks the copy."""
    story = copied()
    story.tell(JobRequested("v", DATASTORE, "verify", 2, None, None, story.now))
    story.tell(JobLost("v", "gone", story.now))
    assert story.judge("off_site").standing == "unproven"


def test_reading_the_on_site_backup_does_not_count() -> None:
    """The copy itself must be read."""
    assert read_back(copied(), repository=1).judge("off_site").standing == "unproven"


def test_an_old_copy_is_breached() -> None:
    """A copy older than 26 hours is breached, to the second."""
    story = read_back(copied()).after(26 * HOUR)
    assert story.judge("off_site").standing == "met"
    assert story.after(SECOND).judge("off_site").standing == "breached"


def test_an_old_reading_is_stale() -> None:
    """By a longer rhythm of backups, a reading of over two days ago is stale."""
    story = read_back(copied(decisions={"backup_gap": "5 d"})).after(2 * DAY)
    assert story.judge("off_site").standing == "met"
    assert story.after(SECOND).judge("off_site").standing == "stale"


@pytest.mark.parametrize(
    ("field", "standing"), [("account", "met"), ("region", "met"), (None, "breached")]
)
def test_another_account_or_another_region(field: str | None, standing: str) -> None:
    """Either is enough; sharing both is none at all."""

    def move(catalogue: dict[str, Any]) -> None:
        production, vault = catalogue["environments"]
        moved = {"account": vault["account"], "region": vault["region"]}
        vault.update(account=production["account"], region=production["region"])
        if field:
            vault[field] = moved[field]

    assert read_back(copied(edit=move)).judge("off_site").standing == standing


def test_an_undeclared_place_is_not_elsewhere() -> None:
    """Where the catalogue does not say in which environment the copy lies, red."""

    def forget(catalogue: dict[str, Any]) -> None:
        del catalogue["datastores"][0]["backup_environment"]

    assert read_back(copied(edit=forget)).judge("off_site").standing == "breached"


def test_an_unapproved_gap_is_unbound() -> None:
    """The promise rests on the gap of backups, whoever approves that."""
    story = read_back(copied(unapproved=("backup_gap",)))
    verdict = story.judge("off_site")
    assert verdict.standing == "unbound"
    assert "backup_gap" in verdict.reason


def test_nothing_in_production_proves_nothing() -> None:
    """Without a production datastore it is unproven, and nothing is owed."""

    def spare(catalogue: dict[str, Any]) -> None:
        catalogue["datastores"][0]["production"] = False

    story = copied(edit=spare)
    assert story.judge("off_site").standing == "unproven"
    assert story.owes("off_site") == {}


def test_a_new_copy_is_read_back_at_once() -> None:
    """Each new copy is read, and again after a day."""
    story = copied()
    (first,) = asked(story)
    assert (first.verb, first.repository) == ("verify", 2)
    story.tell(first)
    assert asked(story) == []
    story.tell(JobFinished(first.job, True, "", "sha256:00", story.now))
    assert asked(story.after(DAY - SECOND)) == []
    assert len(asked(story.after(SECOND))) == 1
    story.backup(2)
    assert len(asked(story)) == 1


def test_a_failed_reading_waits_before_the_next() -> None:
    """After a failure ten minutes pass."""
    story = read_back(copied(), ok=False)
    assert asked(story.after(10 * MINUTE - SECOND)) == []
    assert len(asked(story.after(SECOND))) == 1


def test_a_busy_datastore_is_left_alone() -> None:
    """While any job works on the datastore nothing is asked for."""
    story = copied()
    story.tell(JobRequested("b", DATASTORE, "backup", 1, None, None, story.now))
    assert asked(story) == []


def test_copies_that_are_never_read_become_overdue() -> None:
    """New copies every day do not move the date by which one must be read."""
    story = copied()
    for _ in range(3):
        story.after(23 * HOUR).backup(2)
    (duty,) = story.owes("off_site").values()
    assert duty.due_at == T0 + 2 * DAY
    assert duty.overdue(story.now)
    read_back(story)
    (duty,) = story.owes("off_site").values()
    assert duty.due_at == story.now + 2 * DAY


def test_a_copy_that_production_can_delete_is_at_risk() -> None:
    """It is tried with production's credentials: refused is met, possible is not."""
    story = read_back(copied())
    assert story.judge("off_site").standing == "met"
    story.after(SECOND).examine(deletion="possible")
    verdict = story.judge("off_site")
    assert verdict.standing == "at_risk"
    assert "can delete the copy" in verdict.reason
    story.after(SECOND).examine(deletion="unknown")
    assert story.judge("off_site").standing == "unproven"


def test_an_attempt_of_days_ago_says_nothing() -> None:
    """What was tried more than two days ago does not count."""
    story = copied(decisions={"backup_gap": "5 d"}).examine()
    story = read_back(story.after(2 * DAY), verb="restore")
    assert story.judge("off_site").standing == "met"
    assert story.after(SECOND).judge("off_site").standing == "unproven"


def test_the_buckets_own_word_goes_before_the_catalogues() -> None:
    """A region or owner other than declared is red; the one declared is shown."""

    def sydney(catalogue: dict[str, Any]) -> None:
        for environment in catalogue["environments"]:
            if environment["id"] == catalogue["datastores"][0]["backup_environment"]:
                environment["region"] = "ap-southeast-2"

    story = read_back(copied(edit=sydney))
    assert "as the catalogue declares" in story.judge("off_site").reason
    story.after(SECOND).examine(region="ap-southeast-2", owner="210987654321")
    verdict = story.judge("off_site")
    assert verdict.standing == "met"
    assert "region ap-southeast-2 by its own word" in verdict.reason
    story.after(SECOND).examine(region="eu-west-3")
    assert story.judge("off_site").standing == "breached"
    story.after(SECOND).examine(region="ap-southeast-2", owner="not 210987654321")
    assert "owner is not" in story.judge("off_site").reason


def test_every_copy_is_read_back() -> None:
    """With two off-site repositories both are owed, not the one with the newest."""
    story = copied().after(MINUTE).backup(3, off_site=True)
    assert {event.repository for event in asked(story)} == {2, 3}
