"""Verifies the log in full, from its entries, and records the result."""

from __future__ import annotations

import base64
from collections.abc import Callable

from holdfast.domain.events.governance import LedgerChecked
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger import merkle
from holdfast.operations.ports.store import Store
from holdfast.operations.world import World

READ_AT_ONCE = 1_000


class MissingError(HoldfastError):
    """The store has fewer entries than it says."""


def check_ledger(
    world: World, progress: Callable[[int, int], None] | None = None
) -> LedgerChecked:
    """Recompute the whole log from its entries, and record the result."""
    size, root = world.store.root()
    try:
        detail = "the root differs"
        ok = _recompute(world.store, size, progress) == root
    except MissingError as fault:
        detail, ok = str(fault), False
    event = LedgerChecked(
        size=size,
        root=base64.b64encode(root).decode(),
        ok=ok,
        scope="database",
        detail=f"{size:,} entries verified" if ok else detail,
        at=world.clock.now(),
    )
    world.log.record([Fact(event, event.at)])
    return event


def record_signing(world: World) -> LedgerChecked | None:
    """Record that the log is not signed any more and why, or that it is again.

    Recorded once for each turn, and again with every verification while it lasts, so
    that a refusal never ages out of the standing.
    """
    refusal = world.notary.refusal
    known = {c.scope: c for c, _ in world.log.state().ledger_checks}.get("signing")
    mended = known is not None and not known.ok and world.notary.signs
    if refusal is None and not mended:
        return None
    size, root = world.store.root()
    event = LedgerChecked(
        size=size,
        root=base64.b64encode(root).decode(),
        ok=refusal is None,
        scope="signing",
        detail="checkpoints are signed again" if refusal is None else str(refusal),
        at=world.clock.now(),
    )
    world.log.record([Fact(event, event.at)])
    return event


def _recompute(
    store: Store, size: int, progress: Callable[[int, int], None] | None
) -> bytes:
    frontier = merkle.Frontier()
    done = 0
    while done < size:
        entries = store.read(done, min(done + READ_AT_ONCE, size))
        if not entries:
            raise MissingError(
                f"entry {done} of {size} is missing",
                "The database has lost entries; restore it from the off-site copy.",
            )
        frontier = frontier.extend(merkle.leaf_hashes(entries))
        done += len(entries)
        if progress is not None:
            progress(done, size)
    return frontier.root()
