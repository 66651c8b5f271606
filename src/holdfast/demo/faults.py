"""Faults on demand for the receiving side: what to do wrong, and how many times.

A fault is put into the process's folder as ``faults.json`` and taken from there by
the next request, so that any process may ask for trouble without a protocol.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from holdfast.errors import HoldfastError

FaultKind = Literal["answer", "error", "hang", "drop", "duplicate"]

CONTROL = "faults.json"


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble, for the next ``times`` requests (-1: until cleared).

    ``answer``: refuse with the status ``code`` (HTTP or SMTP), asking to wait for
    ``retry_after`` seconds if given. ``error``: refuse in the protocol's own words
    (``error``). ``hang``: take nothing and say nothing for ``seconds``. ``drop``: take
    the message, then close without an answer. ``duplicate``: take it twice.
    """

    kind: FaultKind
    code: int = 500
    retry_after: int | None = None
    error: str = "internal_error"
    seconds: float = 3600.0
    times: int = 1


class Faults:
    """The faults that a process still has to commit, in order."""

    def __init__(self, folder: Path) -> None:
        self._control = folder / CONTROL
        self._queue: list[Fault] = []

    def add(self, faults: Iterable[Fault]) -> None:
        """Put faults at the end of the queue."""
        self._queue.extend(faults)

    def clear(self) -> None:
        """Behave well from now on."""
        self._queue.clear()

    def next(self) -> Fault | None:
        """Return the fault to commit on this request, if any is left."""
        self._take_control_file()
        if not self._queue:
            return None
        fault = self._queue[0]
        if fault.times == 1:
            self._queue.pop(0)
        elif fault.times > 1:
            self._queue[0] = Fault(**{**asdict(fault), "times": fault.times - 1})
        return fault

    def _take_control_file(self) -> None:
        taken = self._control.with_suffix(".taken")
        try:
            self._control.rename(taken)
        except FileNotFoundError:
            return
        wanted = parse(json.loads(taken.read_text()))
        if not wanted:
            self.clear()
        self.add(wanted)


def parse(wanted: object) -> tuple[Fault, ...]:
    """Read a list of faults from JSON values; an empty list clears what is queued."""
    if not isinstance(wanted, list) or not all(isinstance(f, dict) for f in wanted):
        raise HoldfastError("faults must be a list of objects")
    for fault in wanted:
        if fault.get("kind") not in get_args(FaultKind):
            raise HoldfastError(
                f"unknown fault {fault.get('kind')!r}",
                f"Choose one of {', '.join(get_args(FaultKind))}.",
            )
    try:
        return tuple(Fault(**fault) for fault in wanted)
    except TypeError as odd:
        raise HoldfastError(f"a fault has a field that is not known: {odd}") from odd


def ask(folder: Path, *faults: Fault) -> None:
    """Ask the process of this folder for faults; none at all clears the queue."""
    beside = folder / f".{CONTROL}.{os.getpid()}"
    beside.write_text(json.dumps([asdict(fault) for fault in faults]))
    beside.rename(folder / CONTROL)
