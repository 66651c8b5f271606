"""Evidence beside the off-site log, sealed under a key that lies in escrow elsewhere.

The log itself says nothing secret; the adopted texts name people. Name and bytes of a
sealed text both follow from key and text alone, so that publishing it again is
harmless, and neither tells an onlooker which text it is.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from holdfast.storage.errors import StoreError

KEY_SIZE = 32
_NONCE = 12


class Escrow:
    """Seals and opens evidence. The key is never shown.

    ``id`` tells one key from another, and nothing about either.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise StoreError(
                "the escrow key is not a key",
                "Its file has 64 hexadecimal digits: holdfast ledger escrow makes one.",
            )
        self.id = _derived(key, b"holdfast escrow: id")[:8].hex()
        self._seal = AESGCM(_derived(key, b"holdfast evidence: seal"))
        self._personal = AESGCM(_derived(key, b"holdfast personal: seal"))
        self._names = _derived(key, b"holdfast evidence: name")
        self._nonces = _derived(key, b"holdfast evidence: nonce")

    def path(self, digest: str) -> str:
        """Return where the evidence of that digest is published."""
        name = hmac.digest(self._names, digest.encode(), "sha256").hex()
        return f"evidence/{name}"

    def seal(self, digest: str, data: bytes) -> bytes:
        """Return the sealed bytes; the same ones for the same text."""
        # One digest stands for one text, so that no nonce serves two.
        nonce = hmac.digest(self._nonces, digest.encode(), "sha256")[:_NONCE]
        return nonce + self._seal.encrypt(nonce, data, digest.encode())

    def seal_personal(self, head: bytes, data: bytes) -> bytes:
        """Return a backup's sealed bytes, bound to its head."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._personal.encrypt(nonce, data, head)

    def open_personal(self, head: bytes, sealed: bytes) -> bytes | None:
        """Return what a backup holds; ``None`` for another key or altered bytes."""
        try:
            return self._personal.decrypt(sealed[:_NONCE], sealed[_NONCE:], head)
        except (InvalidTag, ValueError):
            return None

    def open(self, digest: str, sealed: bytes) -> bytes:
        """Return the text; raises `StoreError` for another key or altered bytes."""
        try:
            nonce, body = sealed[:_NONCE], sealed[_NONCE:]
            data = self._seal.decrypt(nonce, body, digest.encode())
        except (InvalidTag, ValueError):
            raise StoreError(
                "the sealed evidence does not open",
                "Another escrow key, or altered bytes: try the key from escrow.",
                self.path(digest),
            ) from None
        if digest != f"sha256:{hashlib.sha256(data).hexdigest()}":
            raise StoreError(
                "the sealed evidence is another text than the log names",
                "Keep it, and look for the text in another copy.",
                self.path(digest),
            )
        return data


def _derived(key: bytes, use: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_SIZE, salt=None, info=use).derive(key)
