"""`holdfast ledger key`: make the log's key, look at it, put another in its place.

No command prints a private key, and none takes one as a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from rich.table import Column, Table

from holdfast.assembly.keys import create_key, holder_of, signer_of
from holdfast.assembly.node import asked_witnesses
from holdfast.assembly.reading import Reader, open_log
from holdfast.assembly.runner import copies_of
from holdfast.cli.approving import GlassOption, signed_desk
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    PersonOption,
    console,
    home_at,
    print_json,
    read_text,
)
from holdfast.domain.events.custody import (
    LedgerKeyIntroduced,
    LedgerKeyRetired,
    LedgerKeyRotated,
)
from holdfast.domain.memory.custody import KeyChange, all_keys, keys_in_force
from holdfast.errors import HoldfastError
from holdfast.ledger.note import ED25519, VerifierKey, is_name
from holdfast.operations.copies import UnreadableError
from holdfast.operations.rotation import Shown, retire, rotate, try_out
from holdfast.settings import FILE, RUNNER_FILE, Home, KeyAt, RunnerHome
from holdfast.storage.off_site import OffSite

PUBLIC = "ledger.vkey"

app = typer.Typer(help="The log's keys.", no_args_is_help=True)


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="The private file; it must not exist.")],
    origin: Annotated[
        str | None,
        typer.Option(help="The log's name; by default that of the home's log."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Make a private key in a file of mode 0600, and print its public key."""
    if origin is None:
        if not (home / FILE).exists():
            raise HoldfastError(
                "a key is made for one log, and none is named",
                "Give its name: --origin log.example.com/holdfast.",
            )
        origin = signer_of(home_at(home)).name
    beside = file.with_suffix(".vkey")
    if beside == file:
        raise HoldfastError(
            f"{file} is the name of a public key's file",
            f"Give the private one another: {file.with_suffix('.key')}. The public key "
            "is written beside it.",
        )
    if beside.exists():
        raise HoldfastError(
            f"{beside} exists already",
            "A public key is never written over: choose another name for the key.",
        )
    public = create_key(file, origin)
    beside.write_text(f"{public}\n", encoding="utf-8")
    if json:
        print_json({"file": str(file), "public": public})
        return
    out = console()
    out.print(f"Made {file}, mode 0600. Its public key:", markup=False)
    out.print(public, markup=False)


@app.command()
def public(
    file: Annotated[Path, typer.Argument(help="An Ed25519 public key, as PEM.")],
    origin: Annotated[str, typer.Option(help="The log's name.")],
    json: JsonOption = False,
) -> None:
    """Print the verifier key of a key that another program made and holds."""
    try:
        key = load_pem_public_key(read_text(file, "public key").encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise HoldfastError(
            f"{file} is not an Ed25519 public key in PEM",
            "It begins with -----BEGIN PUBLIC KEY-----; a log signs with Ed25519.",
        )
    if not is_name(origin):
        raise HoldfastError(
            f"{origin!r} is no name of a log",
            "Use an address without its scheme: log.example.com/holdfast.",
        )
    named = VerifierKey(origin, ED25519, key.public_bytes_raw())
    if json:
        print_json({"public": str(named)})
        return
    console().print(str(named), markup=False)


@app.command()
def show(
    trial: Annotated[
        bool, typer.Option("--try", help="Also have each key sign something.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show which keys the settings name, where they lie, and whether they sign."""
    at = home_at(home)
    reader = open_log(at)
    with closing(reader.store):
        state = reader.log.state()
    named = keys_in_force(state.custody, state.size)
    rows = []
    for setting, place in (
        ("key", at.settings.key),
        ("next_key", at.settings.next_key),
    ):
        if place is None:
            continue
        holder = holder_of(at, place)
        if trial:
            try_out(holder)
        public = str(holder.key)
        signs = public in named if named else setting == "key"
        rows.append(
            {
                "setting": setting,
                "custody": _custody(place),
                "public": public,
                "signs": signs,
                "tried": trial,
            }
        )
    if json:
        print_json(rows)
        return
    for row in rows:
        word = "signs" if row["signs"] else "signs nothing yet, or no more"
        tried = "; tried out: it works" if trial else ""
        console().print(
            f"{row['setting']}: {row['public']}\n  {row['custody']}; {word}{tried}",
            markup=False,
        )


@app.command("list")
def list_keys(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List the keys that the log's own entries name, with the sizes that they sign."""
    reader = open_log(home_at(home))
    with closing(reader.store):
        state = reader.log.state()
    custody = state.custody
    in_force = keys_in_force(custody, state.size)
    rows = [
        {
            "public": public,
            "from_size": _first(public, custody.changes),
            "to_size": _last(public, custody.changes),
            "in_force": public in in_force,
        }
        for public in all_keys(custody)
    ]
    if json:
        print_json(rows)
        return
    table = Table(Column("Key", overflow="fold"), "From size", "To size", "", box=None)
    for row in rows:
        until = "" if row["to_size"] is None else str(row["to_size"])
        word = "in force" if row["in_force"] else "retired"
        table.add_row(str(row["public"]), str(row["from_size"]), until, word)
    none = "the log names no key yet: a node does so when it starts"
    console().print(table if rows else none)


@app.command("rotate")
def rotate_key(
    person: PersonOption,
    glass: GlassOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Let the key of the setting `next_key` sign, too: sign in first."""
    at = home_at(home)
    reader = open_log(at)
    with closing(reader.store):
        desk = signed_desk(at, reader, person, glass)
        event = rotate(desk, signer_of(at).holders)
        _publish_keys(at, reader)
    if json:
        print_json({"old": event.old, "new": event.new, "from_size": event.from_size})
        return
    out = console()
    for line in (
        f"From size {event.from_size} on both keys sign.",
        f"old  {event.old}",
        f"new  {event.new}",
        f"Both stand in {at.folder / PUBLIC}: give it to everybody who verifies.",
        "Restart a node that was started before the settings named the next key.",
    ):
        out.print(line, markup=False)


@app.command("retire")
def retire_key(
    person: PersonOption,
    glass: GlassOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """End the overlap: the older of the two keys signs no more; sign in first."""
    at = home_at(home)
    reader = open_log(at)
    with closing(reader.store):
        copies = _copies(at, reader)
        event = retire(
            signed_desk(at, reader, person, glass),
            signer_of(at).holders,
            copies,
            asked_witnesses(at),
        )
        _publish_keys(at, reader)
    if json:
        print_json({"retired": event.public, "from_size": event.from_size})
        return
    out = console()
    for line in (
        f"From size {event.from_size} on {event.public} signs no more.",
        "Keep that public key: it verifies what was signed before.",
        "In the settings, put next_key's place into key and take next_key out;",
        "then delete the old private key.",
    ):
        out.print(line, markup=False)


def _publish_keys(at: Home, reader: Reader) -> None:
    """Write every public key of the log into the home's file, oldest first."""
    keys = all_keys(reader.log.state().custody)
    beside = at.folder / f".{PUBLIC}"
    beside.write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
    beside.replace(at.folder / PUBLIC)


def _copies(at: Home, reader: Reader) -> list[Shown]:
    """Return what the copies show: read there, where the runner's settings are at
    hand, or as the runner last told.
    """
    if (at.folder / RUNNER_FILE).exists():
        runner = RunnerHome(at.folder)
        return [_shown(copy) for copy in copies_of(runner, reader.log)]
    return [
        Shown(name, copy.seen.checkpoint.encode() if copy.seen else None)
        for name, copy in sorted(reader.log.state().copies.items())
        if copy.has_shown_the_log
    ]


def _shown(copy: OffSite) -> Shown:
    with suppress(UnreadableError):
        return Shown(copy.name, copy.newest())
    return Shown(copy.name, copy.record.newest())


def _custody(place: KeyAt) -> str:
    if place.command is not None:
        return f"a command that signs: {place.command[0]}"
    if place.env is not None:
        return f"the environment variable {place.env}"
    if place.credential is not None:
        return f"the credential {place.credential}"
    return f"the file {place.file}"


def _first(public: str, changes: Sequence[tuple[KeyChange, int]]) -> int:
    for change, index in changes:
        if isinstance(change, LedgerKeyRotated) and change.new == public:
            return index + 1
        if isinstance(change, LedgerKeyIntroduced) and change.public == public:
            return 0
    return 0


def _last(public: str, changes: Sequence[tuple[KeyChange, int]]) -> int | None:
    for change, index in changes:
        if isinstance(change, LedgerKeyRetired) and change.public == public:
            return index
    return None
