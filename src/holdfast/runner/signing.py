"""Signs beside the beat: soon after an append, and never in anybody's way.

One thread waits for the log to grow; what grows while it signs or rests is covered by
one signature. Appends of other nodes and of terminals wake nobody here: for them it
looks by itself, often enough that no entry waits a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

LOOK_EVERY = timedelta(milliseconds=250)
# While the log grows as fast as it is signed it rests between two signatures, up to
# this often as long as the last one took: appends share the disk with it. An entry that
# comes after a while of quiet meets no rest.
REST_TIMES = 2
REST_LEAST = timedelta(milliseconds=5)
REST_MOST = timedelta(milliseconds=500)


class Signing:
    """A thread that calls ``sign`` whenever ``grown`` is set, and now and then."""

    def __init__(self, sign: Callable[[], None], grown: threading.Event) -> None:
        self._sign = sign
        self._grown = grown
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sign", daemon=True)

    def start(self) -> None:
        """Begin; ``sign`` must handle its own faults."""
        self._thread.start()

    def stop(self, patience: timedelta = timedelta(seconds=10)) -> bool:
        """End after the signature under way; return whether that came to its end.

        A mark that hangs is not waited for longer than the patience.
        """
        self._stopped.set()
        self._grown.set()
        if self._thread.ident is not None:
            self._thread.join(patience.total_seconds())
        return not self._thread.is_alive()

    def _run(self) -> None:
        busy = 0
        while not self._stopped.is_set():
            self._grown.clear()
            began = monotonic()
            self._sign()
            busy = busy + 1 if self._grown.is_set() else 0
            if busy:
                self._stopped.wait(_rest(monotonic() - began, busy))
            self._grown.wait(LOOK_EVERY.total_seconds())


def _rest(took: float, busy: int) -> float:
    """Return the seconds to rest after that many signatures of a log that grew on."""
    least, most = REST_LEAST.total_seconds(), REST_MOST.total_seconds()
    return min(max(took * min(busy, REST_TIMES), least), most)
