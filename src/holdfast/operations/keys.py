"""The keys of a log, as its own entries name them, held against what was signed.

The rule itself is `domain.memory.custody.keys_in_force`. A log older than its keys'
introduction is judged by the key that the caller trusts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from holdfast.domain.events.custody import LedgerCarried
from holdfast.domain.memory.custody import (
    Custody,
    KeyChange,
    all_keys,
    keys_in_force,
    remember,
)
from holdfast.journal import read
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import (
    ED25519,
    VerifierKey,
    parse_note,
    parse_verifier_key,
    verify,
)

_CHANGES = get_args(KeyChange)
_TYPES = tuple(f'"{kind.TYPE}"'.encode() for kind in (*_CHANGES, LedgerCarried))


def custody_of(entries: Iterable[bytes], start: int = 0) -> Custody:
    """Return which keys a log names, from its entries alone."""
    custody = Custody()
    for index, data in enumerate(entries, start):
        # Reading every entry in full would cost far more than it finds.
        if not any(kind in data for kind in _TYPES):
            continue
        event = read(index, data).event
        if isinstance(event, LedgerCarried):
            custody = Custody()
        elif isinstance(event, _CHANGES):
            custody = remember(custody, event, index)
    return custody


def keys_at(
    custody: Custody, size: int, trusted: Iterable[VerifierKey] = ()
) -> tuple[VerifierKey, ...]:
    """Return the keys that may sign the checkpoint of a size.

    ``trusted`` are those of a log that does not name its own.
    """
    named = keys_in_force(custody, size)
    return tuple(map(parse_verifier_key, named)) if named else tuple(trusted)


def keys_ever(
    custody: Custody, trusted: Iterable[VerifierKey] = ()
) -> tuple[VerifierKey, ...]:
    """Return every key of the log, retired ones too, and those that are trusted."""
    named = map(parse_verifier_key, all_keys(custody))
    return tuple(dict.fromkeys([*named, *trusted]))


def wrong_signer(
    note: bytes, custody: Custody, trusted: Iterable[VerifierKey] = ()
) -> str | None:
    """Say what is wrong with who signed a checkpoint; ``None`` where nothing is.

    Names the size, who signed, and which keys the log's entries allow there: a replaced
    key is a finding of its own, not just a signature that fails.
    """
    try:
        parsed = parse_note(note)
        checkpoint = parse_checkpoint(parsed.text)
    except LedgerError as fault:
        return f"a checkpoint is malformed: {fault}"
    allowed = keys_at(custody, checkpoint.size, trusted)
    place = f"the checkpoint of size {checkpoint.size:,}"
    try:
        verify(parsed, allowed)
    except LedgerError as fault:
        ids = {(line.name, line.key_id) for line in parsed.signatures}
        if ids & {(key.name, key.id) for key in allowed}:
            return f"{place} bears a signature that does not hold: {fault.message}"
        names = {key.name for key in allowed} | {checkpoint.origin}
        signers = ", ".join(
            f"{line.name}+{line.key_id.hex()}"
            for line in parsed.signatures
            if line.name in names
        )
        wanted = ", ".join(f"{key.name}+{key.id.hex()}" for key in allowed)
        return (
            f"{place} is signed by {signers or 'nobody of this log'}, a key that the "
            f"log does not have there; it has {wanted or 'none'}"
        )
    if checkpoint.origin not in {key.name for key in allowed if key.kind == ED25519}:
        return f"{place} is of {checkpoint.origin}, another log"
    return None
