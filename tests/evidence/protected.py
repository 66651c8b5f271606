"""A datastore's five weeks: calm, a stuck archive yesterday, drills good and bad."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.domain.story import DATASTORE, DAY, HOUR, MINUTE, SECOND, T0, Story, rules

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.drill import DrillFinished, DrillMeasured, DrillOrdered
from holdfast.domain.events.job import JobFinished, JobRequested, JobStarted
from holdfast.domain.events.runner import JobProgressed
from holdfast.evidence.recovery import protection
from holdfast.evidence.recovery_views import ProtectionView

LOOK = 5 * MINUTE


def with_standbys(catalogue: dict[str, Any]) -> None:
    """Declare a standby in another zone, and one that will not stream."""
    catalogue["environments"][0]["zone"] = "ap-southeast-2a"
    catalogue["environments"].append(
        {
            **catalogue["environments"][0],
            "id": "production-b",
            "zone": "ap-southeast-2b",
        }
    )
    catalogue["datastores"][0]["replicas"] = [
        {"name": "orders-b", "environment": "production-b"},
        {"name": "orders-c", "environment": "vault"},
    ]


def weeks_of_looks(days: int = 8) -> Story:
    """Tell looks every five minutes; the archive stuck for an hour near the end."""
    story = Story(rules(edit=with_standbys)).adopt()
    story.now = T0
    looks = days * DAY // LOOK
    for number in range(looks):
        left = looks - number
        lag = timedelta(seconds=20 + 7 * (number * 37 % 31))
        if 100 < left <= 112:
            lag = (112 - left) * LOOK + MINUTE
        if left == 60:
            story.look(lag=None)
        elif not 150 < left < 165:
            story.look(lag=lag)
        if number % 288 == 30:
            story.backup(1).after(MINUTE).backup(2)
            story.now -= MINUTE
        story.after(LOOK)
    story.measure(streaming=("orders-b",), not_streaming=("orders-c",))
    return story


def rehearse(story: Story, name: str, *, passed: bool) -> None:
    """Tell one drill from order to judgement."""
    at, second = story.now - HOUR, 1_000_000
    story.tell(
        DrillOrdered(
            drill=name,
            datastore=DATASTORE,
            repository=2,
            sabotage=None if passed else "missing-wal",
            by="chi",
            at=at,
        ),
        JobRequested(name, DATASTORE, "drill", 2, None, None, at),
        JobStarted(name, "host", "/jobs/x", at),
        DrillMeasured(
            drill=name,
            fault_at=at + 4 * SECOND,
            verified_at=at + 70 * SECOND if passed else None,
            recovered_to=at - 9 * SECOND if passed else None,
            first_lost_at=at - 8 * SECOND if passed else None,
            commits_lost=17 if passed else None,
            timeline=2 if passed else None,
            invariants=("totals agree",),
            untouched=True,
            disposed=True,
            findings=() if passed else ("preflight: archive: segment is missing",),
            steps=("preflight", "fault", "restore", "replay", "verify", "dispose"),
            steps_us=tuple(n * second for n in (2, 1, 41, 18, 3, 1)),
            evidence="sha256:00",
            at=at + 75 * SECOND,
        ),
        JobFinished(name, passed, "", "sha256:00", at + 75 * SECOND),
        DrillFinished(
            drill=name,
            datastore=DATASTORE,
            sabotage=None if passed else "missing-wal",
            started_at=at,
            recovery_time_us=70 * second if passed else None,
            business_time_us=70 * second if passed else None,
            from_fault_us=66 * second if passed else None,
            data_loss_us=12 * second if passed else None,
            commits_lost=17 if passed else None,
            passed=passed,
            detail="as told",
            findings=() if passed else ("preflight: archive: segment is missing",),
            evidence="sha256:00",
            at=at + 75 * SECOND,
        ),
    )


def at_work(story: Story) -> None:
    """Tell a backup that is under way, and an expiry that nobody has taken up."""
    since = story.now - 3 * MINUTE
    story.tell(
        JobRequested("backup-orders-9", DATASTORE, "backup", 1, None, None, since),
        JobStarted("backup-orders-9", "host", "/jobs/y", since),
        JobProgressed("backup-orders-9", "copying", 62, story.now),
        JobRequested("expire-orders-9", DATASTORE, "expire", 2, None, None, since),
    )


def protected_view() -> ProtectionView:
    """Return the page's view of it all."""
    story = weeks_of_looks()
    rehearse(story, "drill-orders-1", passed=False)
    story.after(MINUTE)
    rehearse(story, "drill-orders-2", passed=True)
    story.examine(2)
    at_work(story)
    view = protection(Situation(story.rules, story.state, story.now), len(story.told))
    return replace(view, zone="Australia/Melbourne")
