"""Customers are written to when an outage exceeded its hour, and only then."""

from __future__ import annotations

from typing import Any

import pytest
from tests.domain.story import (
    HOUR,
    MINUTE,
    SECOND,
    SERVICE,
    T0,
    Story,
    confirmed,
    rules,
)
from tests.domain.test_lifecycle import two_services

from holdfast.domain.events.notice import NoticeDelivered, NoticeDue


def letters(story: Story) -> list[NoticeDue]:
    """Return the letters to customers that were owed so far."""
    return [n for n in story.notices() if n.duty == "customer_email"]


def restored_at(story: Story, moment: Any) -> Story:
    """Let the service work again at a moment, and beat until that is certain."""
    story.beat_until(moment)
    story.turn(True)
    story.beat_until(moment + 20 * MINUTE)
    return story


def test_nothing_happened_proves_nothing() -> None:
    """Without a long outage the control is unproven."""
    assert Story().judge("customer_email").standing == "unproven"
    assert confirmed().judge("customer_email").standing == "unproven"


def test_a_policy_without_letters_owes_none() -> None:
    """Where the policy does not speak of letters, none is owed."""
    story = confirmed(made=rules(cut="**Those affected:**"))
    story.after(3 * HOUR).conclude()
    assert letters(story) == []
    assert story.judge("customer_email").standing == "unproven"
    assert story.owes("customer_email") == {}


@pytest.mark.parametrize(
    ("lasted", "expected"),
    [(HOUR - SECOND, 0), (HOUR, 0), (HOUR + SECOND, 2)],
)
def test_the_hour_is_exceeded_to_the_second(lasted: Any, expected: int) -> None:
    """Restored at 59:59 or at the hour, nobody is written to; a second later, all."""
    story = restored_at(confirmed(), T0 + lasted)
    assert not story.state.running
    assert len(letters(story)) == expected


def test_one_letter_to_every_affected_customer() -> None:
    """The letter is due half an hour after the hour, and owed once."""
    story = confirmed()
    story.beat_until(T0 + 3 * HOUR)
    (letter,) = letters(story)
    assert letter.recipients == (f"customers:{SERVICE}",)
    assert (letter.count, letter.channel) == (12, "email")
    assert letter.due_at == T0 + 90 * MINUTE
    assert letter.at == T0 + HOUR + MINUTE
    assert story.judge("customer_email").standing == "met"


def test_green_that_did_not_last_never_ended_the_outage() -> None:
    """Green at 59:00 holds the letter back; red again before that was certain, it is
    owed by the hour of the first failure.
    """
    story = confirmed()
    story.beat_until(T0 + 59 * MINUTE)
    story.turn(True)
    story.beat_until(T0 + 70 * MINUTE)
    assert letters(story) == []
    story.turn(False)
    story.conclude()
    (letter,) = letters(story)
    assert letter.due_at == T0 + 90 * MINUTE


def test_the_end_is_told_to_those_written_to() -> None:
    """Who got the first letter gets the last, with the moment it worked again."""
    story = restored_at(confirmed(), T0 + 2 * HOUR)
    first, last = letters(story)
    assert last.recipients == first.recipients
    assert last.stage == "resolved"
    assert "since 2026-07-01 02:00 UTC" in last.text
    assert last.notice == f"{first.notice}/resolved"
    assert story.judge("customer_email").standing == "met"


def test_a_sleep_over_the_hour_is_late_and_says_so() -> None:
    """Waking at three hours, the letter is owed at once and overdue."""
    story = confirmed().after(3 * HOUR)
    story.conclude()
    assert len(letters(story)) == 1
    assert story.judge("customer_email").standing == "breached"
    assert story.deliver().judge("customer_email").standing == "breached"


def its_own_customer(catalogue: dict[str, Any]) -> None:
    """Give the second service a customer of its own."""
    two_services(catalogue)
    catalogue["customers"].append(
        {"id": "inv", "email": "i@x.example", "services": ["invoices"]}
    )


def test_a_service_that_joins_has_its_own_hour() -> None:
    """Its customers are written to when its own outage exceeds the hour, not before,
    and are told of the end too.
    """
    story = confirmed(made=rules(edit=its_own_customer))
    story.beat_until(T0 + 30 * MINUTE)
    story.turn(False, service="invoices")
    story.beat_until(T0 + 80 * MINUTE)
    (first,) = letters(story)
    assert first.recipients == (f"customers:{SERVICE}",)
    story.beat_until(T0 + 2 * HOUR)
    second = letters(story)[-1]
    assert (second.recipients, second.count) == (("customers:invoices",), 1)
    assert second.due_at == T0 + 2 * HOUR
    story.turn(True).turn(True, service="invoices")
    story.beat_until(T0 + 2.5 * HOUR)
    ends = [n for n in letters(story) if n.stage == "resolved"]
    assert [e.recipients for e in ends] == [first.recipients, second.recipients]


def test_a_short_failure_beside_a_long_one_is_not_written_about() -> None:
    """Customers of a service that was out for minutes get no letter."""
    story = confirmed(made=rules(edit=its_own_customer))
    story.turn(False, service="invoices")
    story.beat_until(T0 + 20 * MINUTE)
    story.turn(True, service="invoices")
    restored_at(story, T0 + 2 * HOUR)
    assert {n.recipients for n in letters(story)} == {(f"customers:{SERVICE}",)}


def test_who_cannot_be_reached_is_told_about() -> None:
    """A customer whose address refuses for good keeps the promise from being met."""
    story = confirmed()
    story.at(T0 + 61 * MINUTE).conclude()
    (letter,) = letters(story)
    story.tell(NoticeDelivered(letter.notice, 11, 1, 0, "sha256:00", story.now))
    verdict = story.judge("customer_email")
    assert verdict.standing == "at_risk"
    assert "1 could not be reached" in verdict.reason


def nobody(catalogue: dict[str, Any]) -> None:
    """Declare no customer."""
    catalogue["customers"] = []


def test_with_nobody_to_write_to_a_person_must_act() -> None:
    """An empty list of customers sends nothing, settles nothing, and escalates."""
    story = confirmed(made=rules(edit=nobody))
    story.beat_until(T0 + 91 * MINUTE)
    assert letters(story) == []
    (duty,) = story.owes("customer_email").values()
    assert duty.what == "e-mail the affected customers (the catalogue names none)"
    assert story.judge("customer_email").standing == "breached"
    assert duty.key in story.state.notices.escalated
