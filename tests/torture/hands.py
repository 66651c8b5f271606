"""The processes that a round torments: writers, and the publisher.

A writer notes a key as acknowledged only after `append` returned; what then is not in
the log was lost. Every fault of the store is met by the same key again, as a beat does.
"""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Signer
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.notary import Notary
from holdfast.operations.ports.store import Draft, MovedOnError, Store
from holdfast.storage import postgresql, sqlite
from holdfast.storage.errors import StoreError
from holdfast.storage.mark import FileMark
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import open_store
from holdfast.storage.targets import open_target

THREADS = 3
PAUSE_SECONDS = 0.01
CONCLUSIONS = 0.2
SIGNER = Signer("torture.invalid/log", bytes(range(32)))
KEY = parse_verifier_key(SIGNER.verifier_key)


@dataclass(frozen=True)
class Place:
    """A round's folder, and the address of its store."""

    folder: Path
    url: str

    @property
    def acknowledged(self) -> Path:
        """Where writers note the keys of what they were told is stored."""
        return self.folder / "acknowledged"

    @property
    def faults(self) -> Path:
        """Where a process says what should never have happened to it."""
        return self.folder / "faults"

    def copy(self, store: Store) -> OffSite:
        """Return the copy off-site."""
        (self.folder / "copy").mkdir(exist_ok=True)
        target = open_target((self.folder / "copy").as_uri())
        record = FileMark(self.folder / "published")
        return OffSite(store, target, lambda: [KEY], record)

    def notary(self, store: Store) -> Notary:
        """Return the notary, with its mark outside the database."""
        return Notary(store, SIGNER, FileMark(self.folder / "mark"))


@dataclass(frozen=True)
class Task:
    """What one writer is to do. ``share`` of 0 means: until it is stopped."""

    name: str
    seed: str
    share: int = 0
    breaks_writes: bool = False
    clock_jumps: bool = False


def fork(work: Callable[[], None], place: Place) -> int:
    """Run work in a process of its own, which costs no imports; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - The round looks at it.
        note(place.faults, traceback.format_exc())
        os._exit(1)


def note(path: Path, text: str) -> None:
    """Add a line in one write, whole or not at all."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, f"{text}\n".encode())
    finally:
        os.close(handle)


def write(place: Place, task: Task) -> None:
    """Append from several threads, each key until it is acknowledged."""
    # A connection that breaks on purpose is not worth a word.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    store = _patiently(lambda: open_store(place.url))
    if task.breaks_writes:
        break_writes(store)
    faults: list[str] = []

    def work(thread: int) -> None:
        try:
            _write(place, store, task, thread)
        except BaseException:  # noqa: BLE001 - The round looks at it.
            faults.append(traceback.format_exc())

    threads = [
        threading.Thread(target=work, args=(number,)) for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fault in faults:
        note(place.faults, fault)


def _write(place: Place, store: Store, task: Task, thread: int) -> None:
    chance = random.Random(f"{task.seed}-{task.name}-{thread}")  # noqa: S311
    number = 0
    while not task.share or number < task.share:
        key = f"{task.name}.{thread}.{number}"
        concludes = chance.random() < CONCLUSIONS
        _append(store, key, task, chance, concludes=concludes)
        note(place.acknowledged, key)
        number += 1


def _append(
    store: Store, key: str, task: Task, chance: random.Random, *, concludes: bool
) -> None:
    """Append one key, however often it takes; a conclusion is drawn anew each time."""
    while True:
        now = datetime.now(UTC)
        if task.clock_jumps:
            now += timedelta(seconds=chance.uniform(-3_600, 3_600))
        try:
            size = store.size() if concludes else None
            data = f"{key} {'-' if size is None else size} "
            draft = Draft(key, lambda at, data=data: (data + at.isoformat()).encode())
            store.append([draft], now=now, expected_size=size)
        except MovedOnError:
            continue
        except StoreError:
            time.sleep(PAUSE_SECONDS)
            continue
        return


def publish(place: Place) -> None:
    """Sign and publish whatever there is, as a node does, until it is stopped."""
    store = _patiently(lambda: open_store(place.url))
    notary, copy = place.notary(store), place.copy(store)
    while True:
        try:
            notary.sign()
            assert notary.refusal is None, str(notary.refusal)
            copy.publish()
        except StoreError:
            pass  # The database, or the disk, is away for a while.
        time.sleep(PAUSE_SECONDS)


def _patiently(work: Callable[[], Store]) -> Store:
    while True:
        with suppress(HoldfastError):
            return work()
        time.sleep(PAUSE_SECONDS)


class Breaking:
    """A driver that breaks every write twice: not stored, then stored and not heard."""

    def __init__(self, driver: Any, commits: list[int]) -> None:
        self._driver = driver
        self._commits = commits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def execute(self, statement: str, *values: Any, **named: Any) -> Any:
        """Do a statement of SQLite, or the long way's of PostgreSQL."""
        do = partial(self._driver.execute, statement, *values, **named)
        return self._break(do) if statement in {"COMMIT", sqlite._ADD} else do()

    def run(self, statement: str, values: Sequence[bytes]) -> int:
        """Do a statement of PostgreSQL's short way, which commits by itself."""
        written: int = self._break(partial(self._driver.run, statement, values))
        return written

    def _break(self, commit: Callable[[], Any]) -> Any:
        """Break before the commit, after it, and not at all, in turn."""
        self._commits[0] += 1
        turn = self._commits[0] % 3
        if turn == 1:
            self._fail()
        done = commit()
        if turn == 2:
            self._fail()
        return done

    def _fail(self) -> None:
        if isinstance(self._driver, sqlite3.Connection):
            raise sqlite3.OperationalError("disk I/O error")
        raise psycopg.OperationalError("the connection was lost")


def break_writes(store: Any) -> None:
    """Have every driver that a store opens in this process break, from now on."""
    commits = [0]
    for room in (sqlite, postgresql):
        plain: Callable[[Any], Any] = room._driver
        room._driver = (  # type: ignore[assignment]
            lambda connection, plain=plain: Breaking(plain(connection), commits)
        )
    prepared = postgresql.Prepared
    postgresql.Prepared = (  # type: ignore[assignment,misc]
        lambda driver: Breaking(prepared(driver), commits)
    )
    store._driver = None
