"""Signed notes (C2SP signed-note): a text, and who vouches for it.

What is signed is the text with its last newline and without the blank line after it.
Signatures of unknown keys are ignored, so that a log can add signers; a signature of a
known key that fails rejects the whole note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from holdfast.ledger.errors import LedgerError

ED25519 = 0x01
COSIGNATURE = 0x04
NOTE_MAX = 1_000_000
SIGNATURES_MAX = 100

_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
# Name and id of a verifier key, without the key itself.
_VERIFIER_KEY = re.compile(r"[^\s+]{1,60}\+[0-9a-f]{8}\+")
_DASH = "— "
_KEY_SIZE = 32
_ID_SIZE = 4
_BAD_NOTE = "Fetch the note again; if it stays so, keep it as evidence."
WRONG_KEY = (
    "The name is right and the key is another: it was rotated, or somebody else signs "
    "under that name. Ask the log's owner, by a way that you trust, for all its public "
    "keys (ledger.vkey); if they have none with that id, keep the note as evidence."
)
_BAD_KEY = "A verifier key reads name+8 hex digits+base64; copy the whole line."


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that a signature names its key by."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:_ID_SIZE]

    def __str__(self) -> str:
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{key}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line; ``span`` is where it stands in the note's bytes."""

    name: str
    key_id: bytes
    data: bytes
    span: tuple[int, int] = field(default=(0, 0), compare=False)

    def line(self) -> str:
        """Return the line, with its newline."""
        return f"{_DASH}{self.name} {encode64(self.key_id + self.data)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. Its text proves nothing until `verify` says who signed it."""

    text: str
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """Return the note as it is published."""
        lines = "".join(signature.line() for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that holds; ``time`` (Unix seconds) is a witness's, else ``None``."""

    key: VerifierKey
    time: int | None = None


def encode64(data: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(data).decode()


def decode64(text: str) -> bytes | None:
    """Read base64; ``None`` unless it is the one canonical spelling of its bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if encode64(data) == text else None


def is_name(name: str) -> bool:
    """Whether a key may bear this name."""
    plain = all(sign >= " " and not sign.isspace() and sign != "+" for sign in name)
    return bool(name) and plain and _encodable(name)


def parse_verifier_key(text: str) -> VerifierKey:
    """Read ``name+id+base64``; the base64 may itself hold a plus sign."""
    parts = text.strip().split("+", 2)
    name, stated, body = parts if len(parts) == 3 else ("", "", "")  # noqa: PLR2004
    data = decode64(body) or b""
    if not is_name(name) or len(data) != 1 + _KEY_SIZE:
        raise LedgerError("not a verifier key", _BAD_KEY, _shown(text))
    key = VerifierKey(name, data[0], data[1:])
    if key.kind not in (ED25519, COSIGNATURE):
        raise LedgerError(
            f"a verifier key of type {key.kind:02x} is not known here",
            "Give an Ed25519 key (type 01) or a witness's key (type 04).",
            _shown(text),
        )
    if stated != key.id.hex():
        raise LedgerError(
            f"the verifier key's id is not {key.id.hex()}, computed from it",
            "The key was altered or mistyped; get it again from its owner.",
            _shown(text),
        )
    return key


def parse_note(data: bytes) -> Note:
    """Read a note; any line that is not in form rejects the whole."""
    if len(data) > NOTE_MAX:
        raise LedgerError(f"a note of {len(data)} bytes is too large", _BAD_NOTE)
    try:
        whole = data.decode()
    except UnicodeDecodeError as fault:
        place = f"bytes {fault.start}-{fault.end}"
        raise LedgerError("the note is not UTF-8", _BAD_NOTE, place) from None
    control = _CONTROL.search(data)
    if control:
        place = f"byte {control.start()}"
        raise LedgerError("the note has a control character", _BAD_NOTE, place)
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise LedgerError("the note has no signature lines", _BAD_NOTE)
    text = head + "\n"
    return Note(text, _parse_signatures(tail, len(text.encode()) + 1))


def signature_message(key: VerifierKey, text: str, data: bytes) -> tuple[bytes, bytes]:
    """Return what an Ed25519 signature was made over, and the signature itself."""
    if key.kind != COSIGNATURE:
        return text.encode(), data
    time = int.from_bytes(data[:8], "big")
    return f"cosignature/v1\ntime {time}\n{text}".encode(), data[8:]


def verify(note: Note, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
    """Return the signatures that hold, one per known key.

    Raises if a known key's signature fails, or if no known key signed at all.
    """
    known = {(key.name, key.id): key for key in keys}
    held: dict[VerifierKey, Verified] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            # Every line of a known key is checked, also the second of one key.
            held.setdefault(key, _check(note, signature, key))
    if not held:
        raise _unknown(note, known)
    return tuple(held.values())


def strangers(note: Note, names: Iterable[str]) -> str | None:
    """Name the keys that signed under one of these names; ``None`` if none did."""
    wanted = set(names)
    found = {_named(s.name, s.key_id) for s in note.signatures if s.name in wanted}
    return ", ".join(sorted(found)) or None


def _unknown(note: Note, known: Iterable[tuple[str, bytes]]) -> LedgerError:
    """Say who signed and whose keys were given, by their ids: names may be alike."""
    known = tuple(known)
    given = ", ".join(sorted(_named(*each) for each in known)) or "of nobody"
    signed = {_named(one.name, one.key_id) for one in note.signatures}
    alike = strangers(note, (name for name, _ in known))
    return LedgerError(
        f"no signature of a known key: it is signed by {', '.join(sorted(signed))},"
        f" and the keys given are {given}",
        WRONG_KEY
        if alike
        else "Give the verifier key of the log, as its owner published it.",
        f"bytes 0-{len(note.text.encode())}",
    )


def _named(name: str, key_id: bytes) -> str:
    return f"{name}+{key_id.hex()}"


def _check(note: Note, signature: Signature, key: VerifierKey) -> Verified:
    message, data = signature_message(key, note.text, signature.data)
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(data, message)
    except (InvalidSignature, ValueError):
        start, stop = signature.span
        raise LedgerError(
            f"the signature of {key.name} does not fit the text",
            "The text or the signature was altered; keep the note as evidence.",
            f"bytes 0-{len(note.text.encode())} signed by bytes {start}-{stop}",
        ) from None
    if key.kind == COSIGNATURE:
        return Verified(key, int.from_bytes(signature.data[:8], "big"))
    return Verified(key)


def _parse_signatures(tail: str, start: int) -> tuple[Signature, ...]:
    signatures = []
    for line in tail[:-1].split("\n"):
        stop = start + len(line.encode()) + 1
        name, _, body = line.removeprefix(_DASH).partition(" ")
        data = decode64(body) or b""
        if not line.startswith(_DASH) or not is_name(name) or len(data) <= _ID_SIZE:
            place = f"bytes {start}-{stop}"
            raise LedgerError("not a signature line", _BAD_NOTE, place)
        span = (start, stop)
        signatures.append(Signature(name, data[:_ID_SIZE], data[_ID_SIZE:], span))
        start = stop
    if len(signatures) > SIGNATURES_MAX:
        raise LedgerError(f"a note with {len(signatures)} signatures", _BAD_NOTE)
    return tuple(signatures)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    """Return name and id of what looks like a verifier key, for a message.

    Anything else is never quoted: it may be a private key, given in place of another.
    """
    found = _VERIFIER_KEY.match(text.strip())
    return f"{found[0]}…" if found else ""
