"""Where a publication and a recovery are killed: before or after each of their writes.

A command runs in a forked child; its writes are counted by what they are, and at the
chosen one the child sends itself SIGKILL, as a power cut that spares the disk.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.cli import recovering
from holdfast.cli.main import app
from holdfast.storage import mark, sql, targets
from holdfast.storage.folder import Folder
from holdfast.storage.recover import Spool

DONE, FAILED = 0, 1


@dataclass(frozen=True)
class At:
    """The ``number``-th write of a kind; ``after`` it was done, or before."""

    kind: str
    number: int = 1
    after: bool = False

    def __str__(self) -> str:
        """Say where that is."""
        return f"{'after' if self.after else 'before'} {self.kind} {self.number}"


class Tracer:
    """Notes every write of this process in a file, and kills it at the chosen one."""

    def __init__(self, notes: Path, at: At | None) -> None:
        self._notes, self._at = notes, at
        self._counts: dict[str, int] = {}
        self._pid = os.getpid()
        self._lock = notes.with_suffix(".lock").open("w")

    def trace(self, owner: Any, name: str, kind_of: Callable[..., str]) -> None:
        """Have the function's calls counted; a kind of "" is none."""
        plain = getattr(owner, name)

        def traced(*given: Any, **named: Any) -> Any:
            kind = kind_of(*given, **named)
            number = self._count(kind)
            self._die(At(kind, number))
            done = plain(*given, **named)
            self._die(At(kind, number, after=True))
            return done

        setattr(owner, name, traced)

    def _count(self, kind: str) -> int:
        if not kind:
            return 0
        # Several threads write at once.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        with self._notes.open("a") as file:
            file.write(f"{kind}\n")
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        return number

    def _die(self, at: At) -> None:
        if at == self._at:
            # A process that only checks spans takes the whole command along.
            os.kill(self._pid, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


def trace_writes(tracer: Tracer) -> None:
    """Count every write that a publication or a recovery makes."""
    tracer.trace(targets.FolderTarget, "write_once", lambda _, path, *__: _of(path))
    tracer.trace(targets.FolderTarget, "replace", lambda _, path, *__: _of(path))
    tracer.trace(mark.FileMark, "keep", lambda self, _: f"mark {self.path.name[:16]}")
    tracer.trace(sql.SqlStore, "append", _of_append)
    tracer.trace(sql.SqlStore, "save_checkpoint", lambda *_, **__: "signed")
    tracer.trace(sql.SqlStore, "put_blob", lambda *_: "blob")
    tracer.trace(sql.SqlStore, "hold", lambda *_: "hold")
    tracer.trace(recovering, "write_private", lambda path, _: f"write {path.name}")
    tracer.trace(Path, "touch", lambda self, **_: f"touch {self.name}")
    tracer.trace(Folder, "remove", lambda self: f"remove {self.path.name}")
    tracer.trace(Spool, "keep", lambda *_: "pulled")


def _of(path: str) -> str:
    parts = path.split("/")
    if parts[0] == "tile":
        return {"entries": "bundle", "0": "level 0"}.get(parts[1], "upper tile")
    return parts[0]


def _of_append(_: Any, drafts: Any, **named: Any) -> str:
    if named.get("parcels"):
        return "outbox"
    if named.get("personal"):
        return "people"
    return "entries" if drafts else ""


def run(argv: list[str], notes: Path, at: At | None = None) -> int:
    """Run a command in a child; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = FAILED
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        errors = os.open(notes.with_suffix(".errors"), os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(errors, 2)
        trace_writes(Tracer(notes, at))
        with suppress(SystemExit):
            app(argv, standalone_mode=False)
        status = DONE
    except BaseException as fault:  # noqa: BLE001 - Whoever waits looks at it.
        os.write(2, f"{type(fault).__name__}: {fault}\n".encode())
    os._exit(status)


def ended(pid: int) -> int | None:
    """Wait for a child; return its status, ``None`` if it was killed."""
    _, status = os.waitpid(pid, 0)
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)
