"""A process that has Holdfast loaded, and runs each command in a child of its own.

The child is what `holdfast` would be, a second of imports later: it has the caller's
words, folder, environment and streams, and a session of its own. The caller is the
script `holdfast` that `Warm` writes; whatever ends it ends the child.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

STREAMS = 3
# Names a file into which the child writes its id, for who wants to kill it itself.
PID_FILE = "WARM_PID_FILE"
# Started hundreds of times, so it imports next to nothing. It passes its own streams.
CALLER = """#!{python} -ISE
import array, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
import json
order = {{"words": sys.argv[1:], "folder": os.getcwd()}}
order["environment"] = dict(os.environ)
told = json.dumps(order).encode() + b"\\n"
streams = array.array("i", (0, 1, 2)).tobytes()
line.sendmsg([told[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
line.sendall(told[1:])
answers = line.makefile("r")
pid = int(answers.readline())
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(pid, number))
status = int(answers.readline() or 1)
if status < 0:
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


class Warm:
    """The process, which ends with ours, and the folder with the script."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-warm-"))
        script = self.folder / "holdfast"
        address = str(self.folder / "socket")
        script.write_text(CALLER.format(python=sys.executable, address=address))
        script.chmod(0o755)
        self._process = subprocess.Popen(
            [sys.executable, __file__, self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "it did not start"


_ONE_AT_A_TIME = threading.Lock()


def warm() -> Warm:
    """Return the one of this process, started when it is first wanted."""
    with _ONE_AT_A_TIME:
        return _warm()


@cache
def _warm() -> Warm:
    return Warm()


def _load() -> None:
    """Import every command's module, as `holdfast --help` would."""
    import typer
    from typer.main import get_command

    from holdfast.cli.main import app

    def visit(command: Any) -> None:
        if hasattr(command, "list_commands"):
            context = typer.Context(command)
            for name in command.list_commands(context):
                visit(command.get_command(context, name))

    visit(get_command(app))
    gc.collect()
    gc.freeze()


def _child(line: socket.socket, order: dict[str, Any], streams: list[int]) -> None:
    """Be the command; never return."""
    from holdfast.cli.main import main

    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(order["folder"])
    if place := order["environment"].pop(PID_FILE, None):
        Path(place).write_text(str(os.getpid()))
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["holdfast", *order["words"]]
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, 1, encoding="utf-8", closefd=False)  # noqa: SIM115
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    threading.Thread(target=_follow, args=(line,), daemon=True).start()
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    # The end of the interpreter would close what is open still. That itself takes long
    # where so much is loaded, so that only what shows outside is done here.
    for each in gc.get_objects():
        if type(each) is sqlite3.Connection:
            with suppress(sqlite3.ProgrammingError):
                each.close()
    os._exit(status if isinstance(status, int) else int(status is not None))


def _follow(line: socket.socket) -> None:
    """End as by SIGKILL when the caller is gone."""
    line.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _serve(folder: Path) -> None:
    _load()
    awake, wake = socket.socketpair()
    wake.setblocking(False)
    awake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    callers: dict[int, socket.socket] = {}
    with (
        socket.socket(socket.AF_UNIX) as listener,
        selectors.DefaultSelector() as selector,
    ):
        listener.bind(str(folder / "socket"))
        listener.listen(64)
        for each in (listener, awake, 0):
            selector.register(each, selectors.EVENT_READ)
        print("ready", flush=True)  # noqa: T201
        while True:
            for key, _ in selector.select():
                if key.fileobj == 0:
                    shutil.rmtree(folder)
                    return
                if key.fileobj is listener:
                    _answer(listener, callers)
                else:
                    awake.recv(4096)
            _reap(callers)


def _answer(listener: socket.socket, callers: dict[int, socket.socket]) -> None:
    line, _ = listener.accept()
    told, streams, *_ = socket.recv_fds(line, 1, STREAMS)
    told += line.makefile("rb").readline()
    pid = os.fork()
    if not pid:
        listener.close()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for other in callers.values():
            other.close()
        _child(line, json.loads(told), streams)
    for stream in streams:
        os.close(stream)
    callers[pid] = line
    line.sendall(b"%d\n" % pid)


def _reap(callers: dict[int, socket.socket]) -> None:
    """Tell each caller how its child ended."""
    for pid in tuple(callers):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            with callers.pop(pid) as line, suppress(BrokenPipeError):
                line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
