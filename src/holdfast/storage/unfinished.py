"""The note in a database that its recovery is not over: no node may act on it.

It is a text beside the log, so that it is there before the first entry is written, goes
wherever the database goes, and is seen by every node that shares it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import Store

NOTE = b"holdfast: this log is being recovered, and is not whole yet\n"
_DIGEST = f"sha256:{hashlib.sha256(NOTE).hexdigest()}"
# What no entry goes with has no moment of its own.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def begin(store: Store) -> None:
    """Note that a recovery began; repeatable."""
    store.put_blob(NOTE)


def is_unfinished(store: Store) -> bool:
    """Say whether a recovery began and did not come to its end."""
    return store.blob(_DIGEST) is not None


def end(store: Store) -> None:
    """Note that the recovery is over."""
    if is_unfinished(store):
        change = PersonalChange(texts=(_DIGEST,))
        store.append([], now=_LONG_AGO, personal=change)
