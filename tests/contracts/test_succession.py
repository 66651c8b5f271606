"""A log goes on in another database, also of the other kind, as it does in memory."""

from __future__ import annotations

import pytest
from tests.operations.test_succession import go_on, lived, standings

from holdfast.operations.succession import check_succession


@pytest.mark.parametrize(
    ("old", "new"), [("postgresql", "postgresql"), ("sqlite", "postgresql")]
)
def test_a_log_goes_on_in_another_database(new_home, old: str, new: str) -> None:
    """Same standing, same deliveries still owed; the old database takes no more."""
    old_store, new_store = new_home(old).open(), new_home(new).open()
    made = lived(old_store)
    before, owed = standings(old_store, made), old_store.unsettled()
    done = go_on(made, new_store)
    assert standings(new_store, made) == before
    assert new_store.unsettled() == done.deliveries == owed
    assert check_succession(new_store) == done.opened
    assert new_store.read(1, 1 + done.entries) == old_store.read(0, done.entries)
    assert go_on(made, new_store) == type(done)(done.opened, done.entries, 0)
    old_store.close()
    new_store.close()
