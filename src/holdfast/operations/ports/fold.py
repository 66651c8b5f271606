"""Where a node keeps its fold, so that a start need not read the whole log again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from holdfast.domain.state import State
from holdfast.ledger.merkle import Frontier


@dataclass(frozen=True, slots=True)
class Fold:
    """The state after some entries, and the front of the tree over those very entries.

    The front is made from the bytes that were folded, not from what a store says of
    them: so a fold of entries that were altered belongs to no log.
    """

    state: State
    front: Frontier


class FoldCache(Protocol):
    """Keeps a fold. It is a convenience: it may forget, and it never fails."""

    def load(self) -> Fold | None:
        """Return the kept fold, if it is of the store's own log and of this code.

        That is so where the leaf hashes that the store has lead to the fold's root.
        """
        ...

    def keep(self, fold: Fold) -> None:
        """Keep the fold instead of the one before, if it can be kept."""
        ...
