"""Writes the pack for the day on which Holdfast is dead, anew after each change.

It follows from the ledger (who holds which role, what comes first, the runbooks), from
what is kept of people, and from where the operator put things (`Places`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.domain.events.people import PackWritten
from holdfast.domain.state import State
from holdfast.errors import HoldfastError
from holdfast.evidence.pack import (
    Pack,
    render_text,
)
from holdfast.evidence.pack_page import render_page
from holdfast.evidence.pack_places import Places
from holdfast.evidence.pack_sections import sections_of
from holdfast.journal import Fact
from holdfast.operations.log import Log
from holdfast.operations.ports.clock import Clock

TRY_EVERY = timedelta(minutes=5)
_DETAIL_MAX = 300


class PackPlace(Protocol):
    """Where the pack is put. Raises `HoldfastError` for what prevents it."""

    @property
    def name(self) -> str:
        """Its address."""
        ...

    def put(self, page: str, text: str) -> None:
        """Put the newest pack in the place of the one before."""
        ...


@dataclass(slots=True)
class Packer:
    """Keeps the pack up to date. Not for several threads at once."""

    log: Log
    clock: Clock
    places: Callable[[], Places]
    targets: Sequence[PackPlace]
    written: str | None = None
    failed: bool = False
    tried_at: datetime | None = None

    def is_due(self, state: State) -> bool:
        """Say whether anything changed that it tells, or it is to be tried again."""
        if not self.targets or state.adopted.catalogue is None:
            return False
        if self.failed and self.tried_at is not None:
            return self.clock.now() - self.tried_at >= TRY_EVERY
        return _revision(state) != self.written

    def keep(self) -> Sequence[Fact]:
        """Write it; return the fact, if it is news."""
        state, self.tried_at = self.log.state(), self.clock.now()
        event = self.write(state)
        self.failed, self.written = bool(event.failed), event.revision
        known = state.pack
        same = known and (known.revision, known.written, known.failed) == (
            event.revision, event.written, event.failed,
        )  # fmt: skip
        return () if same else [Fact(event, event.at)]

    def write(self, state: State) -> PackWritten:
        """Write it everywhere; return where that succeeded, and where not."""
        now = self.clock.now()
        written, failed = [], []
        try:
            pack = pack_of(self.log, self.places(), now)
            page, text = render_page(pack), render_text(pack)
        except HoldfastError as fault:
            failed = [f"{one.name}: {fault}"[:_DETAIL_MAX] for one in self.targets]
            return PackWritten(_revision(state), state.size, (), tuple(failed), now)
        for target in self.targets:
            try:
                target.put(page, text)
                written.append(target.name)
            except HoldfastError as fault:
                failed.append(f"{target.name}: {fault}"[:_DETAIL_MAX])
        return PackWritten(
            _revision(state), state.size, tuple(written), tuple(failed), now
        )


def _revision(state: State) -> str:
    """Return what changes when the pack does: adoptions, erasures and keys."""
    adopted = state.adopted
    texts = (adopted.policy, adopted.overlay, adopted.catalogue)
    parts = [one.key if one else "" for one in texts]
    parts += sorted(f"{one.runbook} {one.digest}" for one in adopted.runbooks.values())
    parts += sorted(state.erasures.keys())
    parts += [f"{change.key} {index}" for change, index in state.custody.changes]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def pack_of(log: Log, places: Places, now: datetime) -> Pack:
    """Return the pack as of now.

    Raises `HoldfastError` before anything is adopted, or without the people's key.
    """
    state = log.state()
    rules = log.rules(state)
    if rules is None:
        raise HoldfastError(
            "nothing is adopted yet: there is nobody to call",
            "Adopt the resilience folder first: holdfast policy adopt FOLDER.",
        )
    people = {name: kept.contact for name, kept in log.people.all().items()}
    runbooks = {
        name: text.decode() if text is not None else None
        for name, one in state.adopted.runbooks.items()
        for text in [log.store.blob(one.digest)]
    }
    catalogue = rules.catalogue
    sections = sections_of(catalogue, people, runbooks, places)
    return Pack(catalogue.company, state.size, now, sections)
