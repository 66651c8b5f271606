"""The kept fold: equal to the fold of the entries, and dropped for any doubt."""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.test_journal import KINDS, strategy

from holdfast.domain.events.governance import NodeStarted
from holdfast.domain.events.kinds import Event
from holdfast.domain.state import State, evolve
from holdfast.journal import Fact, seal
from holdfast.ledger.merkle import Frontier, leaf_hash
from holdfast.operations.log import Log
from holdfast.operations.ports.fold import Fold
from holdfast.simulation.clock import JumpingClock
from holdfast.storage import fold_cache
from holdfast.storage.fold_cache import FoldFile, sources
from holdfast.storage.fold_codec import from_lines, to_lines
from holdfast.storage.memory import MemoryStore

NOW = datetime(2026, 11, 4, 9, tzinfo=UTC)
HOUSE = Path(fold_cache.__file__).parents[1]


class Counting(MemoryStore):
    """A store that remembers from where entries were read."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: list[int] = []

    def read(self, start: int, stop: int) -> Sequence[bytes]:
        """Return entries, noting from where."""
        self.starts.append(start)
        return super().read(start, stop)


def _event(at: int) -> Fact:
    moment = NOW + timedelta(minutes=at)
    return Fact(NodeStarted(f"node-{at % 7}", "1", moment), moment)


def _grow(store: MemoryStore, size: int) -> None:
    log = Log(store, "n", JumpingClock(NOW))
    log.record([_event(at) for at in range(store.size(), size)])


@pytest.fixture(name="store")
def _store() -> Counting:
    """Return a log of 700 entries."""
    store = Counting()
    _grow(store, 700)
    return store


@pytest.fixture(name="file")
def _file(tmp_path: Path, store: Counting) -> FoldFile:
    """Return the file in which the fold of those entries is kept."""
    file = FoldFile(tmp_path / "fold", store)
    log = Log(store, "n", JumpingClock(NOW), cache=file)
    assert log.state().size == log.unkept == 700
    log.keep_fold()
    assert log.unkept == 0
    return file


def _opened(file: FoldFile) -> Log:
    return Log(file.store, "n", JumpingClock(NOW), cache=file)


def test_a_start_reads_only_what_is_new(file: FoldFile, store: Counting) -> None:
    """A log opened with a kept fold reads no entry twice, and knows the same."""
    _grow(store, 750)
    store.starts.clear()
    state = _opened(file).state()
    assert min(store.starts) == 700
    assert state == Log(store, "n", JumpingClock(NOW)).state()


def test_what_is_folded_on_top_is_kept_again(file: FoldFile, store: Counting) -> None:
    """The front is carried on from what was kept, and leads to the log's root."""
    _grow(store, 1_111)
    log = _opened(file)
    log.state()
    assert log.unkept == 411
    log.keep_fold()
    kept = file.load()
    assert kept is not None
    assert (kept.front.size, kept.front.root()) == store.root()


# Few names, so that events meet each other in what is remembered of them.
NAMES = st.sampled_from(["a", "b", "c"])
MOMENTS = st.integers(0, 10**6).map(lambda at: NOW + timedelta(seconds=at))


def _events(kind: type[Event]) -> st.SearchStrategy[Event]:
    hints = get_type_hints(kind)
    given_types: dict[Any, st.SearchStrategy[Any]] = {str: NAMES, datetime: MOMENTS}
    return st.builds(
        kind,
        **{
            f.name: given_types.get(hints[f.name], strategy(hints[f.name]))
            for f in fields(kind)
        },
    )


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(KINDS).flatmap(_events), max_size=40))
def test_a_fold_read_back_is_the_fold(events: list[Event]) -> None:
    """Whatever was folded, its lines give an equal state."""
    state = State()
    for index, event in enumerate(events):
        with suppress(ValueError):  # Of parts that do not belong together.
            state = evolve(state, event, index, NOW)
    assert from_lines(to_lines(state)) == state


def test_any_altered_byte_drops_it(file: FoldFile) -> None:
    """A byte changed, or the file cut off anywhere, and it is not used."""
    good = file.path.read_bytes()
    assert file.load() is not None
    for at in range(0, len(good), max(1, len(good) // 60)):
        file.path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert file.load() is None
        file.path.write_bytes(good[:at])
        assert file.load() is None


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o602, 0o700])
def test_a_file_that_others_may_touch_is_not_read(file: FoldFile, mode: int) -> None:
    """It is written for this user alone, and read only so."""
    assert file.path.stat().st_mode & 0o777 == 0o600
    file.path.chmod(mode)
    assert file.load() is None


def test_a_link_is_not_followed(file: FoldFile, tmp_path: Path) -> None:
    """What only leads to a file is no file of ours."""
    file.path.rename(tmp_path / "elsewhere")
    file.path.symlink_to(tmp_path / "elsewhere")
    assert file.load() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_file_is_not_read(file: FoldFile) -> None:
    """A file of another user is no file of ours, whatever its mode."""
    os.chown(file.path, 65_534, 65_534)
    assert file.load() is None


def test_another_log_drops_it(file: FoldFile) -> None:
    """A fold of another log, or of more than this one holds, is not used."""
    other = MemoryStore()
    Log(other, "n", JumpingClock(NOW)).record([_event(at) for at in range(1, 800)])
    assert FoldFile(file.path, other).load() is None
    short = MemoryStore()
    _grow(short, 600)
    assert FoldFile(file.path, short).load() is None


def test_tampering_is_seen_as_without_it(file: FoldFile, store: Counting) -> None:
    """An entry changed below the kept size drops it, where the hashes were changed."""
    altered = seal(_event(8), "n", NOW)
    store._leaves[9] = leaf_hash(altered)
    assert file.load() is None


def test_a_fold_of_altered_entries_belongs_to_no_log(tmp_path: Path) -> None:
    """Entries altered while the hashes still stand are folded, and never kept."""
    store = MemoryStore()
    _grow(store, 300)
    store._entries[9] = seal(_event(8), "n", NOW)
    file = FoldFile(tmp_path / "fold", store)
    log = _opened(file)
    log.state()
    log.keep_fold()
    assert file.path.exists()
    assert file.load() is None


def test_other_code_drops_it(file: FoldFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any change of the code that folds makes it another fold."""
    monkeypatch.setattr(fold_cache, "fold_version", lambda: "another")
    assert file.load() is None


def test_the_version_covers_all_code_that_folds() -> None:
    """Every module that the fold imports is among the sources of its version."""
    covered = {path.resolve() for path in sources()}
    waiting = [HOUSE / "domain" / "state.py", HOUSE / "journal.py"]
    seen = set()
    while waiting:
        path = waiting.pop()
        if path in seen or path == HOUSE / "errors.py":
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "holdfast."
            ):
                place = HOUSE.joinpath(*node.module.split(".")[1:])
                names = [place / one.name for one in node.names]
                found = [one.with_suffix(".py") for one in (place, *names)]
                waiting += [one for one in found if one.exists()]
    assert len(seen) > 15
    assert seen <= covered


def test_a_place_that_cannot_be_written_is_no_failure(file: FoldFile) -> None:
    """Where the fold cannot be kept, the log is folded at the next start, no more."""
    nowhere = FoldFile(file.path / "no" / "fold", file.store)
    nowhere.keep(Fold(State(), Frontier()))
    assert nowhere.load() is None
    assert [one.name for one in file.path.parent.iterdir()] == ["fold"]
