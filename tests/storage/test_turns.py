"""Taking turns: one writes for all who wait, a lone one writes by itself."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from holdfast.operations.ports.store import Appended
from holdfast.storage.errors import StoreError
from holdfast.storage.planning import Request
from holdfast.storage.turns import GROUP_MOST, Turns

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ANSWER = Appended(1, (0,), (True,))


class Desk:
    """Serves groups, and may be held up."""

    def __init__(self) -> None:
        self.groups: list[list[Request]] = []
        self.threads: list[int] = []
        self.open = threading.Event()
        self.open.set()
        self.fault: BaseException | None = None
        self.turns = Turns(self.serve)

    def serve(self, group: Sequence[Request]) -> None:
        """Answer a group."""
        self.groups.append(list(group))
        self.threads.append(threading.get_ident())
        assert self.open.wait(60)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        for request in group:
            request.answer(ANSWER)

    def ask(self) -> Appended:
        """Submit one request."""
        request = Request((), NOW)
        self.turns.submit(request)
        return request.result()

    def gather(self, count: int) -> list[threading.Thread]:
        """Hold up one caller, and let others queue behind it."""
        self.outcomes: list[object] = []
        self.open.clear()
        threads = []
        for number in range(count + 1):
            thread = threading.Thread(target=self._note)
            thread.start()
            threads.append(thread)
            behind = number
            until(lambda behind=behind: len(self.turns._waiting) == behind)
            until(lambda: bool(self.groups))
        return threads

    def release(self, threads: Sequence[threading.Thread]) -> None:
        """Let all go on, and wait for them."""
        self.open.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()

    def _note(self) -> None:
        try:
            self.outcomes.append(self.ask())
        except BaseException as fault:  # noqa: BLE001 - The test looks at it.
            self.outcomes.append(fault)


def until(done: Callable[[], bool]) -> None:
    """Wait for something."""
    limit = time.monotonic() + 60
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.0005)


def test_a_lone_caller_writes_by_itself() -> None:
    """Without others, each request is a group of one in its own thread."""
    desk = Desk()
    for _ in range(3):
        assert desk.ask() == ANSWER
    assert [len(group) for group in desk.groups] == [1, 1, 1]
    assert set(desk.threads) == {threading.get_ident()}


def test_who_takes_the_turn_passes_it_on() -> None:
    """A turn taken without a request keeps the others waiting until it is passed on."""
    desk = Desk()
    assert desk.turns.take()
    assert not desk.turns.take()
    answers: list[Appended] = []
    thread = threading.Thread(target=lambda: answers.append(desk.ask()))
    thread.start()
    until(lambda: len(desk.turns._waiting) == 1)
    assert not desk.groups
    assert not desk.turns.take()
    desk.turns.pass_on()
    thread.join(10)
    assert answers == [ANSWER]
    assert desk.turns.take()
    desk.turns.pass_on()


class Late(deque[Request]):
    """A queue whose turn is let go of just before somebody is seen in it."""

    let_go: Callable[[], None] = staticmethod(lambda: None)

    def append(self, request: Request, /) -> None:
        """Queue, too late to be seen."""
        self.let_go()
        super().append(request)


def test_who_queues_as_the_turn_is_let_go_of_takes_it() -> None:
    """Nobody waits for a turn that nobody has."""
    desk = Desk()
    desk.turns._waiting = late = Late()
    late.let_go = desk.turns.pass_on
    assert desk.turns.take()
    answers: list[Appended] = []
    thread = threading.Thread(target=lambda: answers.append(desk.ask()), daemon=True)
    thread.start()
    thread.join(10)
    assert answers == [ANSWER]
    assert not late
    assert desk.turns.take()
    desk.turns.pass_on()


def test_those_who_wait_are_served_together() -> None:
    """What gathers behind one write is the next write, led by who came first."""
    desk = Desk()
    desk.release(desk.gather(9))
    assert [len(group) for group in desk.groups] == [1, 9]
    assert desk.outcomes == [ANSWER] * 10
    assert len(set(desk.threads)) == 2
    assert desk.ask() == ANSWER


def test_a_group_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group does not grow beyond its limit; the rest follows."""
    monkeypatch.setattr("holdfast.storage.turns.GROUP_MOST", 4)
    desk = Desk()
    desk.release(desk.gather(9))
    assert [len(group) for group in desk.groups] == [1, 4, 4, 1]
    assert desk.outcomes == [ANSWER] * 10
    assert GROUP_MOST > 4


def test_a_stopped_leader_lets_nobody_down() -> None:
    """When a leader is stopped in mid-write its group learns it, and others go on."""
    desk = Desk()
    threads = desk.gather(5)
    desk.fault = KeyboardInterrupt()
    desk.release(threads)
    stopped = [one for one in desk.outcomes if isinstance(one, KeyboardInterrupt)]
    assert len(stopped) == 1
    assert len(desk.outcomes) == 6
    assert desk.ask() == ANSWER


def test_a_stopped_leader_tells_its_group() -> None:
    """Nobody whose write was stopped is told that it is stored."""
    desk = Desk()
    threads = desk.gather(5)
    served = desk.serve

    def serve(group: Sequence[Request]) -> None:
        if len(group) > 1:
            raise KeyboardInterrupt
        served(group)

    desk.turns._serve = serve
    desk.release(threads)
    kinds = sorted(type(one).__name__ for one in desk.outcomes)
    assert kinds == ["Appended", "KeyboardInterrupt", *["StoreError"] * 4]
    told = next(one for one in desk.outcomes if isinstance(one, StoreError))
    assert told.hint
    assert desk.ask() == ANSWER


class Interrupted(threading.Event):
    """A lock that is interrupted instead of waited for."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = then

    def acquire(self) -> bool:
        """Be interrupted."""
        self._then()
        raise KeyboardInterrupt

    def release(self) -> None:
        """Wake nobody."""


def test_who_stops_waiting_leaves_the_queue() -> None:
    """A waiting caller that is interrupted is not served, and holds up nobody."""
    desk = Desk()
    request = Request((), NOW)
    desk.turns._waiting.append(request)
    with pytest.raises(KeyboardInterrupt):
        desk.turns._wait(request, Interrupted(lambda: None))  # type: ignore[arg-type]
    assert not desk.turns._waiting
    assert desk.ask() == ANSWER


def test_who_stops_waiting_gives_the_turn_on() -> None:
    """One that is interrupted as it was to lead passes the turn to the next."""
    desk = Desk()
    request = Request((), NOW)
    assert desk.turns.take()
    request.turn = Interrupted(lambda: None)  # type: ignore[assignment]
    desk.turns._waiting.append(request)
    with pytest.raises(KeyboardInterrupt):
        desk.turns._wait(request, Interrupted(desk.turns.pass_on))  # type: ignore[arg-type]
    assert desk.ask() == ANSWER
