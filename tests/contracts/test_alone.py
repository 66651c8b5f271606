"""A database that somebody has open is not taken for one that nobody uses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.contracts.conftest import Home

from holdfast.storage import alone
from holdfast.storage.errors import StoreError
from holdfast.storage.opening import kept_open, open_store, require_alone


def test_open_elsewhere(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """In use from the first read to the end; free before and after."""
    monkeypatch.setattr(alone, "PATIENCE_SECONDS", 0.1)
    home.open().close()
    require_alone(home.url)
    with closing(open_store(home.url)) as store:
        store.size()
        with pytest.raises(StoreError, match="in use by a node") as caught:
            require_alone(home.url)
        assert "Nothing was changed" in caught.value.hint
        store.size()
    require_alone(home.url)


def test_who_leaves_soon_is_waited_for(new_home: Callable[[str], Home]) -> None:
    """The connection of a process that was killed stays a moment longer than it."""
    home = new_home("postgresql")
    left = home.open()
    leaving = threading.Timer(0.5, left.close)
    leaving.start()
    require_alone(home.url)
    leaving.join()


@pytest.mark.parametrize(
    "url",
    [
        "memory:",
        "nonsense",
        "sqlite:///nowhere/at/all",
        "postgresql://nobody@127.0.0.1:9/x",
    ],
)
def test_what_cannot_be_opened_is_told_elsewhere(url: str) -> None:
    """Whoever opens it has the better words."""
    require_alone(url)


def test_no_database(tmp_path: Path) -> None:
    """A file that is no database is left as it is."""
    path = tmp_path / "other.sqlite"
    path.write_bytes(b"something else")
    require_alone(f"sqlite://{path}")
    assert path.read_bytes() == b"something else"


def test_what_could_not_be_joined_lets_go(new_home: Callable[[str], Home]) -> None:
    """A store that is refused after it was opened is no connection that stays."""
    home = new_home("postgresql")

    def fail() -> None:
        with kept_open(home.open()) as store:
            store.size()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    require_alone(home.url)
    with closing(home.open()) as again, kept_open(again) as store:
        assert store.size() == 0
