"""What can go wrong with a store, told with a way out."""

from __future__ import annotations

from holdfast.errors import HoldfastError

CLOSED = "the log is closed"
CLOSED_WORDS = (
    f"{CLOSED}: nothing is recorded or delivered by it any more",
    "Point the settings at the log that goes on from it: see compromised-key.md.",
)


class StoreError(HoldfastError):
    """The store could not be opened, read or written; ``where`` names it.

    After a failed write nothing of it is stored, or (where the connection broke while
    the commit was under way) all of it: repeat it, since its keys make that harmless.
    """
