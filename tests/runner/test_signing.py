"""Signing beside the beat: soon, once for many, and in nobody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.operations.test_notary import SIGNER, signed_size

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import verify_checkpoint
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.notary import ForkError, Notary
from holdfast.operations.ports.store import Draft, Store
from holdfast.runner import signing
from holdfast.runner.signing import Signing
from holdfast.storage.mark import FileMark
from holdfast.storage.opening import open_store

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def put(store: Store, key: str) -> int:
    """Append one entry; return the size."""
    return store.append([Draft(key, lambda _: key.encode())], now=NOW).size


def until(done: Callable[[], bool]) -> None:
    """Wait for something."""
    limit = time.monotonic() + 60
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.001)


class Rig:
    """A store in a file with a notary, and a thread that signs."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite://{folder / 'ledger.sqlite'}"
        self.store = open_store(self.url)
        self.notary = Notary(self.store, SIGNER, FileMark(folder / "mark"))
        self.grown = threading.Event()
        self.faults: list[HoldfastError] = []
        self.signing = Signing(self.sign, self.grown)

    def sign(self) -> None:
        """Sign; keep what goes wrong."""
        try:
            self.notary.sign()
        except HoldfastError as fault:
            self.faults.append(fault)

    def close(self) -> None:
        """End."""
        self.signing.stop()
        self.store.close()


@pytest.fixture
def rig(tmp_path: Path):
    """Return a rig that signs."""
    made = Rig(tmp_path)
    made.signing.start()
    yield made
    made.close()


def test_an_append_is_signed_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An append wakes it, and is inside a valid signed checkpoint without any look."""
    monkeypatch.setattr(signing, "LOOK_EVERY", timedelta(hours=1))
    rig = Rig(tmp_path)
    rig.signing.start()
    key = parse_verifier_key(SIGNER.verifier_key)
    for number in range(20):
        size = put(rig.store, f"k{number}")
        rig.grown.set()

        def is_signed(size: int = size) -> bool:
            note = rig.store.checkpoint()
            return note is not None and signed_size(note) >= size

        until(is_signed)
    note = rig.store.checkpoint()
    assert note
    found = verify_checkpoint(note, (key,)).checkpoint
    assert (found.size, found.root) == rig.store.root()
    assert not rig.faults
    rig.close()


def test_an_append_of_another_process_is_signed_too(rig: Rig) -> None:
    """What another writer appended, who wakes nobody here, is signed at a next look.

    That it comes in time follows from the rest, below.
    """
    other = open_store(rig.url)
    until(lambda: rig.store.checkpoint() is not None)
    for number in range(3):
        size = put(other, f"other{number}")

        def is_signed(size: int = size) -> bool:
            return signed_size(rig.store.checkpoint()) >= size

        until(is_signed)
    other.close()


def test_a_fault_passes_and_signing_goes_on(rig: Rig, tmp_path: Path) -> None:
    """While the mark cannot be written nothing is signed; then it goes on by itself."""
    until(lambda: rig.store.checkpoint() is not None)
    place = rig.notary._mark
    rig.notary._mark = FileMark(tmp_path / "nowhere" / "mark")
    size = put(rig.store, "a")
    rig.grown.set()
    until(lambda: bool(rig.faults))
    assert signed_size(rig.store.checkpoint()) == 0
    rig.notary._mark = place
    until(lambda: signed_size(rig.store.checkpoint()) == size)


def test_a_fork_is_never_signed(rig: Rig) -> None:
    """A log that no longer extends what was signed stays unsigned, whoever asks."""
    put(rig.store, "a")
    rig.grown.set()
    until(lambda: rig.store.checkpoint() is not None)
    until(lambda: signed_size(rig.store.checkpoint()) == 1)
    with rig.store._writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("UPDATE head SET frontier = zeroblob(32)")
    put(rig.store, "b")
    rig.grown.set()
    until(lambda: rig.notary.refusal is not None)
    assert isinstance(rig.notary.refusal, ForkError)
    assert signed_size(rig.store.checkpoint()) == 1


def test_appends_do_not_wait_for_a_hanging_mark(rig: Rig) -> None:
    """Where the mark hangs, appends go on, and so does the end."""
    hung = threading.Event()

    class Hanging:
        """A mark on a dead network drive."""

        def newest(self) -> bytes | None:
            """Return nothing."""
            return None

        def keep(self, note: bytes) -> None:
            """Hang."""
            del note
            hung.wait(60)

    until(lambda: rig.store.checkpoint() is not None)
    rig.notary._mark = Hanging()
    put(rig.store, "a")
    rig.grown.set()
    until(rig.notary._turn.locked)
    for number in range(10):
        put(rig.store, f"more{number}")
    assert not rig.signing.stop(timedelta(milliseconds=50))
    hung.set()
    assert rig.store.size() == 11


def test_the_rest_follows_from_the_work() -> None:
    """A slow disk is given rest, but never so long that an entry waits a second."""
    assert signing._rest(0, 1) == signing.REST_LEAST.total_seconds()
    assert [signing._rest(0.02, busy) for busy in (1, 2, 3)] == [0.02, 0.04, 0.04]
    assert signing._rest(9, 2) + signing.LOOK_EVERY.total_seconds() < 1


def test_it_rests_only_while_the_log_grows_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes during a signature waits for the rest; what comes later does not."""
    rests: list[int] = []
    grown, done = threading.Event(), threading.Event()
    grows_on = [False, True, True, True, False, False, True]
    signed = 0

    def sign() -> None:
        nonlocal signed
        if signed < len(grows_on) and grows_on[signed]:
            grown.set()
        signed += 1
        if signed > len(grows_on):
            done.set()

    monkeypatch.setattr(signing, "LOOK_EVERY", timedelta(milliseconds=1))
    monkeypatch.setattr(signing, "_rest", lambda _, busy: rests.append(busy) or 0.0)
    thread = Signing(sign, grown)
    thread.start()
    assert done.wait(60)
    thread.stop()
    assert rests == [1, 2, 3, 1]


def test_many_threads_sign_one_history(tmp_path: Path) -> None:
    """Threads that ask at once leave one line of checkpoints, each of the log."""
    rig = Rig(tmp_path)

    def work(name: int) -> None:
        for number in range(10):
            put(rig.store, f"{name}:{number}")
            rig.sign()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not rig.faults
    assert rig.notary.refusal is None
    assert signed_size(rig.store.checkpoint()) == 40
    rig.close()
