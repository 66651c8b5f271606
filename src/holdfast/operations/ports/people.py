"""Personal data as the use cases need them kept: sealed rows that can be destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SealedRow:
    """What is kept of one person or customer, unreadable without the home's key.

    ``reference`` is the one that entries use ("person:ana", "customer:c17"). ``key`` is
    the row's own key, wrapped under the home's; ``data`` is sealed under that key, so
    that destroying either destroys what was known.
    """

    reference: str
    key: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class PersonalChange:
    """What becomes of the erasable table, in one transaction with the entries.

    Rows of ``keep`` replace those of the same reference, those of ``erase`` are gone,
    and so are the blobs of ``texts``, which hold what may no longer be kept.
    """

    keep: tuple[SealedRow, ...] = ()
    erase: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


class Keyring(Protocol):
    """Seals rows under keys of their own; whoever has only the store opens none."""

    def seal(self, reference: str, data: bytes) -> SealedRow:
        """Return the row, under a key that nothing else uses."""
        ...

    def open(self, row: SealedRow) -> bytes:
        """Return what was sealed.

        Raises `HoldfastError` for another home's key, or altered bytes.
        """
        ...

    def salt(self) -> bytes:
        """Return bytes that nobody can guess."""
        ...
