"""A person at a terminal: types a command into a real one, reads it, answers."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress

PATIENCE_SECONDS = 180.0
_LOCAL = 3
_PAINT = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """A command in a pseudo-terminal of its own."""

    def __init__(
        self,
        *words: str,
        environment: Mapping[str, str],
        columns: int = 80,
    ) -> None:
        self._far, near = pty.openpty()
        fcntl.ioctl(near, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        inherited = {k: v for k, v in os.environ.items() if k not in _OURS}
        self._process = subprocess.Popen(
            # Its own terminal: Ctrl-C is one there, and when it is gone, it ends.
            ["setsid", "--ctty", sys.executable, "-m", "holdfast", *words],
            stdin=near,
            stdout=near,
            stderr=near,
            env={**inherited, "TERM": "xterm", **environment},
        )
        os.close(near)
        self.raw = ""
        self._read = 0

    @property
    def text(self) -> str:
        """Return all that was shown, without colours and movements."""
        return _PAINT.sub("", self.raw)

    @property
    def shown(self) -> str:
        """Return it in one line, however the terminal broke it."""
        return " ".join(self.text.split())

    def expect(self, words: str, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Read on until the words are there, in whatever lines they were broken."""
        limit = time.monotonic() + seconds
        while (found := self._found(words)) < 0:
            assert time.monotonic() < limit, f"not seen: {words}\n{self.text}"
            if not self._take():
                raise AssertionError(f"ended before: {words}\n{self.text}")
        self._read = found

    def say(self, text: str) -> None:
        """Type a line."""
        os.write(self._far, f"{text}\n".encode())

    def answer(self, words: str, text: str = "y") -> None:
        """Wait for a question, and answer it."""
        self.expect(words)
        self.say(text)

    def confide(self, words: str, secret: str) -> None:
        """Wait until a secret is asked for, and type it where nobody sees it.

        What is typed before the terminal stops showing it is thrown away.
        """
        self.expect(words)
        limit = time.monotonic() + PATIENCE_SECONDS
        while termios.tcgetattr(self._far)[_LOCAL] & termios.ECHO:
            assert time.monotonic() < limit, f"still shown: {words}\n{self.text}"
            self._take()
        self.say(secret)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._far, b"\x03")

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.send_signal(signal.SIGKILL)
        self.close()

    def wait(self) -> int:
        """Read to the end; return the exit status."""
        while self._take():
            pass
        status = self._process.wait(PATIENCE_SECONDS)
        self.close()
        return status

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        with suppress(OSError):
            os.close(self._far)

    def _found(self, words: str) -> int:
        pattern = r"\s+".join(map(re.escape, words.split()))
        found = re.compile(pattern).search(self.text, self._read)
        return found.end() if found else -1

    def _take(self) -> bool:
        """Read what there is, or wait a moment; false at the end."""
        ready, _, _ = select.select([self._far], [], [], 0.2)
        if not ready:
            return self._process.poll() is None
        try:
            part = os.read(self._far, 65_536)
        except OSError:  # The other side is closed.
            return False
        self.raw += part.decode("utf-8", "replace")
        return bool(part)


_OURS = frozenset({"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"})
