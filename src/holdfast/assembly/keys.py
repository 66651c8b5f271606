"""Keys: made once, kept private, and read from a home folder's files."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from holdfast.domain.memory.custody import keys_in_force
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Signer, SigningKey
from holdfast.ledger.note import VerifierKey, parse_verifier_key
from holdfast.operations.log import Log
from holdfast.operations.ports.people import Keyring
from holdfast.operations.ports.store import Store
from holdfast.operations.signing import Ring
from holdfast.settings import FILE, Home, KeyAt, RunnerHome, read_private
from holdfast.sources.signing_command import SigningCommand
from holdfast.storage.escrow import KEY_SIZE, Escrow
from holdfast.storage.key_file import key_of_credential, key_of_file, key_of_variable
from holdfast.storage.keyring import HomeKeyring

SEED_BYTES = 32


class FileExistsHereError(HoldfastError):
    """A private file is there already; it is never overwritten."""


def signer_of(home: Home, log: Log | None = None) -> Ring:
    """Return what signs the home's log; with the log, by the keys that it names."""
    settings = home.settings
    places = [settings.key, *([settings.next_key] if settings.next_key else [])]
    in_force = None
    if log is not None:

        def in_force(size: int) -> Sequence[str]:
            return keys_in_force(log.state().custody, size)

    return Ring([holder_of(home, at) for at in places], in_force)


def holder_of(home: Home, at: KeyAt) -> SigningKey:
    """Return who holds the key at that place."""
    if at.command is not None:
        assert at.public is not None
        return SigningCommand(at.command, parse_verifier_key(at.public), at.timeout)
    if at.env is not None:
        return key_of_variable(at.env)
    if at.credential is not None:
        return key_of_credential(at.credential)
    assert at.file is not None
    return key_of_file(home.path(at.file))


def log_keys_of(home: RunnerHome) -> list[VerifierKey]:
    """Return the log's public keys, as the runner was given them."""
    path = home.path(home.settings.log_key)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HoldfastError(
            f"the log's public key cannot be read ({type(error).__name__})",
            "Copy ledger.vkey from the node's home, and name it as log_key.",
            str(path),
        ) from error
    return [parse_verifier_key(line) for line in lines if line.strip()]


def create_key(path: Path, origin: str) -> str:
    """Create a log's private key; return the public key that verifies it."""
    seed = secrets.token_bytes(SEED_BYTES)
    signer = Signer(origin, seed)
    write_private(path, f"{origin}\n{seed.hex()}\n")
    return signer.verifier_key


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; one that exists is refused.

    It has its name only once it is whole and on the disk: half a key that a crash left
    would be refused for good.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as fault:
        fault.filename = str(path)
        raise
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError as error:
        raise FileExistsHereError(
            f"{path} exists already", "Holdfast never overwrites a key."
        ) from error
    finally:
        draft.unlink()


def escrow_of(text: str) -> Escrow:
    """Return the escrow of a key file's text."""
    try:
        return Escrow(bytes.fromhex(text.strip()))
    except ValueError:
        return Escrow(b"")  # Which says what the file should hold.


def create_escrow_key(path: Path) -> None:
    """Create the key that seals evidence off-site."""
    write_private(path, f"{secrets.token_hex(KEY_SIZE)}\n")


def require_people_key(folder: Path, store: Store) -> None:
    """Refuse a folder whose key does not open the personal data that the store has.

    Raises `HoldfastError`; what another key sealed is sealed anew only on request.
    """
    rows, path = store.people(), _people_key(folder)
    if not rows:
        return
    hint = (
        "Bring people.key from another node of this database, or from the safe. Only "
        "where it is lost everywhere: --new-people-key seals the data anew, from their "
        "backup, and no home with another key opens them after that."
    )
    if not path.exists():
        message = "the key of the personal data in the database is not here"
        raise HoldfastError(message, hint, str(path))
    keyring = _keyring_at(path)
    for row in rows:
        try:
            keyring.open(row)
        except HoldfastError as fault:
            raise HoldfastError(fault.message, hint, str(path)) from None


def _people_key(folder: Path) -> Path:
    if not (folder / FILE).exists():
        return folder / "people.key"
    home = Home(folder)
    return home.path(home.settings.people_key)


def recovered_keyring(folder: Path) -> Keyring:
    """Return the keys of personal data on a machine that may have none yet."""
    path = _people_key(folder)
    with suppress(FileExistsHereError):
        write_private(path, f"{secrets.token_hex(KEY_SIZE)}\n")
    return _keyring_at(path)


def keyring_of_runner(home: RunnerHome) -> Keyring:
    """Return the keys of personal data that the runner was given to back them up.

    Raises `HoldfastError` where it was not.
    """
    path = home.path(home.settings.people_key)
    if not path.exists():
        raise HoldfastError(
            "the runner has no key of the personal data, and cannot back them up",
            "Copy people.key from the node's home, private to the runner's account.",
            str(path),
        )
    return _keyring_at(path)


def keyring_of(home: Home, store: Store) -> Keyring:
    """Return the keys of the home's personal data; made before there are any.

    Raises `HoldfastError` where rows are kept and their key is gone.
    """
    path = home.path(home.settings.people_key)
    if not path.exists():
        if store.people():
            raise HoldfastError(
                "the key of the personal data is gone",
                "Bring it back from the safe, or from another node of this database; "
                "or have the data restored: holdfast ledger recover.",
                str(path),
            )
        with suppress(FileExistsHereError):
            write_private(path, f"{secrets.token_hex(KEY_SIZE)}\n")
    return _keyring_at(path)


def _keyring_at(path: Path) -> Keyring:
    try:
        key = bytes.fromhex(read_private(path))
    except ValueError:
        key = b""  # Of which the keyring says what the file should hold.
    return HomeKeyring(key, str(path))
