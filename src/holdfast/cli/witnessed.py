"""What the commands over a log ask of witnesses: how many cosigned which checkpoint."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from holdfast.cli.common import home_at
from holdfast.cli.reading import keys_of
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


WitnessOption = Annotated[
    list[str] | None,
    typer.Option("--witness", help="A witness's verifier key, or its file; repeat it."),
]
QuorumOption = Annotated[
    int | None,
    typer.Option("--quorum", help="How many must have cosigned; by default all."),
]
Vouched: TypeAlias = tuple[tuple[VerifierKey, ...], int]
"""The keys of witnesses, and how many of them must have cosigned."""


def vouched_by(words: Sequence[str] | None, quorum: int | None) -> Vouched:
    """Return witnesses and quorum (by default all); refuse what cannot be meant."""
    given = [parsed for one in words or () for parsed in keys_of(one, None)[0]]
    distinct = tuple(dict.fromkeys(given))
    for key in distinct:
        if key.kind != COSIGNATURE:
            raise HoldfastError(
                f"{key.name} is the key of a log, not of a witness",
                "Give the log's key with --key, a witness's with --witness.",
            )
    wanted = len(distinct) if quorum is None else quorum
    if distinct and wanted == 0:
        raise HoldfastError(
            "a quorum of 0 would be met though no witness cosigned",
            "Give how many of them must have cosigned, or leave --witness out.",
        )
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


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint that a quorum cosigned."""

    size: int
    note: bytes
    signed_by: tuple[Verified, ...]


def newest_witnessed(
    store: Store, witnesses: Sequence[VerifierKey], quorum: int
) -> Witnessed:
    """Return the newest checkpoint that a quorum cosigned.

    In a database the very newest one may still be with the witnesses.
    """
    for size, note in store.checkpoints(newest_first=True):
        found = cosigners(note, witnesses)
        if len(found) >= quorum:
            return Witnessed(size, note, verify(parse_note(note), found))
    raise LedgerError(
        f"no checkpoint was cosigned by {quorum} of the witnesses", _HINT, "database"
    )


def size_to_publish(store: Store, home: Path, folder: Path) -> int | None:
    """Return the size of the newest witnessed checkpoint, if that is a recent one.

    ``None`` where no witness is configured, or where the newest signed checkpoint must
    do: the witnesses are silent, or the folder shows more already.
    """
    found = _newest_by_settings(store, home)
    if found is None:
        return None
    size, newest = found.size, max(one.time or 0 for one in found.signed_by)
    held = Folder(folder).read(CHECKPOINT_PATH)
    shown = parse_checkpoint(parse_note(held).text).size if held else 0
    fresh = time.time() - newest <= LATELY_SECONDS
    return size if fresh and shown <= size else None


def note_to_prove(store: Store, home: Path, index: int) -> bytes | None:
    """Return the newest witnessed checkpoint that has the entry.

    ``None`` where no witness is configured, or none vouched for the entry yet.
    """
    found = _newest_by_settings(store, home)
    return found.note if found is not None and index < found.size else None


def _newest_by_settings(store: Store, home: Path) -> Witnessed | None:
    settings = home_at(home).settings if (home / FILE).exists() else None
    if settings is None or not settings.witnesses:
        return None
    keys = [parse_verifier_key(at.key) for at in settings.witnesses]
    try:
        return newest_witnessed(store, keys, settings.witness_quorum or len(keys))
    except LedgerError:
        return None
