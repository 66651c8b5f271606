"""Where the pack is put: a folder, for the printer; and sealed, off-site.

Off-site it lies with the backups of the personal data, for it holds addresses, too: the
place can forget. The seal is the escrow's.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.personal import PersonalPlace

PAGE, TEXT = "pack.html", "pack.txt"
SEALED = "pack.sealed"
FORM = b"holdfast-pack/v1\n"


@dataclass(frozen=True, slots=True)
class PackFolder:
    """A folder that is there; whoever may read it reads names and addresses."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def put(self, page: str, text: str) -> None:
        """Write both files in the place of those before, private to this account."""
        if not self.path.is_dir():
            raise StoreError(
                "the folder of the pack is not there",
                "Make it once, or mount its disk.",
                self.name,
            )
        for name, content in ((PAGE, page), (TEXT, text)):
            beside = self.path / f".{name}.new"
            try:
                beside.unlink(missing_ok=True)
                handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(self.path / name)
            except OSError as fault:
                raise StoreError(
                    f"the pack cannot be written: {fault.strerror}",
                    "Look at the folder's owner, and whether its disk has room.",
                    str(self.path / name),
                ) from None


@dataclass(frozen=True, slots=True)
class SealedPack:
    """A place of the personal data's backups, that keeps the newest pack as well."""

    place: PersonalPlace

    @property
    def name(self) -> str:
        """Its address without credentials."""
        return f"{self.place.name}/{SEALED}"

    def put(self, page: str, text: str) -> None:
        """Seal both, and put them in the place of those before."""
        data = json.dumps({PAGE: page, TEXT: text}).encode()
        sealed = FORM + self.place.escrow.seal_personal(FORM, data)
        self.place.target.replace(self.place.prefix + SEALED, sealed)


def open_pack(place: PersonalPlace) -> tuple[str, str]:
    """Return page and text of the pack that lies sealed in a place.

    Raises `StoreError` where there is none, and for another escrow key.
    """
    where = f"{place.name}/{SEALED}"
    data = place.target.read(place.prefix + SEALED)
    if data is None:
        raise StoreError(
            "there is no pack",
            "Look at the address: it lies where the personal data are backed up.",
            where,
        )
    opened = _opened(place.escrow, data)
    if opened is None:
        raise StoreError(
            "the pack does not open",
            "Another escrow key sealed it, or it was altered: give the key from the "
            "safe with --escrow-key FILE.",
            where,
        )
    found = json.loads(opened)
    return found[PAGE], found[TEXT]


def _opened(escrow: Escrow, data: bytes) -> bytes | None:
    if not data.startswith(FORM):
        return None
    return escrow.open_personal(FORM, data[len(FORM) :])
