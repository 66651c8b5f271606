"""Where the commands over a log find it: a folder, an address, or the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer
from rich.progress import Progress

from holdfast.cli.common import console, home_at, progress_console
from holdfast.errors import HoldfastError
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import Verified, VerifierKey, parse_verifier_key
from holdfast.ledger.spans import Reader, Share
from holdfast.ledger.verify import Progress as Told
from holdfast.operations.ports.store import Store
from holdfast.settings import FILE as SETTINGS_FILE
from holdfast.settings import read_private
from holdfast.sources.tile_log import SCHEMES, HttpLog
from holdfast.storage.errors import StoreError
from holdfast.storage.folder import KEY_PATH, Folder
from holdfast.storage.opening import open_store
from holdfast.storage.sharing import cores, fetchers
from holdfast.storage.targets import BUCKETS, credentials_of, open_target

HOME_KEY = "ledger.vkey"

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
CredentialsOption = Annotated[
    Path | None,
    typer.Option("--credentials", help="A bucket's credentials: a TOML file."),
]


@dataclass(frozen=True, slots=True)
class Place:
    """A published log: how it is read, the signed sizes that it lists, and its name.

    ``sizes`` is ``None`` where files cannot be listed: plain HTTP has no such thing.
    """

    name: str
    reader: Reader
    sizes: Sequence[int] | None
    near: bool

    def share(self) -> AbstractContextManager[Share]:
        """Give what checks it: cores where it is near, else threads that wait."""
        return cores() if self.near else fetchers()

    def key_beside(self) -> str | None:
        """Return the verifier key that lies in the log itself."""
        data = self.reader.read(KEY_PATH)
        return None if data is None else data.decode(errors="replace")


def place_of(target: str, credentials: Path | None = None) -> Place:
    """Return the published log at a folder or an address."""
    scheme, place = _parts(target) if "://" in target else ("", target)
    if scheme in SCHEMES:
        log = HttpLog(target)
        return Place(log.name, log, None, near=False)
    if scheme in BUCKETS:
        text = read_private(credentials) if credentials else ""
        bucket = open_target(target, credentials_of(text))
        return Place(bucket.name, bucket, bucket.signed_sizes(), near=False)
    if scheme not in ("", "file"):
        raise _no_address(scheme)
    path = Path(place)
    if not path.is_dir():
        raise StoreError(
            "there is no such folder",
            "Name the folder of a published log.",
            str(path),
        )
    folder = Folder(path)
    return Place(str(path), folder, folder.signed_sizes(), near=True)


def _parts(address: str) -> tuple[str, str]:
    """Return scheme and path of an address; what is none is told."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # Which is read only now, and may be no number.
    except ValueError:
        raise _no_address(address.partition("://")[0]) from None
    return parts.scheme, unquote(parts.path)


def _no_address(scheme: str) -> StoreError:
    return StoreError(
        "not the address of a published log",
        "Name a folder, or an address: https://, file://, s3://, gs:// or az://.",
        f"{scheme}://…",
    )


def address_of(database: str | None, home: Path) -> str:
    """Return the address of the home's store, or of the one that was given."""
    if database is not None:
        return database
    has_settings = (home / SETTINGS_FILE).exists()
    file = home.absolute() / "holdfast.sqlite"
    return home_at(home).store_url if has_settings else f"sqlite://{file}"


@contextmanager
def opened(database: str | None, home: Path) -> Iterator[Store]:
    """Open the store for reading."""
    with closing(open_store(address_of(database, home), create=False)) as store:
        yield store


def keys_of(
    key: str | None, default: Path | None
) -> tuple[tuple[VerifierKey, ...], bool]:
    """The keys given, one a line; or the default file's, and that it was that."""
    if key is None:
        if default is None or not default.is_file():
            return (), False
        return read_keys(default), True
    if is_file(key):
        return read_keys(Path(key)), False
    if "+" not in key:
        # It is not quoted: what was meant as a key may be a private one.
        raise StoreError(
            "neither a verifier key nor a file that is there",
            "Give the verifier key, name+8 hex digits+base64, or a file that holds it.",
        )
    return parse_keys(key), False


def read_keys(path: Path) -> tuple[VerifierKey, ...]:
    """Read a file of verifier keys, one a line; what else it holds is never shown."""
    with blamed_on(str(path)):
        return parse_keys(read_file(path).decode(errors="replace"))


@contextmanager
def blamed_on(where: str) -> Iterator[None]:
    """Let faults of a log, a note or a proof name the place that they lie in."""
    try:
        yield
    except LedgerError as fault:
        fault.where = f"{where} {fault.where}".strip()
        raise


def is_file(text: str) -> bool:
    """Say whether a word names something that is there."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False  # No path at all: too long, or with a zero byte.


def parse_keys(text: str) -> tuple[VerifierKey, ...]:
    """Read verifier keys, one a line."""
    lines = [line for line in text.splitlines() if line.strip()]
    # An empty file is a broken key, not the absence of one.
    return tuple(parse_verifier_key(line) for line in lines or [""])


def say(*lines: str) -> None:
    """Print lines for people."""
    out = console()
    for line in lines:
        # Names in a log are its writer's: they must not colour our words.
        out.print(line, markup=False)


def signers(signed_by: Sequence[Verified]) -> list[dict[str, object]]:
    """Return who signed, as JSON shows it."""
    return [
        {"name": one.key.name, "key": str(one.key), "time": one.time}
        for one in signed_by
    ]


@contextmanager
def bar(what: str, *, quiet: bool) -> Iterator[Told]:
    """Show progress on standard error, where a person looks at it."""
    shown = progress_console()
    hidden = quiet or not shown.is_terminal
    with Progress(console=shown, transient=True, disable=hidden) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def read_file(path: Path) -> bytes:
    """Return a file's bytes; what goes wrong is told in words."""
    try:
        return path.read_bytes()
    except OSError as fault:
        raise unusable(path, "read", fault) from None


def unusable(path: Path, verb: str, fault: OSError) -> HoldfastError:
    """Return the error of a file that cannot be used."""
    return StoreError(
        f"the file cannot be {verb}: {fault.strerror}",
        "Check the path and its permissions.",
        str(path),
    )
