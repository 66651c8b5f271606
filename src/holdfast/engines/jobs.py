"""Detached jobs, seen through their folders: ask for one, and see how it stands.

A job's folder is all there is of it:

- `job.json`     what to do, written once;
- `lock`         held by the process that does it, as long as it lives;
- `process.json` that process (pid, its start time, the boot), written under the lock
                 before the first step: whoever finds it never begins again;
- `progress.json` the step it is at;
- `result.json`  the end, whole or absent.

So a repeated `start` never runs a job twice, a killed starter changes nothing, and a
recycled pid is not mistaken for the job.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import holdfast
from holdfast.engines.account import write_private
from holdfast.engines.codec import from_json, to_json
from holdfast.engines.evidence import BASE_ENVIRONMENT
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import (
    Evidence,
    Examination,
    Expired,
    Finished,
    Lost,
    Rehearsal,
    Running,
)

JOB, PROCESS, PROGRESS, RESULT = (
    "job.json",
    "process.json",
    "progress.json",
    "result.json",
)
LOCK, LOG = "lock", "job.log"
# A spawned process that comes up later than this refuses to begin; an observer waits
# for longer than that before it calls the job lost. So it cannot begin once lost.
SPAWN_LIMIT = timedelta(seconds=30)
BEGIN_LIMIT = 2 * SPAWN_LIMIT
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """One process, told apart from any later one with the same pid."""

    pid: int
    started: str
    boot: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a job is: its step, and a folder that grows towards ``total_bytes``."""

    step: str
    growing: Path | None = None
    total_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """How a job ended, in the engine's judgement, with the proof of each step."""

    ok: bool
    detail: str
    finished_at: datetime
    evidence: tuple[Evidence, ...]
    rehearsal: Rehearsal | None = None
    examinations: tuple[Examination, ...] = ()
    expired: tuple[Expired, ...] = ()


def start(folder: Path, order: str) -> None:
    """Begin the job of this folder, unless it has begun before; return at once."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_once(folder / JOB, order)
    if (folder / PROCESS).exists() or (folder / RESULT).exists():
        return
    os.utime(folder / JOB)
    _spawn(folder)


def observe(folder: Path) -> Running | Finished | Lost:
    """Say how the job stands, from its folder alone."""
    mark = read(folder / PROCESS, ProcessMark)
    lives = mark is not None and is_alive(mark)
    # The result is read after the look at the process: a job that ends in between
    # has left its result by then.
    result = read(folder / RESULT, Result)
    if result is not None:
        return Finished(
            result.ok,
            result.detail,
            result.finished_at,
            result.evidence,
            result.rehearsal,
            result.examinations,
            result.expired,
        )
    if lives:
        return _running(read(folder / PROGRESS, Progress))
    if mark is not None:
        return Lost(f"process {mark.pid} is gone and left no result")
    return _not_begun(folder)


def end(folder: Path) -> None:
    """Ask a running job to stop: it kills its command and leaves a result."""
    mark = read(folder / PROCESS, ProcessMark)
    if mark is not None and is_alive(mark):
        os.kill(mark.pid, signal.SIGTERM)


def own_mark() -> ProcessMark:
    """Return the mark of this process."""
    pid = os.getpid()
    return ProcessMark(pid, _started(pid) or "", _boot())


def is_alive(mark: ProcessMark) -> bool:
    """Say whether exactly this process still runs."""
    return mark.boot == _boot() and _started(mark.pid) == mark.started


def read(path: Path, kind: type[_T]) -> _T | None:
    """Read a value from a job's folder, or ``None`` where it is not there."""
    try:
        return from_json(path.read_text(encoding="utf-8"), kind)
    except FileNotFoundError:
        return None


def write(path: Path, value: object) -> None:
    """Leave a value in a job's folder; a reader sees it whole or not at all."""
    write_private(path, to_json(value))


def _write_once(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        if json.loads(path.read_text(encoding="utf-8")) != json.loads(text):
            hint = "Give each job an id of its own."
            message = f"job {path.parent.name} was started before with other orders"
            raise HoldfastError(message, hint) from None
    finally:
        draft.unlink()


def _spawn(folder: Path) -> None:
    """Run the job's process; it detaches itself and returns once it has the lock."""
    package = Path(holdfast.__file__).parent.parent
    with (folder / LOG).open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "holdfast.engines.job", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**BASE_ENVIRONMENT, "PYTHONPATH": str(package)},
            cwd=folder,
            timeout=SPAWN_LIMIT.total_seconds(),
            check=False,
            start_new_session=True,
        )


def _running(progress: Progress | None) -> Running:
    if progress is None:
        return Running(None, "starting")
    if progress.growing is None or not progress.total_bytes:
        return Running(None, progress.step)
    share = _size(progress.growing) / progress.total_bytes
    return Running(min(share, 1.0), progress.step)


def _not_begun(folder: Path) -> Running | Lost:
    try:
        asked = (folder / JOB).stat().st_mtime
    except FileNotFoundError:
        return Lost("no such job was started on this host")
    waited = datetime.now(UTC) - datetime.fromtimestamp(asked, UTC)
    if waited > BEGIN_LIMIT:
        return Lost("the job never began; nothing of it ran")
    return Running(None, "waiting for its process")


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(Path(place) / name).st_size
            except FileNotFoundError:
                continue
    return total


def _boot() -> str:
    return _BOOT.read_text().strip()


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; ``None`` if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]
