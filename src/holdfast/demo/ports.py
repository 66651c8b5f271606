"""Ports for servers that start later."""

from __future__ import annotations

import errno
import secrets
import socket

# Below those that the system gives out by itself, to clients and to whoever asks for
# any: between our look and the server's own bind nobody takes it by accident.
LOWEST, HIGHEST = 15_000, 32_000


def free_port() -> int:
    """Return a port of loopback that nobody has just now."""
    while True:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as fault:
                if fault.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
