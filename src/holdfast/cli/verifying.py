"""`holdfast ledger verify`: a whole log checked, wherever it lies, and what was found.

A published log needs its files and the log's public key, nothing else of Holdfast's: an
auditor runs this on any machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from holdfast.cli.common import DEFAULT_HOME, HomeOption, JsonOption, print_json
from holdfast.cli.reading import (
    HOME_KEY,
    CredentialsOption,
    DatabaseOption,
    KeyOption,
    Place,
    address_of,
    bar,
    blamed_on,
    keys_of,
    opened,
    parse_keys,
    place_of,
    read_file,
    say,
    signers,
)
from holdfast.cli.witnessed import (
    QuorumOption,
    Vouched,
    WitnessOption,
    newest_witnessed,
    require_quorum,
    vouched_by,
)
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import verify_checkpoint
from holdfast.ledger.note import Verified, VerifierKey, encode64
from holdfast.ledger.verify import Verification, verify_log
from holdfast.storage.audit import audit
from holdfast.storage.errors import StoreError
from holdfast.storage.sharing import cores

_NOT_WHOSE = (
    "The key was taken from the log itself: this shows that the copy is sound, not"
    " whose it is. Give the key with --key."
)
_NOT_LISTED = (
    "Older checkpoints cannot be listed over HTTP: give those that you were shown with"
    " --anchor."
)


class DatabaseAlone(TyperCommand):
    """Lets ``--database`` stand alone too: the home's own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        for at, one in enumerate(args):
            alone = at + 1 == len(args) or args[at + 1].startswith("-")
            if one == "--database" and alone:
                args = [*args[:at], *args[at + 1 :]]
                break
        return super().parse_args(ctx, args)


def verify(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A published log: its folder, or its address (https://, file://,"
            " s3://, gs://, az://). Without it, the database."
        ),
    ] = None,
    database: DatabaseOption = None,
    key: KeyOption = None,
    witness: WitnessOption = None,
    quorum: QuorumOption = None,
    anchor: Annotated[
        list[Path] | None,
        typer.Option(
            "--anchor",
            help="A checkpoint kept elsewhere, that the log must continue; repeat it.",
        ),
    ] = None,
    credentials: CredentialsOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Check every entry, hash and signature of a log, and who witnessed it."""
    vouched = vouched_by(witness, quorum)
    kept = [(path, read_file(path)) for path in anchor or []]
    if target is not None and database is not None:
        raise HoldfastError(
            "both a published log and a database are named",
            "Verify one after the other.",
        )
    if target is not None:
        place = place_of(target, credentials)
        found = _verify_place(place, key, vouched, kept, quiet=json)
    elif kept:
        raise HoldfastError(
            "kept checkpoints are held against a published log",
            "Name its folder or its address beside --anchor.",
        )
    else:
        found = _verify_database(database, key, home, vouched, quiet=json)
    if json:
        print_json(found.as_json())
        return
    say(
        f"{found.origin or 'The log'}: {found.size} entries, all sound.",
        f"root       {encode64(found.root)}",
        *(f"signed by  {one.key}" for one in found.signed_by),
        *([f"witnessed  up to size {found.witnessed}"] if vouched[0] else []),
        f"checked    {found.size} entries, {len(found.checkpoints)} checkpoints",
        *(f"warning    {one}" for one in found.warnings),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A log that was found sound."""

    origin: str | None
    size: int
    root: bytes
    signed_by: tuple[Verified, ...]
    checkpoints: tuple[int, ...]
    warnings: tuple[str, ...]
    witnessed: int | None = None
    tiles: int | None = None
    shown: int | None = None
    interrupted: bool = False

    def as_json(self) -> dict[str, object]:
        """Return it as JSON shows it."""
        return {
            "ok": True,
            "origin": self.origin,
            "size": self.size,
            "root": encode64(self.root),
            "signed_by": signers(self.signed_by),
            "entries_checked": self.size,
            "tiles_checked": self.tiles,
            "checkpoints_checked": list(self.checkpoints),
            "witnessed": self.witnessed,
            "shown": self.shown,
            "interrupted": self.interrupted,
            "warning": " ".join(self.warnings),
        }


def _verify_place(
    place: Place,
    key: str | None,
    vouched: Vouched,
    kept: Sequence[tuple[Path, bytes]],
    *,
    quiet: bool,
) -> _Found:
    beside = place.key_beside() if key is None else None
    keys = parse_keys(beside) if beside is not None else keys_of(key, None)[0]
    if not keys:
        raise StoreError(
            "the log's public key is missing",
            "Give it with --key, as the log's owner published it.",
            place.name,
        )
    for path, note in kept:
        with blamed_on(str(path)):
            verify_checkpoint(note, keys)
    witnesses, quorum = vouched
    with (
        place.share() as share,
        bar("verifying", quiet=quiet) as told,
        blamed_on(place.name),
    ):
        done = verify_log(
            place.reader,
            (*keys, *witnesses),
            earlier=place.sizes or (),
            anchors=[note for _, note in kept],
            progress=told,
            share=share,
        )
    require_quorum(done.checkpoint.size, done.signed_by, quorum)
    return _Found(
        done.checkpoint.origin,
        done.checkpoint.size,
        done.checkpoint.root,
        done.signed_by,
        (*done.earlier, done.checkpoint.size),
        (
            *([_interruption(done)] if done.interrupted else []),
            *([_NOT_WHOSE] if beside is not None else []),
            *([_NOT_LISTED] if place.sizes is None and not kept else []),
        ),
        done.checkpoint.size if witnesses else None,
        done.tiles,
        done.shown,
        done.interrupted,
    )


def _interruption(done: Verification) -> str:
    size = done.checkpoint.size
    shows = "shows no checkpoint" if done.shown is None else f"shows only {done.shown}"
    return (
        f"Interrupted publication: `checkpoint` {shows}, and the copy is whole up to"
        f" {size}, which is what was verified. Publish again; if nobody was publishing,"
        " ask why `checkpoint` went back."
    )


def _verify_database(
    database: str | None,
    key: str | None,
    home: Path,
    vouched: Vouched,
    *,
    quiet: bool,
) -> _Found:
    keys, _ = keys_of(key, home / HOME_KEY)
    witnesses, quorum = vouched
    witnessed: int | None = None
    address = address_of(database, home)
    # The processes first: a connection is not to be shared with them.
    with (
        cores() as share,
        opened(database, home) as store,
        bar("verifying", quiet=quiet) as told,
    ):
        done = audit(store, keys, told, address=address, share=share)
        if witnesses:
            witnessed = newest_witnessed(store, witnesses, quorum).size
    return _Found(
        done.latest.origin if done.latest else None,
        done.size,
        done.root,
        done.signed_by,
        done.checkpoints,
        _unsigned(keys, signed=done.latest is not None),
        witnessed,
    )


def _unsigned(keys: Sequence[VerifierKey], *, signed: bool) -> tuple[str, ...]:
    if not signed:
        return ("Nothing is signed yet: the log agrees with itself, no more.",)
    return () if keys else ("No key was given: signatures were not checked.",)
