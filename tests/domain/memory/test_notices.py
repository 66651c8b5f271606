"""What is remembered of notices: owed, tried, taken, seen."""

from __future__ import annotations

import pytest
from tests.domain.story import MINUTE, T0, Story

from holdfast.domain.events.notice import (
    ChannelName,
    DeliveryFailed,
    NoticeDelivered,
    NoticeDue,
    StatusPageSeen,
)
from holdfast.domain.memory.notices import Notice


def owed(channel: ChannelName = "slack") -> Story:
    """Owe one notice."""
    return Story().tell(
        NoticeDue(
            "n", "i", "alert", "opened", channel, ("channel:irt",), 1, "", "", T0, T0
        )
    )


def known(story: Story) -> Notice:
    """Return what is known of it."""
    return story.state.notices.all["n"]


def failed(*, permanent: bool) -> DeliveryFailed:
    """Fail once."""
    return DeliveryFailed("n", "n>x", 1, "busy", permanent, False, None, T0)


@pytest.mark.parametrize("permanent", [False, True])
def test_failures_are_counted_and_refusals_kept(permanent: bool) -> None:
    """A failed attempt leaves the notice open, with its reason and its entry."""
    story = owed().tell(failed(permanent=permanent))
    notice = known(story)
    assert (notice.failures, notice.refused) == (1, permanent)
    assert (notice.last_failure, notice.failed_index) == ("busy", 1)
    assert "n" in story.state.notices.undelivered
    assert notice.done_at is None


@pytest.mark.parametrize(("delivered", "done"), [(1, True), (0, False)])
def test_done_means_that_somebody_took_it(delivered: int, done: bool) -> None:
    """A message that every recipient refused is settled, but nobody was told."""
    story = owed().after(MINUTE)
    story.tell(
        NoticeDelivered("n", delivered, 1 - delivered, 0, "sha256:00", story.now)
    )
    assert known(story).done_at == (story.now if done else None)
    assert "n" not in story.state.notices.undelivered
    assert known(story).delivered_index == 1


def test_a_status_page_is_done_when_it_was_seen() -> None:
    """Publishing is not enough: a fetch from outside is the evidence."""
    story = owed("status_page").after(MINUTE)
    story.tell(NoticeDelivered("n", 1, 0, 0, "sha256:00", story.now))
    assert known(story).done_at is None
    assert "n" in story.state.notices.unseen
    story.after(MINUTE).tell(StatusPageSeen("n", "https://x", story.now))
    assert known(story).done_at == T0 + 2 * MINUTE
    assert "n" not in story.state.notices.unseen
    assert known(story).seen_index == 2


def test_unknown_notices_are_let_be() -> None:
    """What befell a notice that nobody owed is no news."""
    story = Story().tell(
        failed(permanent=True),
        NoticeDelivered("n", 1, 0, 0, "sha256:00", T0),
        StatusPageSeen("n", "https://x", T0),
    )
    assert story.state.notices.get("n") is None
