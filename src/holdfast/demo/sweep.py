"""Leaves nothing behind: ends every process of a box, then removes its folder.

A process belongs to a box if its command line names the box's folder, which is unique;
that holds for detached jobs, servers and their helpers alike.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 100
PAUSE_SECONDS = 0.05
QUIET_ROUNDS = 3


def processes_of(folder: Path) -> list[int]:
    """Return the processes whose command line names the folder, except this one."""
    mark = os.fsencode(folder)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # It ended meanwhile, or is another user's.
        if mark in command:
            found.append(int(entry.name))
    return found


def sweep(folder: Path) -> None:
    """End the box's processes until none comes up any more, then remove its folder."""
    quiet = 0
    for _ in range(ROUNDS):
        alive = processes_of(folder)
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        quiet = 0 if alive else quiet + 1
        if quiet >= QUIET_ROUNDS:
            break
        time.sleep(PAUSE_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


class Sweeper:
    """A small process that sweeps once we are gone, however we went."""

    def __init__(self, *folders: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.demo.sweep", *map(str, folders)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def finish(self) -> None:
        """Have it sweep now, and wait until it has."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Wait until standard input closes, then sweep the folders given."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    for folder in sys.argv[1:]:
        sweep(Path(folder))


if __name__ == "__main__":
    main()
