"""Steps of a process that goes on whatever happens: each fault is told once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.errors import HoldfastError


@dataclass(slots=True)
class Faults:
    """What goes wrong now, by step; told when it begins or changes."""

    logger: logging.Logger
    known: dict[str, str] = field(default_factory=dict)

    def attempt(self, name: str, step: Callable[[], None]) -> None:
        """Do a step; a fault ends the step, not the process."""
        try:
            step()
            self.known.pop(name, None)
        except HoldfastError as error:
            self._tell(name, f"{error} ({error.hint})")
        except Exception as error:
            if self._tell(name, type(error).__name__):
                self.logger.exception(name)

    def _tell(self, name: str, fault: str) -> bool:
        fresh = self.known.get(name) != fault
        if fresh:
            self.logger.error("%s: %s", name, fault)
        self.known[name] = fault
        return fresh
