"""Free ports, and patience: what every test with real servers needs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from holdfast.demo.ports import free_port

PATIENCE_SECONDS = 120
unused_port = free_port


def until(holds: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as it holds; fail when patience ends."""
    limit, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < limit, "it never came true"
        pause.wait(0.02)
