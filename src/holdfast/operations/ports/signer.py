"""Who holds the log's private key."""

from __future__ import annotations

from typing import Protocol

from holdfast.errors import HoldfastError


class SignerError(HoldfastError):
    """Whoever holds the key did not sign, or not rightly; asked again, it may."""


class Signer(Protocol):
    """Holds the log's private key; signs checkpoint texts."""

    name: str
    verifier_key: str

    def sign(self, text: str) -> bytes:
        """Return the signed note of a checkpoint's text.

        Returns within its own deadline, or raises `SignerError`: nothing is signed
        then, and everything else goes on.
        """
        ...
