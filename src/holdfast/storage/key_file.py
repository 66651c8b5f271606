"""A log's private key as a text: in a file, a credential of systemd, or a variable.

Two lines: the log's origin, and the 64 hexadecimal digits of the Ed25519 seed. No error
ever shows what the text holds.
"""

from __future__ import annotations

import os
import re
import stat
from functools import cache
from pathlib import Path

from holdfast.ledger.checkpoint import Signer
from holdfast.ledger.note import is_name
from holdfast.storage.errors import StoreError

LINES = 2
CREDENTIALS = "CREDENTIALS_DIRECTORY"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SEED = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_FORM = "A key has two lines: the log's origin, and 64 hexadecimal digits."
_MAKE = "Make one with `holdfast ledger key create FILE --origin ORIGIN`."


class KeyMissingError(StoreError):
    """There is no key where it should be: in a terminal, only the node may have it."""


def parse_key(text: str, where: str) -> Signer:
    """Read a key's text; each line that is not in form has its own message."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if not lines or not lines[0].strip():
        raise StoreError("the key's first line, the origin, is empty", _FORM, where)
    if not is_name(lines[0]):
        raise StoreError(
            "the key's first line is no origin: it has a space, a plus sign or a "
            "control character",
            "Write the origin as an address without https://: example.com/log.",
            f"{where} line 1",
        )
    if len(lines) < LINES:
        raise StoreError("the key has no second line", _FORM, f"{where} line 2")
    if len(lines) > LINES:
        raise StoreError(
            f"the key has {len(lines)} lines and not two", _FORM, f"{where} line 3"
        )
    if not _SEED.fullmatch(lines[1]):
        signs = len(lines[1])
        raise StoreError(
            f"the key's second line is not 64 hexadecimal digits: {signs} signs",
            _FORM,
            f"{where} line 2",
        )
    return Signer(lines[0], bytes.fromhex(lines[1]))


def key_of_file(path: Path) -> Signer:
    """Read a key file that nobody but this process's user may read."""
    return parse_key(_read(path, private=True), str(path))


def key_of_credential(name: str) -> Signer:
    """Read a key that systemd handed over (`LoadCredential=`), by its name."""
    folder = os.environ.get(CREDENTIALS)
    if not folder:
        raise KeyMissingError(
            f"the credential {name} is not there: {CREDENTIALS} is not set",
            f"Start Holdfast by a systemd unit with LoadCredential={name}:FILE.",
            name,
        )
    # Who may read there is systemd's to say, by a list that the mode does not show.
    return parse_key(_read(Path(folder) / name, private=False), name)


@cache
def key_of_variable(name: str) -> Signer:
    """Read a key from the environment, once, and take it out of there.

    So no program that Holdfast starts inherits it. Lines may be parted by a space.
    """
    text = os.environ.pop(name, None)
    if not text:
        raise KeyMissingError(
            f"the variable {name} with the log's key is not set",
            "Set it for the node alone, or keep the key in a private file.",
            name,
        )
    return parse_key("\n".join(text.split()), f"variable {name}")


def _read(path: Path, *, private: bool) -> str:
    try:
        status = path.stat()
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyMissingError("there is no key file", _MAKE, str(path)) from None
    except OSError as fault:
        raise StoreError(
            f"the key file cannot be read ({fault.strerror})",
            "It must belong to the user that Holdfast runs as, mode 0600.",
            str(path),
        ) from None
    except UnicodeDecodeError:
        raise StoreError("the key file is not a text", _FORM, str(path)) from None
    if private and status.st_mode & _OTHERS:
        raise StoreError(
            f"the key file may be read by others (mode {status.st_mode & 0o777:04o})",
            f"Make it private: chmod 600 {path}. If others had it, it is compromised: "
            "see compromised-key.md.",
            str(path),
        )
    if private and status.st_uid != os.geteuid():
        raise StoreError(
            f"the key file belongs to another user (uid {status.st_uid})",
            "It must belong to the user that Holdfast runs as, mode 0600.",
            str(path),
        )
    return text
