"""The public page is up to date, as seen from outside."""

from __future__ import annotations

from itertools import pairwise

from tests.domain.story import DAY, HOUR, MINUTE, SECOND, T0, Story, confirmed, rules
from tests.domain.test_lifecycle import two_services

from holdfast.domain.events.notice import NoticeDelivered, NoticeDue
from holdfast.domain.events.observation import ProbesSealed

DETECTED = T0 + 5 * MINUTE


def pages(story: Story) -> list[NoticeDue]:
    """Return the updates that were owed so far."""
    return [n for n in story.notices() if n.duty == "status_page"]


def test_nothing_happened_proves_nothing() -> None:
    """Without a disruption the control is unproven."""
    assert Story().judge("status_page").standing == "unproven"


def test_a_policy_without_a_page_owes_none() -> None:
    """Where the policy does not speak of a page, none is owed."""
    story = confirmed(made=rules(cut="**The public:**"))
    assert story.judge("status_page").standing == "unproven"
    assert story.owes("status_page") == {}
    assert pages(story) == []


def test_the_first_word_is_due_in_a_quarter_of_an_hour() -> None:
    """The first update is due fifteen minutes after detection."""
    (first,) = pages(confirmed())
    assert (first.due_at, first.stage) == (DETECTED + 15 * MINUTE, "opened")
    assert "Northwind Ledgers is not working" in first.text


def test_published_is_not_seen() -> None:
    """Only a fetch from outside settles the duty."""
    story = confirmed()
    (first,) = pages(story)
    story.tell(NoticeDelivered(first.notice, 1, 0, 0, "sha256:00", story.now))
    assert story.judge("status_page").standing == "at_risk"
    assert story.after(15 * MINUTE).judge("status_page").standing == "at_risk"
    assert story.after(SECOND).judge("status_page").standing == "breached"
    assert story.deliver().judge("status_page").standing == "breached"


def test_updates_come_hourly_while_it_lasts() -> None:
    """Each update goes out shortly before its hour, numbered on."""
    story = confirmed()
    story.beat_until(DETECTED + 4 * HOUR)
    updates = pages(story)[1:]
    assert [u.notice.rpartition("-")[2] for u in updates] == ["1", "2", "3", "4"]
    moments = [DETECTED, *(u.at for u in updates)]
    gaps = [b - a for a, b in pairwise(moments)]
    assert all(gap == 55 * MINUTE for gap in gaps)
    assert all(u.due_at - u.at == 5 * MINUTE for u in updates)
    assert story.judge("status_page").standing == "met"


def test_a_sleep_of_five_hours_owes_one_update() -> None:
    """Waking after five hours, one update is owed, overdue since its own hour."""
    story = confirmed().deliver().after(5 * HOUR)
    story.conclude()
    updates = pages(story)[1:]
    assert [u.due_at for u in updates] == [DETECTED + HOUR]
    assert story.judge("status_page").standing == "breached"
    story.deliver().after(54 * MINUTE).conclude()
    assert len(pages(story)) == 2
    story.after(MINUTE).conclude()
    assert len(pages(story)) == 3


def test_the_end_is_put_on_the_page_and_updates_end() -> None:
    """Once resolved, the end is owed and no further update."""
    story = confirmed().deliver().turn(True).after(15 * MINUTE)
    story.conclude()
    story.deliver().after(DAY)
    assert story.conclude() == []
    end = pages(story)[-1]
    assert end.stage == "resolved"
    assert end.due_at == DETECTED + 30 * MINUTE
    assert "works again since 2026-07-01 00:05 UTC" in end.text
    assert story.judge("status_page").standing == "met"


def test_a_service_that_joins_is_on_the_page_in_time() -> None:
    """A further service calls for an update at once, due in its own quarter hour."""
    story = confirmed(made=rules(edit=two_services)).deliver()
    story.after(10 * MINUTE).turn(False, service="invoices").after(5 * MINUTE)
    story.conclude()
    update = pages(story)[-1]
    assert update.stage == "update"
    assert "Invoices" in update.text
    assert update.due_at == story.now + 15 * MINUTE
    assert story.conclude() == []
    story.deliver().after(54 * MINUTE)
    story.conclude()
    assert len(pages(story)) == 2
    story.after(MINUTE).conclude()
    assert len(pages(story)) == 3


def test_the_page_speaks_of_a_restore_only_if_one_was_ordered() -> None:
    """What customers read is what is being done."""
    story = confirmed().deliver().after(HOUR)
    story.conclude()
    assert "still working" in pages(story)[-1].text
    story.order()
    story.deliver().after(HOUR).conclude()
    assert "restoring Northwind Ledgers from its backup" in pages(story)[-1].text


def test_while_everything_is_green_the_page_does_not_say_otherwise() -> None:
    """Restored, but not resolved, the update says that it is being checked."""
    story = confirmed().deliver()
    story.order(datastore="elsewhere")
    story.turn(True).after(15 * MINUTE).conclude()
    story.deliver().after(HOUR).conclude()
    assert "checking that everything works" in pages(story)[-1].text


def test_other_facts_do_not_change_what_is_owed() -> None:
    """A seal of samples leaves the page's duties as they are."""
    story = confirmed()
    before = story.owes("status_page")
    story.tell(ProbesSealed("x", "y", T0, T0, 0, 0, "sha256:00"))
    assert story.owes("status_page") == before
