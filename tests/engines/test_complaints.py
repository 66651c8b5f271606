"""What pgBackRest's complaints mean to a person."""

from __future__ import annotations

import pytest

from holdfast.engines.complaints import meaning


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("unable to write 'x': [28] No space left on device", "no room left"),
        ("[051]: PostgreSQL version 15, system-id 1 do not match", "another cluster"),
        ("ERROR: [039]: HTTP request failed with 403 (Forbidden):", "refused"),
        ("missing stanza path", "no such stanza"),
        ("unable to load info file 'a' or 'b':\nCryptoError: x", "in escrow"),
    ],
)
def test_known_complaints_have_a_way_out(said: str, means: str) -> None:
    """Each says in plain words what is wrong and what to do."""
    assert means in (meaning(said) or "")


def test_an_unknown_complaint_is_left_as_it_is() -> None:
    """Nothing is made up."""
    assert meaning("something else entirely") is None
