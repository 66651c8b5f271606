"""Builds the e-mail of a notice: plain text, and the same identity on every attempt.

Nothing from outside can add a header: the standard library's policy refuses line ends,
and what is shown in one line is made one line here first.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from holdfast.operations.ports.channel import Message

SUBJECT_CHARACTERS_MAX = 200
ADDRESS_CHARACTERS_MAX = 254


class AddressError(ValueError):
    """An e-mail address that no relay could deliver to."""


def parse_address(text: str) -> Address:
    """Return the one mailbox that the text names; its domain becomes ASCII.

    What stands before the @ must be ASCII: few relays take anything else (SMTPUTF8).
    Raises `AddressError` for a list, a header in disguise, or anything else.
    """
    try:
        name, _, domain = text.rpartition("@")
        ascii_domain = domain.encode("idna").decode("ascii")
        address = Address(addr_spec=f"{name}@{ascii_domain}")
    except (MessageError, ValueError, IndexError, AttributeError) as fault:
        raise AddressError("not an e-mail address") from fault
    odd = not text.isprintable() or " " in text or not name or not ascii_domain
    if odd or len(text) > ADDRESS_CHARACTERS_MAX or address.addr_spec.count("@") != 1:
        raise AddressError("not an e-mail address")
    return address


def message_id(key: str, domain: str) -> str:
    """Return the Message-ID that every attempt at this key has."""
    digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
    return f"<{digest[:40]}@{domain}>"


def compose(
    message: Message, *, sender: Address, recipient: Address, at: datetime
) -> EmailMessage:
    """Return the e-mail, marked as automatic so that no robot answers it."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = _one_line(message.subject)[:SUBJECT_CHARACTERS_MAX]
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id(message.key, sender.domain)
    mail["X-Holdfast-Key"] = _one_line(message.key)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    # A lone surrogate has no bytes; a mail with a question mark beats no mail.
    mail.set_content(message.text.encode("utf-8", "replace").decode("utf-8"))
    return mail


def _one_line(text: str) -> str:
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in clean).split())
