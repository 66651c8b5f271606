"""Free ports, and patience: what every test with real servers needs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

PATIENCE_SECONDS = 60


def unused_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(holds: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as it holds; fail when patience ends."""
    limit, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < limit, "it never came true"
        pause.wait(0.02)
