"""Hands: slow work beside the beat, one of a key at a time, faults told once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from tests.operations.company import START, turns

from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.world import Inbox
from holdfast.runner.hands import ThreadHands


@pytest.fixture
def inbox() -> Inbox:
    """Return an empty inbox."""
    return Inbox()


@pytest.fixture
def hands(inbox: Inbox) -> Iterator[ThreadHands]:
    """Return hands; what they hold is let go of afterwards."""
    ours = ThreadHands(inbox)
    yield ours
    ours.close()


def facts(inbox: Inbox) -> list[Fact]:
    """Take what is in the inbox."""
    found: list[Fact] = []
    inbox.hand_over(found.extend)
    return found


def test_facts_arrive(hands: ThreadHands, inbox: Inbox) -> None:
    """What work yields is in the inbox once it is done."""
    hands.do("look", lambda: turns(START, ok=True))
    hands.close()
    assert facts(inbox) == turns(START, ok=True)


def test_one_of_a_key(hands: ThreadHands) -> None:
    """Work under way is not begun again, and other work goes on beside it."""
    begun, go_on, beside = threading.Semaphore(0), threading.Event(), threading.Event()

    def slow() -> Sequence[Fact]:
        begun.release()
        go_on.wait(60)
        return ()

    def other() -> Sequence[Fact]:
        beside.set()
        return ()

    hands.do("slow", slow)
    assert begun.acquire(timeout=60)
    hands.do("slow", slow)
    hands.do("other", other)
    assert beside.wait(60)
    go_on.set()
    hands.close()
    assert not begun.acquire(blocking=False)


def test_faults_are_told_once(
    hands: ThreadHands, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault is told when it begins, not each time, and forgotten when it ends."""

    def fail() -> Sequence[Fact]:
        raise HoldfastError("out of reach", "Wait.")

    done = threading.Semaphore(0)

    def wait(work: object) -> None:
        def told() -> Sequence[Fact]:
            try:
                return work()  # type: ignore[operator, no-any-return]
            finally:
                done.release()

        hands.do("deliver", told)
        assert done.acquire(timeout=60)
        while "deliver" in hands._busy:
            threading.Event().wait(0.001)

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            wait(fail)
        assert hands.faults.known == {"deliver": "out of reach (Wait.)"}
        assert len(caplog.records) == 1
        wait(tuple)
        assert hands.faults.known == {}


def test_our_own_faults(hands: ThreadHands, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of our own is told with its place, and stops no thread."""

    def broken() -> Sequence[Fact]:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        hands.do("look", broken)
        while "look" in hands._busy:
            threading.Event().wait(0.001)
        hands.do("look", broken)
        hands.close()
    assert hands.faults.known == {"look": "ZeroDivisionError"}
    assert len([record for record in caplog.records if record.exc_info]) == 1
