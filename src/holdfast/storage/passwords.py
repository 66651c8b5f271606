"""Local passwords: argon2 hashes from the settings, checked at an even cost.

A user who does not exist costs the same work as one who does, so that the time of an
answer tells nobody which names are known. Few checks run at once: each takes tens of
megabytes, and a flood of sign-ins must not take the node's memory.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from holdfast.errors import HoldfastError

_AT_ONCE = 2
_PATIENCE_SECONDS = 10


def hash_password(password: str) -> str:
    """Return the hash that the settings keep in place of the password."""
    return PasswordHasher().hash(password)


class Passwords:
    """Checks a user's password against the hashes of the settings."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        """Take the hashes.

        Raises `HoldfastError` where one of them is no argon2 hash.
        """
        self._hashes = dict(hashes)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._decoy = _decoy(self._hashes)

    def check(self, user: str, password: str) -> bool:
        """Say whether this is the user's password.

        Raises `HoldfastError` when too many others are signing in at the moment.
        """
        if not self._slots.acquire(timeout=_PATIENCE_SECONDS):
            raise HoldfastError(
                "too many people are signing in at once", "Try again in a minute."
            )
        try:
            matches = _matches(self._hashes.get(user, self._decoy), password)
        finally:
            self._slots.release()
        return matches and user in self._hashes

    def fingerprint(self, user: str) -> str | None:
        """Return what changes when the user's password does; None if unknown."""
        stored = self._hashes.get(user)
        return hashlib.sha256(stored.encode()).hexdigest()[:16] if stored else None


def _decoy(hashes: Mapping[str, str]) -> str:
    """Hash nothing in particular, with the parameters that the real hashes have."""
    hasher = PasswordHasher()
    for user, stored in hashes.items():
        try:
            hasher = PasswordHasher.from_parameters(extract_parameters(stored))
        except InvalidHashError as error:
            raise HoldfastError(
                f"the password hash of {user} is no argon2 hash",
                "Make one with `holdfast init` and put it in the settings.",
            ) from error
    return hasher.hash("nobody's password")


def _matches(stored: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
