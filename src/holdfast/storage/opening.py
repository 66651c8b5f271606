"""From an address to a store: which of the three it is, and whether it is sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from holdfast.operations.ports.store import Store
from holdfast.storage.alone import require_database_alone, require_file_alone
from holdfast.storage.errors import StoreError
from holdfast.storage.memory import MemoryStore
from holdfast.storage.sqlite import SqliteStore

_FORMS = "Write memory:, sqlite:///path/to/file or postgresql://user@host/database."


def open_store(url: str, *, create: bool = True) -> Store:
    """Open the store at an address; ``create`` it where there is nothing yet.

    A file is made with mode 0600, in a folder that exists. A password in an address is
    never shown again.
    """
    scheme, _, rest = url.partition(":")
    if url == "memory:":
        return MemoryStore()
    if scheme == "sqlite" and rest.startswith("///") and rest.strip("/"):
        return SqliteStore(Path("/" + rest.lstrip("/")), create=create)
    if scheme in ("postgresql", "postgres"):
        return _open_postgresql(url.removeprefix(scheme), create=create)
    raise StoreError(
        "not the address of a store", _FORMS, f"{scheme[:20]}:" if rest else ""
    )


@contextmanager
def kept_open(store: Store) -> Iterator[Store]:
    """Close the store if what is done with it first fails; else leave it open."""
    try:
        yield store
    except BaseException:
        store.close()
        raise


def require_alone(url: str) -> None:
    """Raise `StoreError` if a node, a runner or a command has the store open.

    Of an address that is no store's, and of a store that cannot be reached, nothing is
    said: `open_store` says it.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest.startswith("///"):
        require_file_alone(Path("/" + rest.lstrip("/")))
    if scheme in ("postgresql", "postgres"):
        at = _url_of(url.removeprefix(scheme))
        require_database_alone(at, str(at.set(password=None, query={})))


def _url_of(rest: str) -> URL:
    try:
        return make_url(f"postgresql{rest}")
    except (ArgumentError, ValueError):
        # Without the cause: it would quote the address with its password.
        raise StoreError("not the address of a store", _FORMS, "postgresql:") from None


def _open_postgresql(rest: str, *, create: bool) -> Store:
    url = _url_of(rest)
    # Its driver and dialect take as long to load as all the rest of SQLAlchemy.
    from holdfast.storage.postgresql import PostgresqlStore  # noqa: PLC0415

    return PostgresqlStore(url, create=create)
