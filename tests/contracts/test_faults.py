"""The world under a store gives way: it is told in words, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

from holdfast.errors import HoldfastError
from holdfast.ledger.merkle import fold, leaf_hashes
from holdfast.operations.ports.store import Draft, Store
from holdfast.storage.errors import StoreError
from holdfast.storage.opening import open_store

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
NOBODY = 65534
A_LOOK_HOLDS = 0.002  # Of a look at the ledger's file, in seconds.


def _draft(key: str, data: bytes | None = None) -> Draft:
    return Draft(key, lambda _: key.encode() if data is None else data)


def _entries(store: Store) -> list[bytes]:
    size, root = store.root()
    entries = list(store.read(0, size))
    assert fold(leaf_hashes(entries)) == root
    return entries


def _refusal(work: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        work()
    assert caught.value.message
    assert caught.value.hint
    assert caught.value.where
    return caught.value


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """Return a folder of nobody's, worked in as nobody: root heeds no permission."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-faults-"))
    before = os.geteuid()
    if before == 0:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(before)
        shutil.rmtree(folder)


def test_an_oversize_entry_is_told_and_costs_nothing_else(home) -> None:
    """An entry that is too large is refused each time; others go on."""
    store = home.open()
    for number in range(3):
        store.append([_draft(f"k{number}")], now=NOW)
        with pytest.raises(HoldfastError, match="65536 bytes is too large") as caught:
            store.append([_draft("big", b"x" * 65_536)], now=NOW)
        assert caught.value.hint
    assert _entries(store) == [b"k0", b"k1", b"k2"]
    store.close()


def test_a_file_that_became_read_only_is_told(unprivileged: Path) -> None:
    """A ledger whose file lost write access says so; given back, it goes on."""
    url = f"sqlite://{unprivileged / 'ledger.sqlite'}"
    store = open_store(url)
    store.append([_draft("a")], now=NOW)
    store.close()
    (unprivileged / "ledger.sqlite").chmod(0o400)
    unprivileged.chmod(0o500)
    try:
        fault = _refusal(lambda: open_store(url).append([_draft("b")], now=NOW))
        assert "cannot be" in fault.message
    finally:
        unprivileged.chmod(0o700)
        (unprivileged / "ledger.sqlite").chmod(0o600)
    store = open_store(url)
    store.append([_draft("b")], now=NOW)
    assert _entries(store) == [b"a", b"b"]
    store.close()


def test_a_connection_cut_while_it_rests_is_not_noticed(home, postgresql) -> None:
    """A connection that died while nobody used it costs no append."""
    if home.kind != "postgresql":
        return
    store = home.open()
    for number in range(3):
        store.append([_draft(f"k{number}")], now=NOW)
        _cut(postgresql.url, home.url)
        store._written_at -= 10
    assert _entries(store) == [b"k0", b"k1", b"k2"]
    store.close()


def test_a_connection_cut_between_appends_is_told_once(home, postgresql) -> None:
    """One that died just now costs one append, which is told; the next works again."""
    if home.kind != "postgresql":
        return
    store = home.open()
    for number in range(3):
        store.append([_draft(f"a{number}")], now=NOW)
    _cut(postgresql.url, home.url)
    fault = _refusal(lambda: store.append([_draft("b")], now=NOW))
    assert "cannot be reached" in fault.message or "refused" in fault.message
    assert store.append([_draft("b")], now=NOW).fresh == (True,)
    assert _entries(store) == [b"a0", b"a1", b"a2", b"b"]
    store.close()


@pytest.mark.parametrize("before", [1, 5])
def test_a_vanished_database_is_told(home, postgresql, before: int) -> None:
    """Where the database itself is gone every append says so, and none is believed."""
    store = home.open()
    for number in range(before):
        store.append([_draft(f"a{number}")], now=NOW)
    if home.kind == "postgresql":
        name = home.url.rpartition("/")[2]
        with psycopg.connect(postgresql.url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    else:
        path = Path(home.url.removeprefix("sqlite://"))
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        time.sleep(A_LOOK_HOLDS)
    for number in range(3):
        _refusal(lambda n=number: store.append([_draft(f"b{n}")], now=NOW))
    _refusal(lambda: open_store(home.url, create=False))
    store.close()


@pytest.mark.parametrize("lost", [1, 5])
def test_nothing_goes_into_a_file_that_was_replaced(
    home, tmp_path: Path, lost: int
) -> None:
    """Where another file took the ledger's place, no append goes into the old one."""
    if home.kind != "sqlite":
        return
    store = home.open()
    store.append([_draft("a")], now=NOW)
    store.close()
    path, copy = Path(home.url.removeprefix("sqlite://")), tmp_path / "copy"
    shutil.copy(path, copy)
    store = home.open()
    for number in range(lost):
        store.append([_draft(f"lost{number}")], now=NOW)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    copy.rename(path)
    time.sleep(A_LOOK_HOLDS)
    for write in (
        lambda: store.append([_draft("b")], now=NOW),
        lambda: store.put_blob(b"x"),
    ):
        assert "another one" in _refusal(write).message
    assert store.follow()
    store.append([_draft("b")], now=NOW)
    assert _entries(store) == [b"a", b"b"]
    store.close()


def _cut(admin_url: str, url: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (url.rpartition("/")[2],),
        )


def test_no_driver_speaks_for_itself(home, caplog) -> None:
    """A connection that cannot even be given back leaves no traceback in any log."""
    store = home.open()
    store.append([_draft("a")], now=NOW)

    def broken(*_: object) -> None:
        raise OSError

    event.listen(store._engine, "reset", broken)
    for _ in range(2):
        assert store.root()[0] == 1
    event.remove(store._engine, "reset", broken)
    assert store.append([_draft("b")], now=NOW).size == 2
    assert not caplog.records
    store.close()
