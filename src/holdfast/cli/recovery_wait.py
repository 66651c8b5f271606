"""Waiting in `holdfast recover`: what is waited for, how far it is, and when it rests.

Nobody should look at a still screen at night and wonder: a job shows its step and
share, and where nothing moves it is said who should move it, and how to start them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from rich import filesize
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from holdfast.cli.common import progress_console
from holdfast.domain import recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.runner import JobProgressed
from holdfast.domain.memory.incidents import Recovery
from holdfast.domain.memory.protection import Job

POLL_SECONDS = 0.5
RESTS_AFTER_SECONDS = 15.0
_JOBS: dict[recovering.Step, str] = {
    "restoring": "restore",
    "failing_over": "failover",
}
_WAITS: dict[recovering.Step, str] = {
    "preflight": "the runner looks whether the restore can work",
    "approval": "a second person has to agree",
    "restore": "the node hands the restore to a runner",
    "restoring": "the runner begins the restore",
    "verify": "the runner verifies the recovered data",
    "failover": "the node hands the opening to a runner",
    "failing_over": "the runner opens the server",
}
_RUNNERS = frozenset({"preflight", "restoring", "verify", "failing_over"})
_NODES = frozenset({"restore", "failover"})


class Waiting:
    """One wait: until the recovery stands elsewhere than ``at``."""

    def __init__(
        self, name: str, at: recovering.Step, size: int | None, *, quiet: bool
    ) -> None:
        self._name = name
        self._at = at
        self._size = size
        self._quiet = quiet
        self._out = progress_console()
        self._told: JobProgressed | None = None
        self._moved = time.monotonic()
        self._rested = False

    def run(self, look: Callable[[], Situation]) -> None:
        """Look again and again; show how far it is meanwhile."""
        hidden = self._quiet or not self._out.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(20),
            TextColumn("{task.fields[share]}"),
            TimeElapsedColumn(),
        )
        words = _WAITS.get(self._at, self._at.replace("_", " "))
        if hidden:
            self._say(words)
        with Progress(
            *columns, console=self._out, transient=True, disable=hidden
        ) as bar:
            task = bar.add_task(words, total=None, share="")
            while True:
                threading.Event().wait(POLL_SECONDS)
                situation = look()
                recovery = situation.state.recoveries[self._name]
                if recovering.step(situation, recovery) != self._at:
                    return
                job = self._job(situation)
                self._show(bar, task, job, plain=hidden)
                self._say_if_it_rests(situation, recovery, job, bar.console)

    def _job(self, situation: Situation) -> Job | None:
        verb = _JOBS.get(self._at)
        return situation.state.jobs.all.get(f"{self._name}-{verb}") if verb else None

    def _show(
        self, bar: Progress, task: TaskID, job: Job | None, *, plain: bool
    ) -> None:
        told = job.progressed if job else None
        if told is None or told == self._told:
            return
        self._told, self._moved, self._rested = told, time.monotonic(), False
        share = "" if told.percent is None else f"{told.percent} %"
        if share and self._size:
            share = f"{share} of {filesize.decimal(self._size)}"
        if plain:
            self._say(" ".join(filter(None, (told.step, share))))
            return
        bar.update(
            task,
            description=escape(told.step),
            total=None if told.percent is None else 100,
            completed=told.percent or 0,
            share=share,
        )

    def _say_if_it_rests(
        self,
        situation: Situation,
        recovery: Recovery,
        job: Job | None,
        out: Console,
    ) -> None:
        """Say once who should have moved, if nothing has for a while."""
        if self._rested or time.monotonic() - self._moved < RESTS_AFTER_SECONDS:
            return
        if job is not None and job.taken is not None:
            return  # It runs; some steps are long.
        self._rested = True
        words = _rests(situation, recovery, self._at)
        if words and not self._quiet:
            out.print(words, markup=False)

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._out.print(f"  ... {text}", markup=False, soft_wrap=True)


def _rests(situation: Situation, recovery: Recovery, at: recovering.Step) -> str:
    """Return who has not moved, and how to help; nothing where a person is awaited."""
    if at in _NODES:
        return (
            "Nothing moves: the node has not handed it on. Is it up? holdfast serve "
            "--home FOLDER. It goes on by itself once it is."
        )
    if at not in _RUNNERS:
        return ""
    return (
        f"Nothing moves: no runner has answered for {recovery.ordered.datastore}. "
        f"Last seen: {_last_seen(situation)}. Is it up, and does it have this "
        "datastore? holdfast runner --home FOLDER, on the database's host. It goes "
        "on by itself once it is."
    )


def _last_seen(situation: Situation) -> str:
    runners = sorted(situation.state.runners.values(), key=lambda seen: seen.at)
    if not runners:
        return "never"
    last = runners[-1]
    return f"{last.runner} on {last.host} at {_utc(last.at)}"


def _utc(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
