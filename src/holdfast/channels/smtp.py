"""Tells people by e-mail, through the company's own relay.

One call is one attempt on one connection. Every attempt at a key has the same
Message-ID, so that a repeat is recognisable, and often dropped, on the way.
"Taken" means the relay's 250 after the whole message; a connection that breaks while
that answer is awaited leaves it uncertain.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from typing import cast

import aiosmtplib

from holdfast.channels.mail_message import AddressError, compose, parse_address
from holdfast.errors import HoldfastError
from holdfast.operations.ports.channel import Accepted, Message, Rejected

IMPLICIT_TLS_PORT = 465
PERMANENT = 500
REASON_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mail is handed over, and as whom.

    ``starttls``: true demands encryption, ``None`` takes it where offered, false never
    asks. Port 465 is encrypted from the first byte. Certificates are verified, against
    ``trust`` where given. A password is only ever sent over an encrypted connection,
    or on loopback.
    """

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool | None = None
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    timeout: timedelta = timedelta(seconds=15)


class Smtp:
    """The channel "mail": an address is an e-mail address."""

    def __init__(self, relay: Relay, *, name: str = "mail") -> None:
        self.name = name
        self._relay = relay
        try:
            self._sender = parse_address(relay.sender)
        except AddressError as fault:
            raise HoldfastError(
                f"the sender {relay.sender!r} is not an e-mail address",
                "Give the address that notices come from, like status@example.com.",
            ) from fault
        if (relay.username is None) != (relay.password is None):
            raise HoldfastError(
                "the relay has a user name or a password, but not both",
                "Give both, or neither for a relay that asks for none.",
            )

    def send(self, message: Message, address: str) -> Accepted | Rejected:
        """Hand one message to the relay. Not to be called inside an event loop."""
        try:
            recipient = parse_address(address)
        except AddressError as fault:
            return Rejected(f"the recipient's address is {fault}", permanent=True)
        at = datetime.now(UTC)
        mail = compose(message, sender=self._sender, recipient=recipient, at=at)
        return asyncio.run(self._attempt(mail, recipient))

    def check(self) -> Accepted | Rejected:
        """Go as far as signing in, and hand over nothing."""
        return asyncio.run(self._attempt(None, self._sender))

    async def _attempt(
        self, mail: EmailMessage | None, recipient: Address
    ) -> Accepted | Rejected:
        progress = _Progress()
        client = self._client()
        try:
            async with asyncio.timeout(self._relay.timeout.total_seconds()):
                return await self._talk(client, mail, recipient, progress)
        except aiosmtplib.SMTPResponseException as answer:
            return _refused(answer)
        except _UnsafeError as fault:
            return Rejected(str(fault), permanent=True)
        except ssl.SSLError as fault:
            why = f"the relay's certificate or TLS is not good: {fault.reason or fault}"
            return Rejected(_short(why))
        except (aiosmtplib.SMTPException, OSError) as fault:
            unsure = progress.handed_over
            where = "while awaiting the relay's answer" if unsure else "on the way"
            why = f"{_words(fault)} {where} ({self._relay.host}:{self._relay.port})"
            return Rejected(_short(why), uncertain=unsure)
        finally:
            await progress.hang_up()
            client.close()

    async def _talk(
        self,
        client: aiosmtplib.SMTP,
        mail: EmailMessage | None,
        recipient: Address,
        progress: _Progress,
    ) -> Accepted:
        await client.connect()
        progress.line = cast("asyncio.WriteTransport", client.transport)
        await client.ehlo()
        await self._encrypt(client)
        await self._sign_in(client)
        if mail is None:
            return Accepted(receipt="signed in", at=datetime.now(UTC))
        await client.mail(self._sender.addr_spec)
        await client.rcpt(recipient.addr_spec)
        progress.handed_over = True
        answer = await client.data(mail.as_bytes())
        said = Accepted(
            receipt=_short(f"{answer.code} {answer.message} {mail['Message-ID']}"),
            at=datetime.now(UTC),
        )
        # The message is the relay's now; how it says goodbye changes nothing.
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=1)
        return said

    def _client(self) -> aiosmtplib.SMTP:
        relay = self._relay
        return aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            local_hostname=self._sender.domain,
            timeout=relay.timeout.total_seconds(),
            use_tls=relay.port == IMPLICIT_TLS_PORT,
            start_tls=False,  # We ask for it ourselves, to see what we got.
            tls_context=relay.trust or ssl.create_default_context(),
        )

    async def _encrypt(self, client: aiosmtplib.SMTP) -> None:
        offered = client.supports_extension("starttls")
        wanted = self._relay.starttls
        if _encrypted(client) or wanted is False or (wanted is None and not offered):
            return
        if not offered:
            raise _UnsafeError("the relay offers no STARTTLS, which is demanded")
        await client.starttls()
        await client.ehlo()

    async def _sign_in(self, client: aiosmtplib.SMTP) -> None:
        if self._relay.username is None or self._relay.password is None:
            return
        if not _encrypted(client) and not _on_loopback(client):
            raise _UnsafeError("the password is not sent over a plaintext connection")
        await client.login(self._relay.username, self._relay.password)


@dataclass(slots=True)
class _Progress:
    """How far an attempt came: past this point the relay may have the message."""

    handed_over: bool = False
    line: asyncio.WriteTransport | None = None

    async def hang_up(self) -> None:
        """Let go of the connection now: a polite goodbye was said, or is no use."""
        if self.line is not None:
            self.line.abort()
        # The socket is closed in the loop's next turn, and this was its last.
        await asyncio.sleep(0)


class _UnsafeError(Exception):
    """Something that is not done, whatever the relay says."""


def _refused(answer: aiosmtplib.SMTPResponseException) -> Rejected:
    why = f"the relay answered {answer.code} {answer.message}"
    return Rejected(_short(why), permanent=answer.code >= PERMANENT)


def _encrypted(client: aiosmtplib.SMTP) -> bool:
    return client.get_transport_info("sslcontext") is not None


def _on_loopback(client: aiosmtplib.SMTP) -> bool:
    peer = client.get_transport_info("peername")
    return bool(peer) and ipaddress.ip_address(peer[0]).is_loopback


def _words(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "timed out"
    if isinstance(fault, aiosmtplib.SMTPServerDisconnected):
        return "the connection was lost"
    if isinstance(fault.__cause__, ConnectionRefusedError):
        return "connection refused"
    return str(fault) or type(fault).__name__


def _short(text: str) -> str:
    return " ".join(text.split())[:REASON_CHARACTERS_MAX]
