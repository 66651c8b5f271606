"""`holdfast ledger`: verify a log, publish it as files, prove single entries.

`verify` and `verify-proof` need a folder or a file and the log's public key, nothing
else of Holdfast's: an auditor runs them on any machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.progress import Progress

from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    home_at,
    print_json,
    progress_console,
)
from holdfast.cli.witnessed import (
    newest_witnessed,
    require_quorum,
    require_witness_keys,
    size_to_publish,
)
from holdfast.errors import HoldfastError
from holdfast.ledger.note import Verified, VerifierKey, encode64, parse_verifier_key
from holdfast.ledger.proof import parse_proof
from holdfast.ledger.verify import Progress as Told
from holdfast.ledger.verify import verify_log
from holdfast.operations.ports.store import Store
from holdfast.settings import FILE as SETTINGS_FILE
from holdfast.storage import audit as audits
from holdfast.storage.errors import StoreError
from holdfast.storage.folder import KEY_PATH, Folder
from holdfast.storage.folder import export as export_log
from holdfast.storage.opening import open_store

HOME_KEY = "ledger.vkey"
# Witnesses' keys, and how many of them must have cosigned.
Vouched: TypeAlias = tuple[tuple[VerifierKey, ...], int]

app = typer.Typer(no_args_is_help=True)

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="HOLDFAST_DATABASE",
        help="The ledger's database; by default the one of the home folder.",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="The log's verifier key, or a file that holds it."),
]


WitnessOption = Annotated[
    list[str] | None,
    typer.Option("--witness", help="A witness's verifier key, or its file; repeat it."),
]
QuorumOption = Annotated[
    int | None,
    typer.Option("--quorum", help="How many must have cosigned; by default all."),
]


@app.command()
def verify(
    target: Annotated[
        Path | None, typer.Argument(help="A published log; without it, the database.")
    ] = None,
    database: DatabaseOption = None,
    key: KeyOption = None,
    witness: WitnessOption = None,
    quorum: QuorumOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Check every entry, hash and signature of a log, and who witnessed it."""
    given = [parsed for one in witness or [] for parsed in _keys(one, None)[0]]
    vouched = require_witness_keys(given, quorum)
    if target is not None:
        found = _verify_folder(target, key, vouched, quiet=json)
    else:
        found = _verify_database(database, key, home, vouched, quiet=json)
    if json:
        print_json(found.as_json())
        return
    _print(
        f"{found.origin or 'The log'}: {found.size} entries, all sound.",
        f"root       {encode64(found.root)}",
        *(f"signed by  {one.key}" for one in found.signed_by),
        *([f"witnessed  up to size {found.witnessed}"] if given else []),
        f"checked    {found.size} entries, {len(found.checkpoints)} checkpoints",
        *([f"warning    {found.warning}"] if found.warning else []),
    )


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to publish; made if missing.")],
    database: DatabaseOption = None,
    key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Publish the signed log as files that anybody can verify."""
    keys, _ = _keys(key, home / HOME_KEY)
    text = str(keys[0]) if keys else None
    with _opened(database, home) as store, _bar("publishing", quiet=json) as told:
        upto = size_to_publish(store, home, folder)
        size = export_log(store, folder, told, verifier_key=text, upto=upto)
    if json:
        print_json({"folder": str(folder.absolute()), "size": size, "key": text})
        return
    _print(f"Published {size} entries in {folder}.")


@app.command()
def prove(
    index: Annotated[int, typer.Argument(help="The entry's index, from 0.")],
    database: DatabaseOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write to this file.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write the proof that an entry is in the log, to be checked offline."""
    with _opened(database, home) as store:
        proof = audits.prove(store, index).to_bytes()
    if output is None:
        sys.stdout.buffer.write(proof)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(proof)
    except OSError as fault:
        raise _unusable(output, "written", fault) from None


@app.command("verify-proof")
def verify_proof(
    file: Annotated[Path, typer.Argument(help="The proof.")],
    entry: Annotated[
        Path, typer.Option("--entry", help="The entry's bytes; - for standard input.")
    ],
    key: Annotated[
        str, typer.Option("--key", help="The log's verifier key, or its file.")
    ],
    json: JsonOption = False,
) -> None:
    """Check that an entry is in a log, from its proof alone."""
    keys, _ = _keys(key, None)
    proof = parse_proof(_read(file))
    data = sys.stdin.buffer.read() if str(entry) == "-" else _read(entry)
    signed = proof.verify(data, keys)
    checkpoint = signed.checkpoint
    if json:
        print_json(
            {
                "ok": True,
                "origin": checkpoint.origin,
                "index": proof.index,
                "size": checkpoint.size,
                "root": encode64(checkpoint.root),
                "signed_by": _signers(signed.signed_by),
            }
        )
        return
    _print(
        f"Entry {proof.index} is in {checkpoint.origin}, of {checkpoint.size} entries.",
        *(f"signed by  {one.key}" for one in signed.signed_by),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A log that was found sound."""

    origin: str | None
    size: int
    root: bytes
    signed_by: tuple[Verified, ...]
    checkpoints: tuple[int, ...]
    warning: str
    witnessed: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as JSON shows it."""
        return {
            "ok": True,
            "origin": self.origin,
            "size": self.size,
            "root": encode64(self.root),
            "signed_by": _signers(self.signed_by),
            "entries_checked": self.size,
            "checkpoints_checked": list(self.checkpoints),
            "witnessed": self.witnessed,
            "warning": self.warning,
        }


def _verify_folder(
    folder: Path, key: str | None, vouched: Vouched, *, quiet: bool
) -> _Found:
    if not folder.is_dir():
        raise StoreError(
            "there is no such folder",
            "Name the folder of a published log.",
            str(folder),
        )
    keys, beside = _keys(key, folder / KEY_PATH)
    if not keys:
        raise StoreError(
            "the log's public key is missing",
            "Give it with --key, as the log's owner published it.",
            str(folder),
        )
    published = Folder(folder)
    witnesses, quorum = vouched
    with _bar("verifying", quiet=quiet) as told:
        done = verify_log(
            published,
            (*keys, *witnesses),
            earlier=published.signed_sizes(),
            progress=told,
        )
    require_quorum(done.checkpoint.size, done.signed_by, quorum)
    warning = (
        "The key was taken from the folder itself: this shows that the copy is sound,"
        " not whose it is. Give the key with --key."
    )
    return _Found(
        done.checkpoint.origin,
        done.checkpoint.size,
        done.checkpoint.root,
        done.signed_by,
        (*done.earlier, done.checkpoint.size),
        warning if beside else "",
        done.checkpoint.size if witnesses else None,
    )


def _verify_database(
    database: str | None,
    key: str | None,
    home: Path,
    vouched: Vouched,
    *,
    quiet: bool,
) -> _Found:
    keys, _ = _keys(key, home / HOME_KEY)
    witnesses, quorum = vouched
    witnessed: int | None = None
    with _opened(database, home) as store, _bar("verifying", quiet=quiet) as told:
        done = audits.audit(store, keys, told)
        if witnesses:
            witnessed, _ = newest_witnessed(store, witnesses, quorum)
    warning = "" if keys else "No key was given: signatures were not checked."
    if done.latest is None:
        warning = "Nothing is signed yet: the log agrees with itself, no more."
    origin = done.latest.origin if done.latest else None
    return _Found(
        origin,
        done.size,
        done.root,
        done.signed_by,
        done.checkpoints,
        warning,
        witnessed,
    )


def _keys(
    key: str | None, default: Path | None
) -> tuple[tuple[VerifierKey, ...], bool]:
    """The keys given, one a line; or the default file's, and that it was that."""
    if key is None:
        if default is None or not default.is_file():
            return (), False
        return _parse_keys(_read_text(default)), True
    if "+" in key and not Path(key).exists():
        return (parse_verifier_key(key),), False
    return _parse_keys(_read_text(Path(key))), False


def _parse_keys(text: str) -> tuple[VerifierKey, ...]:
    lines = [line for line in text.splitlines() if line.strip()]
    # An empty file is a broken key, not the absence of one.
    return tuple(parse_verifier_key(line) for line in lines or [""])


def _print(*lines: str) -> None:
    out = console()
    for line in lines:
        # Names in a log are its writer's: they must not colour our words.
        out.print(line, markup=False)


def _signers(signed_by: Sequence[Verified]) -> list[dict[str, object]]:
    return [
        {"name": one.key.name, "key": str(one.key), "time": one.time}
        for one in signed_by
    ]


@contextmanager
def _opened(database: str | None, home: Path) -> Iterator[Store]:
    if database is None:
        has_settings = (home / SETTINGS_FILE).exists()
        file = home.absolute() / "holdfast.sqlite"
        database = home_at(home).store_url if has_settings else f"sqlite://{file}"
    with closing(open_store(database, create=False)) as store:
        yield store


@contextmanager
def _bar(what: str, *, quiet: bool) -> Iterator[Told]:
    """Show progress on standard error, where a person looks at it."""
    shown = progress_console()
    hidden = quiet or not shown.is_terminal
    with Progress(console=shown, transient=True, disable=hidden) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise _unusable(path, "read", fault) from None


def _read_text(path: Path) -> str:
    return _read(path).decode(errors="replace")


def _unusable(path: Path, verb: str, fault: OSError) -> HoldfastError:
    return StoreError(
        f"the file cannot be {verb}: {fault.strerror}",
        "Check the path and its permissions.",
        str(path),
    )
