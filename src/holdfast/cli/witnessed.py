"""What the commands over a log ask of witnesses: how many cosigned which checkpoint."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from holdfast.cli.common import home_at
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import (
    COSIGNATURE,
    Verified,
    VerifierKey,
    parse_note,
    parse_verifier_key,
    verify,
)
from holdfast.ledger.verify import CHECKPOINT_PATH
from holdfast.ledger.witness import cosigners
from holdfast.operations.ports.store import Store
from holdfast.settings import FILE
from holdfast.storage.folder import Folder

# A witness silent for longer must not keep new entries out of the published copy.
LATELY_SECONDS = 600
_HINT = (
    "Wait until the witnesses have cosigned, or ask whoever runs them: without them "
    "the log's signature proves nothing against its own operator."
)


def require_witness_keys(
    keys: Sequence[VerifierKey], quorum: int | None
) -> tuple[tuple[VerifierKey, ...], int]:
    """Return witnesses and quorum (by default all); refuse what cannot be meant."""
    distinct = tuple(dict.fromkeys(keys))
    for key in distinct:
        if key.kind != COSIGNATURE:
            raise HoldfastError(
                f"{key.name} is the key of a log, not of a witness",
                "Give the log's key with --key, a witness's with --witness.",
            )
    wanted = len(distinct) if quorum is None else quorum
    if not 0 <= wanted <= len(distinct):
        raise HoldfastError(
            f"a quorum of {wanted} needs as many witnesses, not {len(distinct)}",
            "Give the verifier key of each with --witness.",
        )
    return distinct, wanted


def require_quorum(size: int, signed_by: Sequence[Verified], quorum: int) -> None:
    """Refuse a checkpoint that too few witnesses cosigned."""
    count = sum(one.key.kind == COSIGNATURE for one in signed_by)
    if count < quorum:
        raise LedgerError(
            f"{count} of the witnesses cosigned, and {quorum} are wanted",
            _HINT,
            f"checkpoint of size {size}",
        )


def newest_witnessed(
    store: Store, witnesses: Sequence[VerifierKey], quorum: int
) -> tuple[int, tuple[Verified, ...]]:
    """Return the newest checkpoint that a quorum cosigned: its size, and by whom.

    In a database the very newest one may still be with the witnesses.
    """
    for size, note in store.checkpoints(newest_first=True):
        found = cosigners(note, witnesses)
        if len(found) >= quorum:
            return size, verify(parse_note(note), found)
    raise LedgerError(
        f"no checkpoint was cosigned by {quorum} of the witnesses", _HINT, "database"
    )


def size_to_publish(store: Store, home: Path, folder: Path) -> int | None:
    """Return the size of the newest witnessed checkpoint, if that is a recent one.

    ``None`` where no witness is configured, or where the newest signed checkpoint must
    do: the witnesses are silent, or the folder shows more already.
    """
    settings = home_at(home).settings if (home / FILE).exists() else None
    if settings is None or not settings.witnesses:
        return None
    keys = [parse_verifier_key(at.key) for at in settings.witnesses]
    try:
        quorum = settings.witness_quorum or len(keys)
        size, signed_by = newest_witnessed(store, keys, quorum)
    except LedgerError:
        return None
    newest = max(one.time or 0 for one in signed_by)
    held = Folder(folder).read(CHECKPOINT_PATH)
    shown = parse_checkpoint(parse_note(held).text).size if held else 0
    fresh = time.time() - newest <= LATELY_SECONDS
    return size if fresh and shown <= size else None
