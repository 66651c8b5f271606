"""The erasable table: rows come and go with entries, and go for good."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from holdfast.operations.ports.people import PersonalChange, SealedRow
from holdfast.operations.ports.store import Draft, MovedOnError, Store
from holdfast.storage.errors import StoreError
from holdfast.storage.keyring import HomeKeyring
from holdfast.storage.opening import open_store

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
ANA = SealedRow("person:ana", b"\x00key", b"sealed of ana")
BEN = SealedRow("person:ben", b"\x01key", b"sealed of ben")


def entry(key: str) -> Draft:
    """Return a draft of that key."""
    return Draft(key, lambda _: key.encode())


def test_rows_are_kept_replaced_and_erased(store: Store) -> None:
    """A row is kept under its reference, replaced by a newer one, and erased."""
    store.append([], now=NOW, personal=PersonalChange(keep=(BEN, ANA)))
    assert list(store.people()) == [ANA, BEN]
    newer = SealedRow("person:ana", b"other", b"newer")
    store.append([], now=NOW, personal=PersonalChange(keep=(newer,)))
    assert store.person("person:ana") == newer
    gone = PersonalChange(erase=("person:ana", "person:nobody"))
    store.append([entry("e")], now=NOW, personal=gone)
    assert store.person("person:ana") is None
    assert list(store.people()) == [BEN]
    assert store.size() == 1


def test_nothing_is_erased_without_its_entry(store: Store) -> None:
    """Where the entry is refused, row and text stay."""
    digest = store.put_blob(b"an old catalogue")
    store.append([entry("a")], now=NOW, personal=PersonalChange(keep=(ANA,)))
    gone = PersonalChange(erase=("person:ana",), texts=(digest,))
    with pytest.raises(MovedOnError):
        store.append([entry("e")], now=NOW, expected_size=0, personal=gone)
    assert store.person("person:ana") == ANA
    assert store.blob(digest) == b"an old catalogue"
    store.append([entry("e")], now=NOW, expected_size=1, personal=gone)
    assert store.person("person:ana") is None
    assert store.blob(digest) is None


def test_rows_are_there_when_opened_again(home) -> None:
    """A row survives the process that wrote it."""
    store = home.open()
    store.append([], now=NOW, personal=PersonalChange(keep=(ANA,)))
    store.close()
    again = home.open()
    assert again.person("person:ana") == ANA
    again.close()


def test_an_older_database_gets_the_table(home) -> None:
    """A database of an older Holdfast is used on, entries untouched."""
    store = home.open()
    store.append([entry("a")], now=NOW)
    store.close()
    drop = "DROP TABLE person"
    if home.kind == "sqlite":
        path = home.url.removeprefix("sqlite://")
        with closing(sqlite3.connect(path)) as driver:
            driver.execute(drop)
    else:
        with psycopg.connect(home.url, autocommit=True) as connection:
            connection.execute(drop)
    for _ in range(2):
        again = home.open()
        assert list(again.read(0, 9)) == [b"a"]
        again.append([], now=NOW, personal=PersonalChange(keep=(ANA,)))
        assert again.person("person:ana") == ANA
        again.close()


def test_the_file_holds_no_trace_of_what_was_erased(tmp_path: Path) -> None:
    """SQLite's file and its log no longer have the bytes of an erased row or text."""
    store = open_store(f"sqlite://{tmp_path / 'ledger.sqlite'}")
    secret = b"f3a9-secret-of-ana" * 40
    row = SealedRow("person:ana", b"key", secret)
    digest = store.put_blob(b"old catalogue " + secret)
    store.append([entry("a")], now=NOW, personal=PersonalChange(keep=(row,)))
    assert any(secret in one.read_bytes() for one in tmp_path.iterdir())
    gone = PersonalChange(erase=("person:ana",), texts=(digest,))
    store.append([entry("e")], now=NOW, personal=gone)
    assert not any(secret[:18] in one.read_bytes() for one in tmp_path.iterdir())
    store.close()


def test_a_keyring_opens_what_it_sealed_and_nothing_else() -> None:
    """Each row has a key of its own; another home's key or another name opens none."""
    ring = HomeKeyring(bytes(32), "people.key")
    one, two = (ring.seal("person:ana", b"Ana") for _ in range(2))
    assert ring.open(one) == ring.open(two) == b"Ana"
    assert one.key != two.key
    assert one.data != two.data
    assert b"Ana" not in one.data + one.key
    others = [
        (HomeKeyring(b"\x01" * 32, "people.key"), one),
        (ring, SealedRow("person:ben", one.key, one.data)),
        (ring, SealedRow("person:ana", two.key, one.data)),
        (ring, SealedRow("person:ana", one.key, one.data[:-1])),
        (ring, SealedRow("person:ana", one.key, b"")),
    ]
    for other, row in others:
        with pytest.raises(StoreError, match="do not open") as told:
            other.open(row)
        assert told.value.hint
    with pytest.raises(StoreError, match="is not a key"):
        HomeKeyring(b"short", "people.key")
    assert "00000" not in repr(ring)
