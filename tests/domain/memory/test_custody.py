"""Which keys may sign a checkpoint of a size: the rule, change by change."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from holdfast.domain.events.custody import (
    LedgerCarried,
    LedgerKeyIntroduced,
    LedgerKeyRetired,
    LedgerKeyRotated,
    LedgerOpened,
)
from holdfast.domain.events.kinds import Event
from holdfast.domain.memory.custody import Custody, all_keys, keys_in_force, remember
from holdfast.domain.state import State, evolve

NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)


def told(*events: tuple[int, Event]) -> Custody:
    """Fold events, each at its index."""
    custody = Custody()
    for index, event in events:
        custody = remember(custody, event, index)  # type: ignore[arg-type]
    return custody


def rotated(old: str, new: str) -> LedgerKeyRotated:
    """Return a rotation."""
    return LedgerKeyRotated(old, new, 0, "ana", "", NOW)


def retired(key: str) -> LedgerKeyRetired:
    """Return a retirement."""
    return LedgerKeyRetired(key, 0, "ana", "", NOW)


def test_a_log_that_names_no_key_says_so() -> None:
    """Where nothing introduced a key, none is in force."""
    assert keys_in_force(Custody(), 100) == ()


def test_the_first_key_is_valid_from_the_start() -> None:
    """An introduction that came late speaks for earlier checkpoints, too."""
    custody = told((50, LedgerKeyIntroduced("a", NOW)))
    assert keys_in_force(custody, 1) == ("a",)
    assert keys_in_force(custody, 51) == ("a",)


def test_both_keys_sign_from_the_entry_on_until_one_is_retired() -> None:
    """An entry counts for the checkpoints that hold it, not for the one before."""
    custody = told(
        (0, LedgerKeyIntroduced("a", NOW)), (10, rotated("a", "b")), (20, retired("a"))
    )
    assert keys_in_force(custody, 10) == ("a",)
    assert keys_in_force(custody, 11) == ("a", "b")
    assert keys_in_force(custody, 20) == ("a", "b")
    assert keys_in_force(custody, 21) == ("b",)
    assert all_keys(custody) == ("a", "b")


def test_a_rotation_names_the_first_key_of_an_older_log() -> None:
    """A log from before introductions has its first key from its first rotation."""
    custody = told((10, rotated("a", "b")), (20, retired("a")))
    assert keys_in_force(custody, 5) == ("a",)
    assert keys_in_force(custody, 15) == ("a", "b")
    assert keys_in_force(custody, 25) == ("b",)


@given(
    st.lists(
        st.one_of(
            st.builds(rotated, st.sampled_from("abc"), st.sampled_from("abc")),
            st.builds(retired, st.sampled_from("abc")),
        ),
        max_size=12,
    ),
    st.integers(0, 14),
)
def test_there_is_always_a_key(events: list[Event], size: int) -> None:
    """Whatever is recorded, a log that had a key has one, and each of them once."""
    first = (0, LedgerKeyIntroduced("a", NOW))
    custody = told(first, *enumerate(events, 1))
    found = keys_in_force(custody, size)
    assert found
    assert len(set(found)) == len(found)
    assert set(found) <= set(all_keys(custody))


def test_a_new_log_forgets_the_keys_of_the_old_one() -> None:
    """What was carried over says nothing of who signs the new log."""
    opened = LedgerOpened(
        "n", "o", ("a",), 1, "root", "note", 1, "root", "why", "ana", NOW
    )
    state = State()
    events: list[Event] = [opened, LedgerKeyIntroduced("a", NOW)]
    for index, event in enumerate(events):
        state = evolve(state, event, index, NOW)
    assert not state.custody.carried
    state = evolve(state, LedgerCarried("n", "o", 1, NOW), 2, NOW)
    assert state.custody == Custody(opened=opened)
    state = evolve(state, LedgerKeyIntroduced("b", NOW), 3, NOW)
    assert keys_in_force(state.custody, 4) == ("b",)
