"""Slow work beside the beat, on a few threads; at most one at a time of each key.

Work that raises is told once in the log of the process, with its key, and tried again
when the beat next asks; nothing is swallowed.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from holdfast.operations.world import Inbox, Work
from holdfast.runner.faults import Faults

THREADS = 8
LOGGER = logging.getLogger("holdfast.runner")


class ThreadHands:
    """Hands on threads; facts go to the inbox as soon as the work is done."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="hand")
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self.faults = Faults(LOGGER)

    def do(self, key: str, work: Work) -> None:
        """Start the work unless work of the same key is under way."""
        with self._lock:
            if key in self._busy:
                return
            self._busy.add(key)
        self._pool.submit(self._run, key, work)

    def close(self) -> None:
        """Wait for what is under way, and start nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, key: str, work: Work) -> None:
        try:
            self.faults.attempt(key, lambda: self._inbox.put(work()))
        finally:
            with self._lock:
                self._busy.discard(key)
