"""Shares the checking of a log among the machine's cores, or its waiting among threads.

Hashing is done by processes, since threads of one Python take turns at it. They are
forked before anything else of the command starts, and get little to say: which span,
and where the log lies. A log that is far away is waited for by threads instead.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

from holdfast.ledger.spans import Share
from holdfast.storage.errors import StoreError
from holdfast.storage.targets import FolderTarget, Target

FETCHERS = 8
# Of prctl(2), on Linux.
PARENT_DEATH_SIGNAL = 1


@contextmanager
def cores(wanted: int | None = None) -> Iterator[Share]:
    """Give what checks spans on all cores; by `map` where there is one, or no fork.

    A process that runs threads is not forked: a lock that one of them holds would stay
    held for ever in the child.
    """
    count = wanted or len(os.sched_getaffinity(0))
    if count < 2 or threading.active_count() > 1:  # noqa: PLR2004 - Two share.
        yield map
        return
    fork = get_context("fork")
    with ProcessPoolExecutor(count, mp_context=fork, initializer=_end_with) as pool:
        yield from _sharing(pool)


def _end_with() -> None:
    """End this process with the one that forked it, however that one ends.

    Whoever is killed cannot tell its children; they would wait for work for ever.
    """
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


@contextmanager
def fetchers(count: int = FETCHERS) -> Iterator[Share]:
    """Give what checks spans while several wait for the network."""
    with ThreadPoolExecutor(count) as pool:
        yield from _sharing(pool)


@contextmanager
def sharing(target: Target, near: Share = map) -> Iterator[Share]:
    """Give what checks a copy: ``near`` in a folder, else threads that wait."""
    if isinstance(target, FolderTarget):
        yield near
        return
    with fetchers() as share:
        yield share


def _sharing(pool: Executor) -> Iterator[Share]:
    pool.submit(int).result()  # All are started now, before the caller starts threads.
    try:
        yield pool.map
    except BrokenProcessPool:
        raise StoreError(
            "a process that checked the log was ended by somebody else",
            "Look whether the machine ran out of memory, and verify again.",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
