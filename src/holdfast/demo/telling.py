"""How the demo speaks: steps, facts, a spinner while it waits. On standard error when
the result is JSON, so that standard output stays clean.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console

from holdfast.errors import HoldfastError

T = TypeVar("T")
POLL_SECONDS = 0.1
PATIENCE_SECONDS = 120.0


class Teller:
    """Tells the story as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def step(self, title: str) -> None:
        """Begin a step."""
        passed = time.monotonic() - self._began
        self._console.print(f"\n[bold]{title}[/]  [dim]{passed:.0f} s[/]")

    def fact(self, text: str) -> None:
        """Tell one thing that happened."""
        self._console.print(f"  {text}")

    def show(self, renderable: object) -> None:
        """Show a table."""
        self._console.print(renderable)

    def working(self, what: str, work: Callable[[], T]) -> T:
        """Do something that takes a while; say that it runs, then that it is done."""
        began = time.monotonic()
        with self._console.status(f"{what} …"):
            result = work()
        self.fact(f"{what}  [dim]{time.monotonic() - began:.1f} s[/]")
        return result

    def wait(self, what: str, look: Callable[[], T | None]) -> T:
        """Wait until the look finds something, and return it.

        Raises `HoldfastError` when patience runs out.
        """

        def watch() -> T:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < deadline:
                found = look()
                if found is not None:
                    return found
                time.sleep(POLL_SECONDS)
            raise HoldfastError(
                f"waited {PATIENCE_SECONDS:.0f} s in vain: {what}",
                "Run again with --keep and read node.log in the box's folder.",
            )

        return self.working(what, watch)
