"""Writers of one process take turns, and who has the turn writes for all who wait.

So one commit serves many callers: while it is under way, the next group gathers. A
lone caller never waits for anybody and never changes threads; it writes by itself.
Nobody leads longer than one group: the turn passes to the first of those who came
meanwhile.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from holdfast.storage.errors import StoreError
from holdfast.storage.planning import Request

# More in one group would let its first member wait for the last.
GROUP_MOST = 256
_DONE = "One of those who wrote together was stopped; repeat it, its keys are harmless."


class Turns:
    """The queue before one store. ``serve`` answers every request that it is given."""

    def __init__(self, serve: Callable[[Sequence[Request]], None]) -> None:
        self._serve = serve
        self._lock = threading.Lock()
        self._waiting: deque[Request] = deque()
        self._turn = threading.Lock()
        # Called at each append: a method would cost more than the lock.
        self.take: Callable[[], bool] = partial(self._turn.acquire, blocking=False)
        """Take the turn if nobody has it; who took it must `pass_on`."""

    def pass_on(self) -> None:
        """Give the turn to the first who waits, or to nobody."""
        # First let go, then look, as `submit` first waits, then looks: one sees the
        # other. So a lone caller needs no second lock.
        self._turn.release()
        if not self._waiting:
            return
        with self._lock:
            if not self._waiting or not self.take():
                return
            following = self._waiting.popleft()
            following.leads = True
        assert following.turn is not None, "whoever waits has something to wait on"
        following.turn.release()

    def submit(self, request: Request) -> None:
        """Return when the request is answered, by this thread or by another."""
        with self._lock:
            if not self.take():
                request.turn = threading.Lock()
                request.turn.acquire()
                self._waiting.append(request)
                # Who had the turn may have let go of it before this could be seen.
                if self.take():
                    self._waiting.pop()
                    request.turn = None
        if request.turn is None or self._wait(request, request.turn):
            self._lead(request)

    def _wait(self, request: Request, turn: threading.Lock) -> bool:
        """Wait until the request is answered, or its thread is to lead."""
        try:
            turn.acquire()
        except BaseException:
            self._leave(request)
            raise
        return request.leads

    def _leave(self, request: Request) -> None:
        """Stop waiting, as after Ctrl-C, without letting the others down."""
        with self._lock:
            if request in self._waiting:
                self._waiting.remove(request)
                return
        if request.leads:
            self.pass_on()

    def _lead(self, request: Request) -> None:
        group = [request]
        with self._lock:
            while self._waiting and len(group) < GROUP_MOST:
                group.append(self._waiting.popleft())
        try:
            self._serve(group)
        finally:
            self.pass_on()
            for other in group[1:]:
                if not other.is_answered:
                    other.refuse(StoreError("the write was interrupted", _DONE))
                assert other.turn is not None, "whoever waits has something to wait on"
                other.turn.release()
