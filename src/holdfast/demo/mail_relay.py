"""A real SMTP server on loopback that keeps what it takes: the demo's mail relay.

Each message is one file, written beside, synced and renamed before the 250 is said.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from holdfast.demo.faults import Fault, Faults
from holdfast.demo.process import announce, arguments, bind, follow_parent, run

NEW = "new"
BESIDE = "tmp"


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as the relay took it: for whom, and what."""

    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def key(self) -> str:
        """What makes a repeat of this mail recognisable."""
        return str(self.message["X-Holdfast-Key"])


class Keeper:
    """Takes messages for aiosmtpd, and commits the faults it was asked for."""

    def __init__(self, folder: Path) -> None:
        for place in (folder / BESIDE, folder / NEW):
            place.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._faults = Faults(folder)
        self._taken = sum(1 for _ in (folder / NEW).iterdir())

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name for the hook.
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Return the answer to a message, once it is safely on disk."""
        del session
        fault = self._faults.next()
        if fault is not None:
            return await self._misbehave(fault, server, envelope)
        return f"250 2.0.0 taken as {self._keep(envelope)}"

    async def _misbehave(self, fault: Fault, server: SMTP, envelope: Envelope) -> str:
        match fault.kind:
            case "answer":
                kind = "5.3.0" if fault.code >= 500 else "4.3.0"  # noqa: PLR2004 - SMTP's own number.
                return f"{fault.code} {kind} as asked for"
            case "error":
                return f"451 4.3.0 {fault.error}"
            case "hang":
                await asyncio.sleep(fault.seconds)
                return "421 4.4.2 too late"
            case "drop":
                self._keep(envelope)
                cast("asyncio.Transport", server.transport).abort()
                return "250 2.0.0 never heard"
            case "duplicate":
                self._keep(envelope)
                return f"250 2.0.0 taken as {self._keep(envelope)}"

    def _keep(self, envelope: Envelope) -> str:
        self._taken += 1
        name = f"{self._taken:08d}.eml"
        beside = self._folder / BESIDE / name
        recipients = json.dumps(envelope.rcpt_tos)
        content = envelope.original_content or b""
        with beside.open("wb") as file:
            file.write(b"X-Envelope-To: " + recipients.encode() + b"\r\n" + content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(self._folder / NEW / name)
        _sync(self._folder / NEW)
        return name


def mails(folder: Path) -> list[Mail]:
    """Return the messages that a relay has taken, oldest first."""
    kept = sorted((folder / NEW).glob("*.eml"))
    return [_read(path.read_bytes()) for path in kept]


def _read(raw: bytes) -> Mail:
    message = message_from_bytes(raw, policy=default)
    return Mail(tuple(json.loads(str(message["X-Envelope-To"]))), message)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def serve(listener: socket.socket, keeper: Keeper) -> None:
    """Take mail until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    protocol = partial(SMTP, keeper, hostname="relay.localhost", enable_SMTPUTF8=True)
    server = await loop.create_server(partial(protocol, loop=loop), sock=listener)
    announce(listener.getsockname()[1])
    await ended.wait()
    server.close()


def main() -> None:
    """Serve until SIGTERM."""
    given = arguments("an SMTP relay on loopback that keeps what it takes").parse_args()
    listener = bind(given.port)
    keeper = Keeper(given.folder)
    if given.with_parent:
        follow_parent()
    asyncio.run(serve(listener, keeper))


if __name__ == "__main__":
    run(main)
