"""A witness (C2SP tlog-witness): it cosigns a log's checkpoint if the log only grew.

The invariant: of one log, no two checkpoints are ever cosigned of which the larger
does not continue the smaller. So the newest cosigned one is remembered before anything
is answered, and only if nobody else moved it on meanwhile.

A witness serves logs of any kind: extension lines, which Holdfast's own checkpoints do
not have, are signed as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfast.ledger import note as notes
from holdfast.ledger.checkpoint import Checkpoint, parse_number
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from holdfast.ledger.note import COSIGNATURE, Note, Signature, VerifierKey

PROOF_LINES_MAX = 63
REQUEST_BYTES_MAX = 65_536
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

_SEED_SIZE = 32
_HEAD_LINES = 3
_BAD_REQUEST = "Send what c2sp.org/tlog-witness asks for: old size, proof, checkpoint."


@dataclass(frozen=True, slots=True)
class Request:
    """The wish to have a checkpoint cosigned, as the continuation of size ``old``."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """Return the body of the request."""
        lines = [f"old {self.old}", *(notes.encode64(step) for step in self.proof)]
        return "".join(f"{line}\n" for line in [*lines, ""]).encode() + self.note


@dataclass(frozen=True, slots=True)
class Answer:
    """What HTTP gives back."""

    status: int
    body: str
    content_type: str = TEXT_TYPE


class Memory(Protocol):
    """What a witness must never forget: whom it trusts, and what it cosigned last."""

    def keys(self, origin: str) -> Sequence[VerifierKey]:
        """Return the keys trusted for a log; none if the log is not known."""
        ...

    def latest(self, origin: str) -> Checkpoint | None:
        """Return the newest cosigned checkpoint of a log."""
        ...

    def advance(self, before: Checkpoint | None, after: Checkpoint) -> bool:
        """Put ``after`` in the place of ``before``, if that is still the newest.

        When this returns true it survives SIGKILL and power loss; false means that
        nothing was changed.
        """
        ...


class Cosigner:
    """Holds a witness's Ed25519 key. The seed is never shown."""

    def __init__(self, name: str, seed: bytes) -> None:
        if not notes.is_name(name) or len(seed) != _SEED_SIZE:
            raise LedgerError(
                "a witness needs a name without spaces or plus signs and a key of "
                "32 bytes",
                "Use an address without its scheme as the name: auditor.example/w1.",
            )
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self.key = VerifierKey(name, COSIGNATURE, public)

    def cosign(self, text: str, time: int) -> Signature:
        """Return the cosignature (v1) of a checkpoint's text, as of a Unix time."""
        stamp = time.to_bytes(8, "big")
        message, _ = notes.signature_message(self.key, text, stamp)
        data = stamp + self._private.sign(message)
        return Signature(self.key.name, self.key.id, data)


class Witness:
    """Judges requests; safe to be asked by many at once if its memory is."""

    def __init__(self, cosigner: Cosigner, memory: Memory) -> None:
        self._cosigner = cosigner
        self._memory = memory

    def add_checkpoint(self, body: bytes, time: int) -> Answer:
        """Answer one request, received at a Unix time."""
        try:
            request = parse_request(body)
            note = notes.parse_note(request.note)
            offered = parse_head(note.text)
        except LedgerError as fault:
            return Answer(400, f"{fault.message}\n")
        refused = self._refused(request, note, offered)
        if refused is not None:
            return refused
        while True:
            before = self._memory.latest(offered.origin)
            refused = _unfit(request, before, offered)
            if refused is not None:
                return refused
            if self._memory.advance(before, offered):
                return Answer(200, self._cosigner.cosign(note.text, time).line())
            # Somebody else was faster: what holds now is judged anew.

    def _refused(
        self, request: Request, note: Note, offered: Checkpoint
    ) -> Answer | None:
        """Say why the request is refused whatever was cosigned before."""
        keys = self._memory.keys(offered.origin)
        if not keys:
            return Answer(404, "this log is not known here\n")
        try:
            notes.verify(note, keys)
        except LedgerError:
            return Answer(403, "no signature of a trusted key of this log holds\n")
        if request.old > offered.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        return None


def parse_request(body: bytes) -> Request:
    """Read a request strictly; its checkpoint is not looked at."""
    head, blank, note = body.partition(b"\n\n")
    if not blank or not head.isascii():
        raise LedgerError("no empty line before the checkpoint", _BAD_REQUEST)
    first, *lines = head.decode().split("\n")
    old = parse_number(first.removeprefix("old ")) if first[:4] == "old " else None
    if old is None:
        raise LedgerError("the first line is not an old size", _BAD_REQUEST)
    if len(lines) > PROOF_LINES_MAX:
        raise LedgerError("the proof has more than 63 lines", _BAD_REQUEST)
    proof = tuple(step for line in lines if (step := notes.decode64(line)) is not None)
    if len(proof) != len(lines) or any(len(step) != HASH_SIZE for step in proof):
        raise LedgerError("a line of the proof is not a hash", _BAD_REQUEST)
    return Request(old, proof, note)


def parse_head(text: str) -> Checkpoint:
    """Read origin, size and root of any log's checkpoint, whatever lines follow."""
    lines = text.split("\n")
    if len(lines) <= _HEAD_LINES or not all(lines[:-1]):
        raise LedgerError("a checkpoint has three lines and no empty one", _BAD_REQUEST)
    size, root = parse_number(lines[1]), notes.decode64(lines[2])
    if size is None or root is None or len(root) != HASH_SIZE:
        raise LedgerError("the checkpoint's size or root is malformed", _BAD_REQUEST)
    return Checkpoint(lines[0], size, root)


def cosignature_of(
    note: bytes, answer: str, key: VerifierKey
) -> tuple[Signature, int] | None:
    """Return a witness's signature out of its answer, with its time, if it holds.

    Lines of other keys are ignored, since anybody could have put them there.
    """
    try:
        ours, theirs = notes.parse_note(note), notes.parse_note(note + answer.encode())
        own = tuple(
            line
            for line in theirs.signatures[len(ours.signatures) :]
            if (line.name, line.key_id) == (key.name, key.id)
        )
        (held,) = notes.verify(Note(ours.text, own), [key])
    except LedgerError:
        return None
    assert held.time is not None
    return own[0], held.time


def cosigned_at(note: bytes, keys: Sequence[VerifierKey]) -> dict[VerifierKey, int]:
    """Return whose cosignatures a checkpoint carries, and from when (Unix seconds).

    Those that fail do not count.
    """
    parsed = notes.parse_note(note)
    found: dict[VerifierKey, int] = {}
    for key in keys:
        try:
            held = notes.verify(parsed, [key])
        except LedgerError:
            continue
        found.update((one.key, one.time) for one in held if one.time is not None)
    return found


def cosigners(note: bytes, keys: Sequence[VerifierKey]) -> frozenset[VerifierKey]:
    """Return whose cosignatures a checkpoint carries; those that fail do not count."""
    return frozenset(cosigned_at(note, keys))


def _unfit(
    request: Request, before: Checkpoint | None, offered: Checkpoint
) -> Answer | None:
    """Say why the checkpoint is no continuation of what was cosigned last."""
    size, root = (before.size, before.root) if before else (0, EMPTY_ROOT)
    if request.old != size:
        return Answer(409, f"{size}\n", SIZE_TYPE)
    if offered.size == size and offered.root != root:
        return Answer(409, f"{size}\n", SIZE_TYPE)
    try:
        verify_consistency(size, root, offered.size, offered.root, request.proof)
    except LedgerError as fault:
        return Answer(422, f"{fault.message}\n")
    return None
