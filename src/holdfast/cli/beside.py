"""The runner beside a node, as a process of its own: the node loads no engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.errors import HoldfastError

ENDS_WITHIN_SECONDS = 30.0


@contextmanager
def beside(home: Path) -> Iterator[None]:
    """Have a runner at work in a process of its own, that ends with this one.

    Its word that it is ready is awaited, so that a fault in its settings is told here.
    """
    argv = [sys.executable, "-m", "holdfast", "runner", "--home", str(home)]
    with subprocess.Popen(
        [*argv, "--with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C in the terminal reaches us, and we end it in our own order.
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if not process.stdout.readline():
            process.wait()
            raise HoldfastError(
                "the runner did not start", "What it said stands above."
            )
        sys.stderr.write(f"the runner works beside it, as process {process.pid}\n")
        try:
            yield
        finally:
            process.stdin.close()
            try:
                process.wait(ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
