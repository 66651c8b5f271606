"""Backups: what is shown by trying and by looking, and who started them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from tests.domain.controls.test_backups import automated, protected, tried
from tests.domain.story import DATASTORE, DAY, HOUR, MINUTE, SECOND, Story, rules

from holdfast.domain.events.job import JobFinished, JobRequested
from holdfast.domain.events.observation import BackupGone
from holdfast.domain.events.repository import BackupOrdered, WalSeen

ZONE = ZoneInfo("Australia/Melbourne")
GIB = 1 << 30
SEGMENT = 16 << 20


def expiries(story: Story) -> list[JobRequested]:
    """Return the expiries that would be asked for now."""
    return [
        event
        for duty in story.owes("backups").values()
        for event in duty.conclusions
        if isinstance(event, JobRequested) and event.verb == "expire"
    ]


def verified(story: Story, repository: int, *, ok: bool = True) -> Story:
    """Let a repository be read back now."""
    name = f"verify-{repository}-{len(story.told)}"
    asked = JobRequested(name, DATASTORE, "verify", repository, None, None, story.now)
    return story.tell(asked, JobFinished(name, ok, "", "sha256:00", story.now))


def test_nobody_tried_a_wrong_key_is_unproven() -> None:
    """The raw bytes alone are not enough: a refusal must have been seen, of late."""
    story = automated(Story().adopt().backup(1).backup(2)).look()
    verdict = story.judge("backups")
    assert (verdict.standing, "wrong key on repository 1" in verdict.reason) == (
        "unproven",
        True,
    )
    story.examine(1).examine(2, wrong_key="unknown")
    assert "repository 2" in story.judge("backups").reason
    assert story.examine(2).judge("backups").standing == "met"


def test_a_wrong_key_that_opens_is_breached() -> None:
    """Whatever the settings say, a repository that any key opens is not encrypted."""
    verdict = protected().examine(2, wrong_key="opened").judge("backups")
    assert (verdict.standing, verdict.reason) == (
        "breached",
        "orders: a wrong key opens repository 2",
    )


def test_an_escrowed_key_that_does_not_open_is_breached() -> None:
    """A copy of the key that is not the key is none on the worst day."""
    assert protected().examine(1, escrow="opens").judge("backups").standing == "met"
    verdict = protected().examine(1, escrow="fails").judge("backups")
    assert verdict.standing == "breached"


def test_the_window_must_have_been_looked_up() -> None:
    """Without a look at the archive nobody knows from when on can be restored."""
    story = protected().after(2 * HOUR + SECOND)
    for number in (1, 2):
        story.window(number, story.now - DAY)
    story.look(repositories=(1,))
    assert story.judge("backups").standing == "met"
    story.after(2 * HOUR + SECOND).look(repositories=(1,))
    verdict = story.judge("backups")
    assert verdict.standing == "unproven"
    assert "on repository 2 can be restored" in verdict.reason


def test_a_hole_is_at_risk_and_no_way_at_all_is_breached() -> None:
    """A missing segment is told with what is left; with no way to now it is red."""
    hole = "000000010000000000000007"
    verdict = protected().after(SECOND).window(2, None, holes=(hole,)).judge("backups")
    assert verdict.standing == "breached"
    story = protected().after(SECOND)
    verdict = story.window(2, story.now, holes=(hole,)).judge("backups")
    assert verdict.standing == "at_risk"
    assert hole in verdict.reason


def test_wal_that_fills_its_disk_is_at_risk_before_it_is_full() -> None:
    """At the growth of the last hour there must be room for four hours."""
    story = protected()
    story.tell(WalSeen(DATASTORE, story.now, SEGMENT, 40 * GIB))
    assert story.judge("backups").standing == "met"
    story.after(10 * MINUTE).look()
    story.tell(WalSeen(DATASTORE, story.now, SEGMENT + 2 * GIB, 38 * GIB))
    verdict = story.judge("backups")
    assert verdict.standing == "at_risk"
    assert "about 190 min" in verdict.reason
    story.after(HOUR + SECOND).look()
    story.tell(WalSeen(DATASTORE, story.now, 3 * GIB, 38 * GIB))
    assert story.judge("backups").standing == "met"
    story.tell(WalSeen(DATASTORE, story.now + SECOND, SEGMENT, GIB - 1))
    assert "room left" in story.judge("backups").reason


def test_a_backup_that_a_person_ordered_is_no_schedule() -> None:
    """By hand proves nothing about tomorrow; the schedule's own run does."""
    story = Story().adopt().look()
    name = "backup-by-hand"
    story.tell(
        BackupOrdered(name, DATASTORE, 1, None, "chi", story.now),
        JobRequested(name, DATASTORE, "backup", 1, None, None, story.now),
    )
    story.after(MINUTE).backup(1, finished_at=story.now).backup(2)
    story.tell(JobFinished(name, True, "", "sha256:00", story.now))
    tried(story.look())
    assert "start by itself" in story.judge("backups").reason
    assert automated(story).judge("backups").standing == "met"


@pytest.mark.parametrize(
    ("starts", "standing"),
    [
        ((0, 24, 48, 72), "met"),
        ((0, 24, 48), "unproven"),
        ((0, 21, 47, 72), "unproven"),
        ((0, 23, 47, 71), "met"),
    ],
)
def test_backups_of_others_are_adopted_by_their_rhythm(
    starts: tuple[int, ...], standing: str
) -> None:
    """Cron's backups show a schedule once four starts keep the policy's rhythm."""
    story = Story().adopt().look()
    begin = story.now
    for hours in starts:
        story.at(begin + timedelta(hours=hours)).backup(1).backup(2)
    assert tried(story.look()).judge("backups").standing == standing


@pytest.mark.parametrize(
    ("first", "change"),
    [
        (datetime(2026, 10, 1, 2, 30, tzinfo=ZONE), "summer time begins on the 4th"),
        (datetime(2027, 4, 2, 2, 30, tzinfo=ZONE), "summer time ends on the 4th"),
    ],
)
def test_a_change_of_clocks_neither_breaches_nor_hides(
    first: datetime, change: str
) -> None:
    """A daily backup by local time is 23 or 25 hours apart on that day: sums in UTC."""
    story = Story().at(first.astimezone(UTC)).adopt()
    moments = []
    for day in range(6):
        # Sums of local times keep the wall clock, as cron does.
        moments.append((first + timedelta(days=day)).astimezone(UTC))
        story.at(moments[-1]).backup(1).backup(2)
        if day >= 3:
            assert tried(story.look()).judge("backups").standing == "met", change
    gaps = {(b - a) / HOUR for a, b in pairwise(moments)}
    assert gaps in ({23.0, 24.0}, {24.0, 25.0})
    assert story.after(26 * HOUR).look().judge("backups").standing == "met"
    assert story.after(SECOND).look().judge("backups").standing == "breached"


# --- Retention ----------------------------------------------------------------------


def own_backup(story: Story, repository: int) -> Story:
    """Let Holdfast take a backup now."""
    name = f"backup-{repository}-{len(story.told)}"
    story.tell(
        JobRequested(name, DATASTORE, "backup", repository, None, None, story.now)
    )
    story.backup(repository, finished_at=story.now + 2 * MINUTE)
    return story.after(2 * MINUTE).tell(
        JobFinished(name, True, "", "sha256:00", story.now)
    )


def test_retention_is_applied_once_after_each_good_reading() -> None:
    """Nothing expires before the newest backup was read back and found whole."""
    story = own_backup(own_backup(Story().adopt().look(), 1), 2).look()
    assert expiries(story) == []
    assert expiries(verified(story, 1, ok=False)) == []
    (asked,) = expiries(verified(story.after(MINUTE), 1))
    assert asked.repository == 1
    story.tell(asked)
    assert expiries(story) == []
    story.tell(JobFinished(asked.job, False, "", "sha256:00", story.now))
    assert expiries(story.after(HOUR - SECOND)) == []
    (again,) = expiries(story.after(SECOND))
    story.tell(again, JobFinished(again.job, True, "", "sha256:00", story.now))
    assert expiries(story.after(HOUR)) == []


def test_what_others_keep_is_never_expired() -> None:
    """Where the newest backup is not Holdfast's, retention is others' business."""
    story = own_backup(own_backup(Story().adopt().look(), 1), 2).look()
    story = verified(story.after(MINUTE), 1)
    assert len(expiries(story)) == 1
    story.after(HOUR).backup(1)
    assert expiries(verified(story.after(MINUTE), 1)) == []


def test_the_on_site_repository_is_read_back_too() -> None:
    """Each repository is read and tried daily, the on-site one under this promise."""
    story = own_backup(Story().adopt().look(), 1).look()
    asked = [
        event
        for duty in story.owes("backups").values()
        for event in duty.conclusions
        if isinstance(event, JobRequested) and event.verb == "verify"
    ]
    assert [event.repository for event in asked] == [1]


def keeps(sentence: str) -> Story:
    """Begin a story whose policy says for how long backups are kept."""
    return Story(rules(add=f"- **Retention:** {sentence}"))


@pytest.mark.parametrize(
    ("sentence", "days"),
    [
        ("Backups must be retained for at least 30 days.", 30),
        ("Backups are kept for no less than 5 weeks.", 35),
        ("Backups are retained for up to 30 days.", None),
    ],
)
def test_the_policy_says_for_how_long_backups_are_kept(
    sentence: str, days: int | None
) -> None:
    """A floor obliges; the most that may be kept does not; the seed says nothing."""
    found = keeps(sentence).rules.backups_kept_for
    assert found == (None if days is None else days * DAY)
    assert rules().backups_kept_for is None


def test_backups_that_are_gone_too_early_are_seen() -> None:
    """Once protected for so long, a repository without a backup of then falls short."""
    story = keeps("Backups must be retained for at least 30 days.").adopt()
    for day in range(33):
        automated(story.backup(1).backup(2)).look()
        assert "of 30 days ago" not in story.judge("backups").reason, day
        story.after(DAY)
    held = story.state.datastores[DATASTORE].of_repository(2)
    for seen in held[:10]:
        story.tell(BackupGone(DATASTORE, 2, seen.backup.label, story.now))
    tried(story.backup(1).backup(2)).look()
    verdict = story.judge("backups")
    assert (verdict.standing, "repository 2 holds no backup" in verdict.reason) == (
        "at_risk",
        True,
    )
    for seen in story.state.datastores[DATASTORE].of_repository(1)[:10]:
        story.tell(BackupGone(DATASTORE, 1, seen.backup.label, story.now))
    assert story.look().judge("backups").standing == "breached"


def test_a_repository_that_was_not_read_back_whole_is_breached() -> None:
    """Also on-site: what is damaged restores nothing; a good reading mends it."""
    verdict = protected().examine(1, read_back=False).judge("backups")
    assert verdict.standing == "breached"
    assert "repository 1 was not read back whole" in verdict.reason
    story = protected().examine(1, read_back=False).examine(1)
    assert story.judge("backups").standing == "met"
