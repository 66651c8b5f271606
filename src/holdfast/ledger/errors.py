"""What can be wrong with a log's bytes: one error for the whole room."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class LedgerError(HoldfastError):
    """Bytes of a log are malformed, or do not agree with each other.

    ``where`` names the tile, the entry or the bytes of the note that are at fault.
    """
