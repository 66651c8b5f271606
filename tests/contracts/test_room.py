"""A SQLite ledger's write-ahead log has its length at once, and is none the worse."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.operations.ports.store import Draft
from holdfast.storage import sqlite
from holdfast.storage.audit import audit
from holdfast.storage.sqlite import SqliteStore

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
LENGTH = sqlite._WAL_BYTES
# Up to one commit may have begun before.
FRAMES = 200_000


def add(store: SqliteStore, count: int) -> None:
    """Append entries, one by one."""
    first = store.size()
    for at in range(first, first + count):
        store.append([Draft(f"k{at}", lambda _, at=at: b"entry %d" % at)], now=NOW)  # type: ignore[misc]


def length(store: Path) -> int:
    """Return the length of the write-ahead log."""
    return Path(f"{store}-wal").stat().st_size


def test_few_entries_take_no_room(tmp_path: Path) -> None:
    """A command that records something makes no file of four megabytes."""
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteStore(path)) as store:
        add(store, 20)
        assert length(path) < LENGTH / 2


def test_what_was_written_stands(tmp_path: Path) -> None:
    """Also in a file that is opened after a crash, and by a process beside."""
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteStore(path)) as store, closing(SqliteStore(path)) as beside:
        add(store, 70)
        assert LENGTH <= length(path) < LENGTH + FRAMES
        add(beside, 130)
        add(store, 100)
        assert length(path) < LENGTH + 2 * FRAMES
        assert audit(beside, ()).size == 300
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", crashed / f"ledger.sqlite{suffix}")
    with closing(SqliteStore(crashed / "ledger.sqlite")) as store:
        assert audit(store, ()).size == 300
        add(store, 1_500)
        assert audit(store, ()).size == 1_800
        assert length(crashed / "ledger.sqlite") < LENGTH + FRAMES


def test_a_small_disk_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is little room, it is for the entries."""
    monkeypatch.setattr(sqlite, "_WAL_ROOM", 10**9)
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteStore(path)) as store:
        add(store, 150)
        assert length(path) < LENGTH / 2


def test_an_emptied_one_gets_its_room_again(tmp_path: Path) -> None:
    """After an erasure nothing of before is left in it."""
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteStore(path)) as store:
        add(store, 70)
        store._wipe()
        assert length(path) == 0
        add(store, 150)
        assert length(path) >= LENGTH
        assert audit(store, ()).size == 220
