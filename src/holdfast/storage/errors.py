"""What can go wrong with a store, told with a way out."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class StoreError(HoldfastError):
    """The store could not be opened, read or written; ``where`` names it.

    After a failed write nothing of it is stored, or (where the connection broke while
    the commit was under way) all of it: repeat it, since its keys make that harmless.
    """
