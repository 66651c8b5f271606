"""How each small process of the company in a box starts, says so, and ends.

A process binds its own socket before anything else, prints one line of JSON once it
accepts connections, and ends within a second of SIGTERM. With ``--with-parent`` it
also ends when its standard input closes, so that a killed parent leaves nothing.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from holdfast.errors import HoldfastError

LOOPBACK = "127.0.0.1"
USAGE = 2


def arguments(what: str) -> argparse.ArgumentParser:
    """Return a parser with what every process takes: port, folder, parent."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument(
        "--with-parent",
        action="store_true",
        help="end when standard input closes, that is, when the parent is gone",
    )
    return parser


def bind(port: int) -> socket.socket:
    """Return a socket bound on loopback; an occupied port is a clear error."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except (OSError, OverflowError) as fault:
        listener.close()
        if isinstance(fault, OSError) and fault.errno == errno.EADDRINUSE:
            raise HoldfastError(
                f"port {port} on {LOOPBACK} is occupied",
                "Choose another port, or give 0 to take any free one.",
            ) from fault
        raise HoldfastError(
            f"cannot listen on {LOOPBACK} port {port}: {fault}",
            "Choose a port from 1024 to 65535, or give 0 to take any free one.",
        ) from fault
    return listener


def announce(port: int) -> None:
    """Tell the parent, in one line of JSON, that connections are accepted now."""
    sys.stdout.write(json.dumps({"ready": True, "port": port}) + "\n")
    sys.stdout.flush()


def follow_parent() -> None:
    """End this process as if by SIGTERM once standard input closes."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="follow-parent", daemon=True).start()


class _Announcing(uvicorn.Server):
    """A uvicorn server that announces itself once its sockets are served."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            announce(sockets[0].getsockname()[1])


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve an ASGI application until SIGTERM; open requests get half a second."""
    # uvicorn raises the signal again after its shutdown; then this ends us cleanly.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    _Announcing(config).run(sockets=[listener])


def run(main: Callable[[], None]) -> None:
    """Run a process's main function; a fault is a message, a hint and exit 2."""
    try:
        main()
    except HoldfastError as fault:
        hint = f"\nhint: {fault.hint}" if fault.hint else ""
        sys.stderr.write(f"error: {fault}{hint}\n")
        raise SystemExit(USAGE) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
