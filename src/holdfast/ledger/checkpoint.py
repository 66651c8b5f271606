"""Checkpoints (C2SP tlog-checkpoint): what a log commits to, signed.

Three lines: origin, size, root. The origin is also the name of the log's key. Lines
after the third are refused: Holdfast's logs have none, and what nobody reads could
hide something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfast.ledger import note as notes
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import HASH_SIZE, SIZE_MAX
from holdfast.ledger.note import Note, Signature, Verified, VerifierKey

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SEED_SIZE = 32
_BAD_CHECKPOINT = "Fetch the checkpoint again; if it stays so, keep it as evidence."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The size and root that a log (``origin``) commits to."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{notes.encode64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose log's signature holds; witnesses are among ``signed_by``."""

    checkpoint: Checkpoint
    signed_by: tuple[Verified, ...]


class SigningKey(Protocol):
    """Whoever holds one private key of a log, wherever that lies."""

    @property
    def key(self) -> VerifierKey:
        """The public key, with the log's origin as its name."""
        ...

    def sign_bytes(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature."""
        ...


class Signer:
    """Holds a log's Ed25519 key and signs checkpoint texts with it.

    The seed is never shown: not by `repr`, not in an error.
    """

    def __init__(self, name: str, seed: bytes) -> None:
        if not notes.is_name(name) or len(seed) != _SEED_SIZE:
            raise LedgerError(
                "a log needs a name without spaces or plus signs and a key of 32 bytes",
                "Use an address without its scheme as the name: example.com/log.",
            )
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self.key = VerifierKey(name, notes.ED25519, public)
        self.name = name
        self.verifier_key = str(self.key)

    def sign(self, text: str) -> bytes:
        """Return the signed note of a checkpoint's text."""
        return signed_note(text, (self,))

    def sign_bytes(self, message: bytes) -> bytes:
        """Return the signature of a message."""
        return self._private.sign(message)


def signed_note(text: str, holders: Sequence[SigningKey]) -> bytes:
    """Return the signed note of a checkpoint's text, a line of each holder.

    Every signature is verified before anybody sees it: a holder that signs something
    else, or with another key, must not go unnoticed until an auditor comes.
    """
    checkpoint = parse_checkpoint(text)
    lines = []
    for holder in holders:
        key = holder.key
        if key.name != checkpoint.origin:
            raise LedgerError(
                f"the key of {key.name} does not sign for {checkpoint.origin}",
                "The origin of a checkpoint is the name of the log's key.",
            )
        signature = holder.sign_bytes(text.encode())
        lines.append(Signature(key.name, key.id, signature))
        notes.verify(Note(text, tuple(lines[-1:])), (key,))
    return Note(text, tuple(lines)).to_bytes()


def parse_number(text: str) -> int | None:
    """Read a decimal of at most 63 bits without leading zeroes, or ``None``."""
    if not _NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if number <= SIZE_MAX else None


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text strictly: three lines, each with its newline."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:  # noqa: PLR2004
        raise LedgerError("a checkpoint has three lines", _BAD_CHECKPOINT)
    origin, size, root = lines[0], parse_number(lines[1]), notes.decode64(lines[2])
    if not notes.is_name(origin):
        raise LedgerError("the origin is not a key's name", _BAD_CHECKPOINT, "line 1")
    if size is None:
        raise LedgerError("the size is not a number", _BAD_CHECKPOINT, "line 2")
    if root is None or len(root) != HASH_SIZE:
        raise LedgerError("the root is not a hash", _BAD_CHECKPOINT, "line 3")
    return Checkpoint(origin, size, root)


def verify_checkpoint(data: bytes, keys: Iterable[VerifierKey]) -> SignedCheckpoint:
    """Read a signed checkpoint; the log itself must be among those who signed."""
    keys = tuple(keys)
    note = notes.parse_note(data)
    signed_by = notes.verify(note, keys)
    checkpoint = parse_checkpoint(note.text)
    for signature in signed_by:
        key = signature.key
        if key.kind == notes.ED25519 and key.name == checkpoint.origin:
            return SignedCheckpoint(checkpoint, signed_by)
    given = ", ".join(f"{k.name}+{k.id.hex()}" for k in keys if k.kind == notes.ED25519)
    signed = notes.strangers(note, [checkpoint.origin])
    raise LedgerError(
        f"no signature of the log {checkpoint.origin} itself: under its name signed "
        f"{signed or 'nobody'}, and the keys given for a log are {given or 'none'}",
        notes.WRONG_KEY
        if signed and checkpoint.origin in {key.name for key in keys}
        else "A witness vouches beside the log, not instead of it: give the log's key.",
        "line 1",
    )
