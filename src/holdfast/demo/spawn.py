"""Starts one process of the company in a box, waits for its word, and ends it."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from holdfast.errors import HoldfastError

READY_SECONDS_MAX = 60.0
END_SECONDS_MAX = 20.0


class Spawned:
    """A running process of `holdfast.demo`; leaving the context ends it.

    It holds the other end of the process's standard input, so that the process ends
    with us even when we are killed.
    """

    def __init__(
        self,
        module: str,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        argv = [sys.executable, "-m", f"holdfast.demo.{module}", "--with-parent"]
        self.module = module
        with (log or Path(os.devnull)).open("ab") as errors:
            self.process = subprocess.Popen(
                [*argv, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                # Ctrl-C in the terminal reaches us, and we end them in our own order.
                start_new_session=True,
            )
        self._log = log
        self.port = self._wait()

    def stop(self) -> int:
        """Ask the process to end, insist if it does not; return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return int(self.process.returncode)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait(self) -> int:
        """Return the port from the line of JSON that says that it is ready."""
        stdout = cast("IO[bytes]", self.process.stdout)
        said = b""
        deadline = time.monotonic() + READY_SECONDS_MAX
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not said.endswith(b"\n"):
                left = deadline - time.monotonic()
                part = b""
                if left > 0 and selector.select(left):
                    part = os.read(stdout.fileno(), 4096)
                if not part:
                    raise self._failed()
                said += part
        return int(json.loads(said)["port"])

    def _failed(self) -> HoldfastError:
        self.stop()
        said = self._log.read_text().strip() if self._log else ""
        return HoldfastError(
            f"{self.module} did not start: {said or 'it said nothing'}",
            "Free its port or its folder, and start again.",
        )
