"""Runs the web face in a thread, on a socket that is bound before anything starts.

Bound early, an occupied port is told at once and in words, not out of a server that
is half up. On leaving, live streams are ended first, then requests may finish.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from holdfast.errors import HoldfastError

GRACE_SECONDS = 5


@contextmanager
def serving(
    app: FastAPI,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    trusted_proxies: Sequence[str] = (),
) -> Iterator[str]:
    """Serve while the block runs, and yield the address; port 0 takes a free one.

    Only from ``trusted_proxies`` is an address of a client believed second hand.
    Raises `HoldfastError` where the port cannot be taken or the server cannot start.
    """
    listener = bind(host, port)
    server = _Server(_config(app, trusted_proxies))
    thread = threading.Thread(
        target=server.run_on, args=(listener,), name="web", daemon=True
    )
    thread.start()
    try:
        server.wait_until_up()
        yield _address(listener)
    finally:
        app.state.closing.set()
        server.should_exit = True
        thread.join(2 * GRACE_SECONDS)
        listener.close()


def bind(host: str, port: int) -> socket.socket:
    """Take the port, or say in words why it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise _not_bound(error, host, port) from error
    return listener


def _not_bound(error: OSError, host: str, port: int) -> HoldfastError:
    if error.errno == errno.EADDRINUSE:
        return HoldfastError(
            f"port {port} on {host} is in use",
            "Stop what listens there, or choose another with `--port`.",
        )
    if error.errno == errno.EACCES:
        return HoldfastError(
            f"port {port} on {host} may not be opened by this user",
            "Choose a port from 1024 up; let a proxy in front take the lower one.",
        )
    return HoldfastError(
        f"cannot listen on {host}, port {port}: {error.strerror or error}",
        "Name an address of this machine; 127.0.0.1 is always one.",
    )


def _config(app: FastAPI, trusted_proxies: Sequence[str]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=1000,
    )


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """A server that tells when it is up, or why it is not."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._settled = threading.Event()
        self._failure: BaseException | None = None

    def run_on(self, listener: socket.socket) -> None:
        """Serve until told to stop; a failure is kept for `wait_until_up`."""
        try:
            self.run([listener])
        except BaseException as failure:  # noqa: BLE001 - SystemExit is among them.
            self._failure = failure
        finally:
            self._settled.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell who waits for it."""
        await super().startup(sockets)
        self._settled.set()

    def wait_until_up(self) -> None:
        """Wait until requests are answered."""
        self._settled.wait()
        if not self.started:
            raise HoldfastError(
                "the web face could not start", "The reason is in the node's log."
            ) from self._failure
