"""A database that somebody has open is not taken for one that nobody uses."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from tests.contracts.conftest import Home

from holdfast.storage.errors import StoreError
from holdfast.storage.opening import open_store, require_alone


def test_open_elsewhere(home: Home) -> None:
    """In use from the first read to the end; free before and after."""
    home.open().close()
    require_alone(home.url)
    with closing(open_store(home.url)) as store:
        store.size()
        with pytest.raises(StoreError, match="in use by a node") as caught:
            require_alone(home.url)
        assert "Nothing was changed" in caught.value.hint
        store.size()
    require_alone(home.url)


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
