"""The keys of personal data: one for each row, wrapped under one of the home's own.

A database that was stolen gives nothing without the home's key; a row whose key is
destroyed gives nothing to anybody. Reference and purpose are bound into each seal, so
that no row opens in another's place.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.operations.ports.people import SealedRow
from holdfast.storage.errors import StoreError

KEY_SIZE = 32
NONCE_SIZE = 12
SALT_SIZE = 32


@dataclass(frozen=True, slots=True)
class HomeKeyring:
    """Seals rows under a home's key, which is never shown.

    ``draw`` gives bytes that nobody can guess; only a simulation gives others.
    """

    key: bytes = field(repr=False)
    place: str
    draw: Callable[[int], bytes] = secrets.token_bytes

    def __post_init__(self) -> None:
        if len(self.key) != KEY_SIZE:
            raise StoreError(
                "the key of the personal data is not a key",
                "Its file has 64 hexadecimal digits. Bring back the file of this home, "
                "or that of another node of the same database.",
                self.place,
            )

    def seal(self, reference: str, data: bytes) -> SealedRow:
        """Return the row, under a key drawn for it."""
        own = self.draw(KEY_SIZE)
        return SealedRow(
            reference,
            self._sealed(self.key, own, _use("key", reference)),
            self._sealed(own, data, _use("data", reference)),
        )

    def open(self, row: SealedRow) -> bytes:
        """Return what was sealed."""
        try:
            own = _opened(self.key, row.key, _use("key", row.reference))
            return _opened(own, row.data, _use("data", row.reference))
        except (InvalidTag, ValueError):
            raise StoreError(
                f"the personal data of {row.reference} do not open with this home's "
                "key",
                "Another home's key sealed them, or they were altered. Bring back the "
                "key, or have them restored: holdfast ledger recover.",
                self.place,
            ) from None

    def salt(self) -> bytes:
        """Return bytes that nobody can guess."""
        return self.draw(SALT_SIZE)

    def _sealed(self, key: bytes, data: bytes, use: bytes) -> bytes:
        nonce = self.draw(NONCE_SIZE)
        return nonce + AESGCM(key).encrypt(nonce, data, use)


def _opened(key: bytes, sealed: bytes, use: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], use)


def _use(what: str, reference: str) -> bytes:
    return f"holdfast person {what}: {reference}".encode()
