"""A recovery goes step by step, and nothing destructive is tried again by itself."""

from __future__ import annotations

import pytest
from tests.domain.story import DATASTORE, DAY, HOUR, MINUTE, T0, Story, confirmed

from holdfast.domain.decide import (
    CheckPreflight,
    ObserveJob,
    StartJob,
    VerifyRecovery,
    decide,
)
from holdfast.domain.events.incident import (
    IncidentResolved,
    PreflightChecked,
    RecoveryVerified,
)
from holdfast.domain.events.job import (
    JobFinished,
    JobLost,
    JobRequested,
    JobStarted,
)
from holdfast.domain.recovering import Step, step


def ordered() -> tuple[Story, str]:
    """Order a recovery in an incident."""
    story = confirmed().deliver()
    return story, story.order()


def at_step(story: Story, name: str) -> Step:
    """Return where the recovery stands."""
    return step(story.situation, story.state.recoveries[name])


def preflight(story: Story, name: str, *, ok: bool = True) -> None:
    """Answer the preflight."""
    story.tell(PreflightChecked(name, ok, (), "sha256:00", story.now))


def verified(story: Story, name: str, *, ok: bool = True) -> None:
    """Judge what was restored."""
    story.tell(RecoveryVerified(name, ok, ok, 2, T0, (), (), "sha256:00", story.now))


def finish(story: Story, job: str, *, ok: bool = True) -> None:
    """End a job."""
    story.tell(JobFinished(job, ok, "", "sha256:00", story.now))


def jobs(story: Story) -> list[str]:
    """Record what follows; return the jobs asked for."""
    return [e.job for e in story.conclude() if isinstance(e, JobRequested)]


def actions(story: Story) -> list[object]:
    """Return what is to be done now."""
    return list(decide(story.situation).actions)


def test_from_order_to_end() -> None:
    """Preflight, restore, verify, failover: each follows from the end of the last."""
    story, name = ordered()
    assert at_step(story, name) == "preflight"
    assert actions(story) == [CheckPreflight(name)]
    assert jobs(story) == []
    preflight(story, name)
    assert at_step(story, name) == "restore"
    assert jobs(story) == [f"{name}-restore"]
    requested = story.state.jobs.all[f"{name}-restore"].requested
    assert (requested.verb, requested.repository, requested.recovery) == (
        "restore",
        2,
        name,
    )
    assert at_step(story, name) == "restoring"
    assert actions(story) == [StartJob(f"{name}-restore")]
    story.tell(JobStarted(f"{name}-restore", "host", "folder", story.now))
    assert actions(story) == [ObserveJob(f"{name}-restore")]
    assert jobs(story) == []
    finish(story, f"{name}-restore")
    assert at_step(story, name) == "verify"
    assert actions(story) == [VerifyRecovery(name)]
    verified(story, name)
    assert at_step(story, name) == "failover"
    assert jobs(story) == [f"{name}-failover"]
    assert at_step(story, name) == "failing_over"
    finish(story, f"{name}-failover")
    assert at_step(story, name) == "done"
    assert (jobs(story), actions(story)) == ([], [])


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(
    ("fails", "stuck"),
    [
        ("preflight", "preflight_failed"),
        ("restore", "restore_failed"),
        ("verify", "verify_failed"),
        ("failover", "failover_failed"),
    ],
)
def test_nothing_is_tried_again_by_itself(fails: str, stuck: str, lost: bool) -> None:
    """What failed or was lost waits for a person, for days if it must."""
    story, name = ordered()
    preflight(story, name, ok=fails != "preflight")
    story.conclude()
    if fails != "preflight":
        end(story, f"{name}-restore", ok=fails != "restore", lost=lost)
    if fails in ("verify", "failover"):
        verified(story, name, ok=fails != "verify")
        story.conclude()
    if fails == "failover":
        end(story, f"{name}-failover", ok=False, lost=lost)
    assert at_step(story, name) == stuck
    for _ in range(5):
        story.after(DAY)
        assert jobs(story) == []
        story.deliver()
        assert actions(story) == []


def end(story: Story, job: str, *, ok: bool, lost: bool) -> None:
    """End a job well, badly, or without a trace."""
    if lost and not ok:
        story.tell(JobLost(job, "host gone", story.now))
    else:
        finish(story, job, ok=ok)


def test_a_new_order_begins_anew() -> None:
    """A person's new order is a new recovery with jobs of its own."""
    story, name = ordered()
    preflight(story, name)
    story.conclude()
    end(story, f"{name}-restore", ok=False, lost=True)
    again = story.order(2)
    preflight(story, again)
    assert jobs(story) == [f"{again}-restore"]
    assert at_step(story, name) == "restore_failed"


def test_no_restore_begins_after_the_incident() -> None:
    """An order that nobody followed is not followed once the incident is over."""
    story, name = ordered()
    story.tell(IncidentResolved(story.incident.id, "chi", story.now))
    preflight(story, name)
    assert at_step(story, name) == "restore"
    assert jobs(story) == []
    assert jobs(story.after(HOUR)) == []


def test_recoveries_of_several_datastores_go_side_by_side() -> None:
    """Each datastore has its own recovery; they are asked for as they were ordered."""
    story = confirmed()
    names = [story.order(datastore=each) for each in ("zeta", "alpha", DATASTORE)]
    for name in names:
        preflight(story, name)
    assert jobs(story.after(MINUTE)) == [f"{name}-restore" for name in names]
