"""Who holds the log's private key."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """Holds the log's private key; signs checkpoint texts."""

    name: str
    verifier_key: str

    def sign(self, text: str) -> bytes:
        """Return the signed note of a checkpoint's text."""
        ...
