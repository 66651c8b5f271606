"""A home's log for reading, and for what people record: no key, no engine."""

from __future__ import annotations

import zoneinfo
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from holdfast.assembly.keys import keyring_of, signer_of
from holdfast.errors import HoldfastError
from holdfast.operations.authority import SignIn
from holdfast.operations.log import Log
from holdfast.operations.ports.store import Store
from holdfast.operations.respond import Desk
from holdfast.operations.window import Window
from holdfast.settings import Home
from holdfast.storage.fold_cache import FoldFile
from holdfast.storage.key_file import KeyMissingError
from holdfast.storage.opening import kept_open, open_store
from holdfast.storage.unfinished import is_unfinished

# Business time must not depend on what the machine's own tables say: the version that
# is adopted is the one of the locked package.
zoneinfo.reset_tzpath(())

FOLD = "ledger.fold"
# What a recovery keeps here until it is over.
RECOVERING = "ledger.recovering"
# A recovery leaves it for the first node that starts: open jobs are to be given up.
RECOVERED = "ledger.recovered"


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Reader:
    """A view of a home's log without keys: for terminals and reports."""

    home: Home
    store: Store
    log: Log
    window: Window

    def desk(self, person: str, signed: SignIn | None = None) -> Desk:
        """Return a desk under the person's name, and how they signed in."""
        return Desk(self.log, SystemClock(), person, signed)


def open_log(home: Home, *, create: bool = False) -> Reader:
    """Open the home's store for reading and for what people record."""
    with kept_open(open_store(home.store_url, create=create)) as store:
        require_whole(home.folder, store)
        clock = SystemClock()
        log = log_of(home, store, clock)
        return Reader(home, store, log, Window(log, clock, None, _origin_of(home)))


def log_of(home: Home, store: Store, clock: SystemClock) -> Log:
    """Return the node's log over the store, with what it folded before."""
    cache = FoldFile(home.folder / FOLD, store)
    keyring = partial(keyring_of, home, store)
    return Log(store, home.settings.node, clock, keyring, cache)


def require_whole(folder: Path, store: Store) -> None:
    """Refuse to work on what a recovery left that was cut off.

    A log without an entry is no log to begin where one is to be recovered: its key
    would sign a second history.
    """
    begun = (folder / RECOVERING).exists() and store.size() == 0
    if begun or is_unfinished(store):
        raise HoldfastError(
            "the log is not whole: its recovery was cut off",
            "Run holdfast ledger recover again, as before: it goes on where it was.",
            str(folder),
        )


def require_in_use(log: Log) -> None:
    """Refuse to work on a log that was closed, or that is not whole yet."""
    custody = log.state().custody
    if not custody.carried:
        raise HoldfastError(
            "the log goes on from another one, and not all of that is here yet",
            "Run holdfast ledger succeed again: it goes on where it was cut off.",
        )
    if custody.closed is not None:
        closed = custody.closed
        raise HoldfastError(
            f"the log {closed.origin} was closed by {closed.by}: {closed.reason}",
            "Name the database and the key of the log that goes on from it.",
        )


def _origin_of(home: Home) -> str:
    with suppress(KeyMissingError):
        return signer_of(home).name
    return ""
