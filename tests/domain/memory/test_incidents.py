"""What is remembered of incidents and of the recoveries ordered in them."""

from __future__ import annotations

from tests.domain.story import HOUR, MINUTE, SERVICE, T0, confirmed

from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentAcknowledged,
    PreflightChecked,
    RecoveryVerified,
    ServiceFailed,
    ServiceRestored,
    WritesCompared,
)


def test_each_fact_keeps_the_entry_that_carries_it() -> None:
    """An auditor is led to the very entry of each fact, not to a neighbour's."""
    story = confirmed()
    name = story.incident.id
    compared = WritesCompared(name, "orders", 9, 1, 0, T0, T0, "sha256:00", T0)
    for event in (
        IncidentAcknowledged(name, "eli", story.now),
        DisasterDeclared(name, "chi", automatic=False, at=story.now, due_at=None),
        compared,
        ServiceRestored(name, SERVICE, story.now, story.now),
    ):
        story.tell(event)
    incident = story.incident
    assert incident.acknowledged_index == story.told.index(incident.acknowledged)
    assert incident.declared_index == story.told.index(incident.declared)
    assert incident.writes == (compared,)
    assert incident.writes_indices == (story.told.index(compared),)
    assert incident.services[SERVICE].index == len(story.told) - 1
    assert len(incident.indices) == 5


def test_services_fail_join_and_fail_again() -> None:
    """An incident holds every service with its own beginning and end."""
    story = confirmed()
    name = story.incident.id
    story.tell(ServiceFailed(name, "api", T0 + MINUTE, story.now))
    assert story.incident.failing == ("api", SERVICE)
    story.tell(ServiceRestored(name, SERVICE, T0 + HOUR, T0 + HOUR))
    assert story.incident.failing == ("api",)
    assert story.incident.restored_since is None
    story.tell(ServiceRestored(name, "api", T0 + 2 * HOUR, T0 + 2 * HOUR))
    assert story.incident.restored_since == T0 + 2 * HOUR
    story.tell(ServiceFailed(name, SERVICE, T0 + 3 * HOUR, T0 + 3 * HOUR))
    assert story.incident.failing == (SERVICE,)
    assert story.incident.restored_since is None


def test_recoveries_keep_their_steps() -> None:
    """A recovery holds its preflight and its verification, each with its entry."""
    story = confirmed()
    name = story.order()
    story.tell(PreflightChecked(name, True, ("ok",), "sha256:00", story.now))
    story.tell(
        RecoveryVerified(name, True, True, 2, T0, (), (), "sha256:00", story.now)
    )
    recovery = story.state.recoveries[name]
    assert recovery.preflight_index == len(story.told) - 2
    assert recovery.verified_index == len(story.told) - 1
    assert recovery.verified is not None
    assert recovery.verified.ok
