"""Brings personal data back from their backup, for a log that was recovered before.

The log decides: whom it erased stays erased, whom its catalogue in force does not name
is left out, and a contact that is not the one committed to is told. The newest backup
that is whole and of this very log is taken; others are named, not believed.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.domain.separation import commitments_of
from holdfast.errors import HoldfastError
from holdfast.ledger.merkle import Frontier
from holdfast.operations.keeping import Backup, Manifest
from holdfast.operations.log import Log
from holdfast.operations.people import SETTINGS, Kept
from holdfast.operations.ports.store import Store
from holdfast.storage.errors import StoreError
from holdfast.storage.personal import PersonalPlace, WrongEscrowError, unseal

READ_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back, and what did not.

    ``manifest`` is that of the backup taken, if there was one. ``missing`` are those
    that the catalogue in force names and of whom nothing is kept; ``older`` those whose
    contact is another than was adopted. ``ignored`` says why a backup was not taken.
    """

    manifest: Manifest | None
    rows: int
    missing: tuple[str, ...]
    older: tuple[str, ...]
    ignored: tuple[str, ...]
    settings: Mapping[str, str]


def restore_people(log: Log, place: PersonalPlace | None, origin: str) -> Returned:
    """Bring back what the log's catalogue in force names, but for who was erased.

    Raises `StoreError` where there are backups and none can be taken.
    """
    state = log.state()
    # Before anything is read: what an erasure destroyed comes back to nobody.
    log.people.replay(state.erasures)
    backup, ignored = _newest(log.store, place, origin) if place else (None, ())
    rules = log.rules(state)
    if rules is None:
        return Returned(None, 0, (), (), ignored, {})
    rows = dict(backup.rows) if backup else {}
    wanted = commitments_of(rules.catalogue)
    held = _held(log, wanted)
    fresh = {
        name: rows[name]
        for name, commitment in wanted.items()
        if name in rows and not _fits(held.get(name), name, commitment)
    }
    settings = {name: text for name, text in rows.items() if name.startswith(SETTINGS)}
    if fresh or settings:
        rows_back = list({**fresh, **settings}.items())
        log.record([], personal=log.people.change_to(rows_back, ()))
    # A row that does not open stays: its key may yet be found.
    known = _held(log, wanted)
    older = [n for n in wanted if n in known and not _fits(known[n], n, wanted[n])]
    return Returned(
        manifest=backup.manifest if backup else None,
        rows=len(fresh),
        missing=tuple(sorted(wanted.keys() - known.keys())),
        older=tuple(sorted(older)),
        ignored=ignored,
        settings=settings,
    )


def _held(log: Log, wanted: Mapping[str, str]) -> dict[str, Kept]:
    """Return what is here already and opens with this home's key."""
    held = {}
    for name in wanted:
        try:
            kept = log.people.kept(name)
        except HoldfastError:
            continue  # Sealed by a key that was lost with its machine.
        if kept is not None:
            held[name] = kept
    return held


def _fits(kept: Kept | None, reference: str, commitment: str) -> bool:
    return kept is not None and kept.commitment(reference) == commitment


def _newest(
    store: Store, place: PersonalPlace, origin: str
) -> tuple[Backup | None, tuple[str, ...]]:
    """Return the newest backup that is whole and of this log, and why others are not.

    Raises `StoreError` where there are some and none is.
    """
    ignored: list[str] = []
    wrong: StoreError | None = None
    for name, data in place.files():
        where = f"{place.name}/{name}"
        try:
            backup = unseal(place.escrow, data, where)
        except WrongEscrowError as fault:
            wrong = wrong or fault
            ignored.append(f"{name}: {fault.message}")
            continue
        except StoreError as fault:
            ignored.append(f"{name}: {fault.message}")
            continue
        fault_of = _not_of(store, backup.manifest, origin)
        if fault_of is None:
            return backup, tuple(ignored)
        ignored.append(f"{name}: {fault_of}")
    if wrong is not None:
        raise wrong
    if ignored:
        raise StoreError(
            f"no backup of the personal data can be taken: {'; '.join(ignored)}",
            "The log is recovered. Bring a whole backup of this very log, and run the "
            "same command again; or adopt the catalogue anew from its folder.",
            place.name,
        )
    return None, ()


def _not_of(store: Store, manifest: Manifest, origin: str) -> str | None:
    """Return why a backup is not of this log, or nothing if it is."""
    if manifest.origin != origin:
        return f"it belongs to another log, {manifest.origin}"
    if manifest.size > store.size():
        return (
            f"it belongs to {manifest.size} entries of the log, and there are "
            f"{store.size()}: look for a newer copy"
        )
    if base64.b64encode(_root_at(store, manifest.size)).decode() != manifest.root:
        return "it belongs to another history of this log"
    return None


def _root_at(store: Store, size: int) -> bytes:
    frontier = Frontier()
    while frontier.size < size:
        stop = min(frontier.size + READ_AT_ONCE, size)
        frontier = frontier.extend(store.leaf_hashes(frontier.size, stop))
    return frontier.root()
