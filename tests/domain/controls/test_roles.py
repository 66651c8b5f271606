"""Roles are held by enough people, who take incidents on in time."""

from __future__ import annotations

from typing import Any

from tests.domain.story import MINUTE, SECOND, T0, Story, confirmed, rules

from holdfast.domain.events.incident import IncidentAcknowledged

DETECTED = T0 + 5 * MINUTE


def acknowledge(story: Story) -> Story:
    """Take the incident on."""
    return story.tell(IncidentAcknowledged(story.incident.id, "eli", story.now))


def alone(catalogue: dict[str, Any]) -> None:
    """Leave Customer Success with one person."""
    catalogue["people"] = [p for p in catalogue["people"] if p["id"] != "hana"]


def test_enough_holders_prove_only_so_much() -> None:
    """Without minutes of the committee the control is never met."""
    verdict = Story().judge("roles")
    assert verdict.standing == "unproven"
    assert "no minutes" in verdict.reason


def test_a_role_held_by_one_is_breached() -> None:
    """Fewer holders than wanted break the promise, by name."""
    verdict = Story(rules(edit=alone)).judge("roles")
    assert verdict.standing == "breached"
    assert verdict.reason == "Customer Success is held by 1, 2 wanted"


def test_an_incident_is_to_be_taken_on_in_a_quarter_of_an_hour() -> None:
    """Unacknowledged after fifteen minutes it is breached, to the second."""
    story = confirmed().at(DETECTED + 15 * MINUTE)
    assert story.judge("roles").standing == "unproven"
    assert story.after(SECOND).judge("roles").standing == "breached"


def test_taken_on_in_time_is_shown_by_its_own_entry() -> None:
    """The proof is the acknowledgement's entry, also after the incident went on."""
    story = acknowledge(confirmed())
    index = len(story.told) - 1
    story.turn(True).after(15 * MINUTE).conclude()
    verdict = story.judge("roles")
    assert verdict.standing == "unproven"
    assert [p.index for p in verdict.proofs] == [index]
    assert verdict.proofs[0].text == "acknowledge the incident: done"


def test_taken_on_late_is_breached() -> None:
    """A late acknowledgement is said to be late."""
    story = acknowledge(confirmed().after(16 * MINUTE))
    verdict = story.judge("roles")
    assert (verdict.standing, "late" in verdict.reason) == ("breached", True)


def test_an_incident_that_ended_by_itself_was_not_acknowledged() -> None:
    """Nobody took it on before it ended: no word claims that somebody did."""
    story = confirmed().turn(True).after(15 * MINUTE)
    story.conclude()
    (duty,) = story.owes("roles").values()
    assert duty.done_at == story.now
    assert duty.what == "acknowledge the incident (nobody did before it ended)"
    assert duty.index is None
    assert story.judge("roles").proofs == ()


def test_an_incident_that_ended_late_without_anybody_is_breached() -> None:
    """It is breached since nobody acknowledged, not since somebody was late."""
    story = confirmed().after(10 * MINUTE).turn(True).after(15 * MINUTE)
    story.conclude()
    verdict = story.judge("roles")
    assert verdict.standing == "breached"
    assert verdict.reason == "nobody acknowledged the last incident"
