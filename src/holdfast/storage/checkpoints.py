"""What may become of a signed checkpoint that is kept: signatures join it, no more."""

from __future__ import annotations

from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import parse_note
from holdfast.operations.ports.store import ContradictsError


def added_to(size: int, kept: bytes, note: bytes) -> bytes:
    """Return the kept note with what the new one adds to it.

    Two nodes may add signatures at once: neither's is lost. Raises `ContradictsError`
    where the two do not say the same.
    """
    if note.startswith(kept):
        return note
    if kept.startswith(note):
        return kept
    try:
        ours, theirs = parse_note(kept), parse_note(note)
    except LedgerError:
        raise _contradiction(size) from None
    if ours.text != theirs.text:
        raise _contradiction(size)
    there = {(line.name, line.key_id) for line in ours.signatures}
    new = [one for one in theirs.signatures if (one.name, one.key_id) not in there]
    return kept + "".join(one.line() for one in new).encode()


def _contradiction(size: int) -> ContradictsError:
    return ContradictsError(
        f"another checkpoint of size {size:,} is kept already",
        "Nothing was changed. Somebody signed another history, or changed the "
        "database: holdfast ledger verify.",
    )
