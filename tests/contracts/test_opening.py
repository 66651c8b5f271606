"""Opening a store: where it cannot be, or is broken, the error says what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.operations.ports.store import Draft
from holdfast.storage.errors import StoreError
from holdfast.storage.opening import open_store

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
NOBODY = 65_534


def _fill(url: str, count: int = 3) -> None:
    store = open_store(url)
    drafts = [Draft(f"k{at}", lambda _: b"x" * 200) for at in range(count)]
    store.append(drafts, now=NOW)
    store.close()


def _refusal(url: str, **options: bool) -> HoldfastError:
    with pytest.raises(HoldfastError) as caught:
        open_store(url, **options)
    assert caught.value.message
    assert caught.value.hint
    return caught.value


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Run as nobody where the tests run as root, whom no permission stops."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ledger.sqlite",
        "sqlite:",
        "sqlite:///",
        "sqlite://relative",
        "mysql://user:secret@host/x",
        "postgresql://user:secret@host:port/x",
        "postgresql:secret",
    ],
)
def test_what_is_no_address_is_told_without_a_secret(url: str) -> None:
    """An address that is not one is refused, and a password in it never shown."""
    fault = _refusal(url)
    assert "not the address of a store" in fault.message
    assert "secret" not in f"{fault!r}{fault}{fault.hint}{fault.__cause__}"


def test_a_new_file_is_private_and_whole(tmp_path: Path) -> None:
    """A new ledger file has mode 0600 and leaves no other file behind."""
    path = tmp_path / "ledger.sqlite"
    before = os.umask(0)
    try:
        store = open_store(f"sqlite://{path}")
    finally:
        os.umask(before)
    store.append([Draft("k", lambda _: b"x")], now=NOW)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}
    store.close()
    assert [one.name for one in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_both_spellings_of_a_path_mean_one_file(tmp_path: Path) -> None:
    """An absolute path may follow three slashes or four."""
    _fill(f"sqlite:///{tmp_path / 'a'}")
    store = open_store(f"sqlite://{tmp_path / 'a'}", create=False)
    assert store.size() == 3
    store.close()


def test_nothing_is_created_unasked(new_home) -> None:
    """Without leave to create, a missing ledger is an error and stays missing."""
    for kind in ("sqlite", "postgresql"):
        home = new_home(kind)
        for _ in range(2):
            assert "there is no ledger" in _refusal(home.url, create=False).message


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """The folder of a new ledger file must exist."""
    fault = _refusal(f"sqlite://{tmp_path / 'no' / 'ledger.sqlite'}")
    assert "cannot be created" in fault.message


def _not_a_database(path: Path) -> None:
    path.write_text("this is a letter, not a ledger\n" * 300, "utf-8")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def _sql(*statements: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_not_a_database, "not a ledger"),
        (_empty, "not a ledger"),
        (_folder, "not a ledger"),
        (_truncated, "damaged"),
        (_overwritten, "damaged"),
        (_sql("DROP TABLE outbox"), "no table outbox"),
        (_sql("DROP TABLE head", "CREATE TABLE head (id)"), "refused by SQLite"),
        (_sql("DROP TRIGGER head_stays", "DELETE FROM head"), "has no head"),
        (_sql("UPDATE head SET format = 4"), "version 4"),
        (_sql("DROP VIEW entry"), "no table entry"),
        (_sql("DROP TABLE entry_key"), "no table entry_key"),
        (_sql("UPDATE head SET size = 2"), "entries are missing between 2 and 3"),
        (_sql("UPDATE head SET frontier = x'00'"), "head is damaged"),
        (
            _sql(
                "DROP TRIGGER entry_stays", "DELETE FROM entry_row WHERE leaf_index = 2"
            ),
            "head says 3 entries, the table has 2",
        ),
    ],
)
def test_a_broken_file_is_told(
    spoil: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    """Each way in which a ledger file can be broken has its own words."""
    path = tmp_path / "ledger.sqlite"
    _fill(f"sqlite://{path}")
    spoil(path)
    assert words in _refusal(f"sqlite://{path}").message


def test_another_database_is_not_taken_for_a_ledger(tmp_path: Path) -> None:
    """A SQLite file of somebody else is refused and not written to."""
    path = tmp_path / "other.sqlite"
    _sql("CREATE TABLE customers (id)")(path)
    before = path.read_bytes()
    assert "no ledger here" in _refusal(f"sqlite://{path}").message
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_written_is_told() -> None:
    """A folder or file without write access is told in words."""
    folder = Path(tempfile.mkdtemp())
    try:
        _fill(f"sqlite://{folder / 'ledger.sqlite'}")
        (folder / "ledger.sqlite").chmod(0o444)
        folder.chmod(0o555)
        with _unprivileged():
            assert (
                "cannot be" in _refusal(f"sqlite://{folder / 'ledger.sqlite'}").message
            )
            assert "cannot be created" in _refusal(f"sqlite://{folder / 'b'}").message
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_an_unreachable_server_is_told_without_the_password(tmp_path: Path) -> None:
    """A server that does not answer is told, with its address and no password."""
    fault = _refusal("postgresql://ana:s3cret@127.0.0.1:1/ledger")
    assert "PostgreSQL cannot be reached" in fault.message
    assert "127.0.0.1:1" in fault.where
    fault = _refusal(f"postgresql://ana:s3cret@/x?host={tmp_path}")
    assert "s3cret" not in f"{fault!r}{fault}{fault.hint}{fault.__cause__}"


def test_a_missing_database_is_told(postgresql) -> None:
    """A database that the server does not have is told."""
    fault = _refusal(postgresql.url.replace("/postgres", "/none"))
    assert 'database "none" does not exist' in fault.message


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TABLE blob", "no table blob"),
        ("UPDATE head SET format = 7", "version 7"),
        ("UPDATE head SET size = 4", "head says 4 entries, the table has 3"),
        ("ALTER TABLE head RENAME COLUMN format TO form", "PostgreSQL refused"),
    ],
)
def test_a_broken_server_side_is_told(statement: str, words: str, new_home) -> None:
    """Tables in PostgreSQL that are not whole, or of another version, are refused."""
    home = new_home("postgresql")
    _fill(home.url)
    store = open_store(home.url)
    with store._writing() as connection:
        connection.exec_driver_sql(statement)
    store.close()
    assert words in _refusal(home.url).message


def test_a_standby_is_told(new_home) -> None:
    """A server that takes no writes is told as such."""
    home = new_home("postgresql")
    _fill(home.url)
    store = open_store(f"{home.url}?options=-cdefault_transaction_read_only%3Don")
    with pytest.raises(StoreError, match="takes no writes"):
        store.append([Draft("k", lambda _: b"x")], now=NOW)
    assert store.size() == 3
    store.close()


def test_a_held_ledger_is_told(home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that waited in vain for another is told so, and nothing is written."""
    monkeypatch.setattr("holdfast.storage.sqlite.BUSY_SECONDS", 0)
    monkeypatch.setattr("holdfast.storage.postgresql.LOCK_MILLISECONDS", 10)
    holder, waiter = home.open(), home.open()

    def wait(_: datetime) -> bytes:
        with pytest.raises(StoreError, match="held the ledger for"):
            waiter.append([Draft("other", lambda _: b"x")], now=NOW)
        return b"x"

    holder.append([Draft("k", wait)], now=NOW)
    assert waiter.size() == 1
    waiter.append([Draft("other", lambda _: b"x")], now=NOW)
    holder.close()
    waiter.close()


def test_a_restored_backup_is_used_like_the_original(tmp_path: Path) -> None:
    """A copy made by SQLite's own backup opens, and writes ahead again."""
    _fill(f"sqlite://{tmp_path / 'a'}")
    _sql(f"VACUUM INTO '{tmp_path / 'b'}'")(tmp_path / "a")
    store = open_store(f"sqlite://{tmp_path / 'b'}")
    store.append([Draft("new", lambda _: b"x")], now=NOW)
    with store._reading() as connection:
        [mode] = connection.exec_driver_sql("PRAGMA journal_mode").one()
    assert (mode, store.size()) == ("wal", 4)
    store.close()
