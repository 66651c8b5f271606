"""The witness's memory: never back, never forgotten, whoever races and whoever dies."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from tests.witness.rig import COSIGNER, NOW, SIGNER, SomeLog, stored, witness

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Checkpoint
from holdfast.storage.witness import WitnessStore

ROOT = Path(__file__).parents[2]
LOG = SomeLog(40)
FORK = SomeLog(40, salt="fork", common=8)


def test_one_of_two_wins(tmp_path: Path) -> None:
    """Of requests that race from one size one is cosigned; the rest conflict."""
    with closing(stored(tmp_path)) as memory:
        judge = witness(memory)
        judge.add_checkpoint(LOG.request(0, 8), NOW)
        bodies = [log.request(8, size) for size in range(9, 41) for log in (LOG, FORK)]
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(judge.add_checkpoint, body, NOW) for body in bodies]
        statuses = sorted(one.result().status for one in asked)
        assert statuses == [200] + [409] * 63


class Meeting(WitnessStore):
    """A memory in which two requests read the same size before either moves it on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.met = threading.Barrier(2)
        self.reads = itertools.count()

    def latest(self, origin: str) -> Checkpoint | None:
        """Return it once both have asked."""
        found = super().latest(origin)
        if next(self.reads) < 2:
            self.met.wait(60)
        return found


@pytest.mark.parametrize("sizes", [(9, 12), (12, 9), (9, 9)])
def test_both_had_read_the_same(tmp_path: Path, sizes: tuple[int, int]) -> None:
    """Of two that were judged from one size, the second to write is judged anew."""
    with closing(stored(tmp_path)) as memory:
        witness(memory).add_checkpoint(LOG.request(0, 8), NOW)
    with (
        closing(Meeting(tmp_path / "witness.sqlite")) as memory,
        ThreadPoolExecutor(2) as pool,
    ):
        judge = witness(memory)
        bodies = [LOG.request(8, sizes[0]), FORK.request(8, sizes[1])]
        answers = list(pool.map(lambda body: judge.add_checkpoint(body, NOW), bodies))
        assert sorted(answer.status for answer in answers) == [200, 409]
        kept = memory.latest(SIGNER.name)
        assert kept is not None
        assert f"{kept.size}\n" in {answer.body for answer in answers}


def test_two_processes_share_one_memory(tmp_path: Path) -> None:
    """What one process cosigned, another over the same file knows."""
    with (
        closing(stored(tmp_path)) as memory,
        closing(WitnessStore(tmp_path / "witness.sqlite")) as again,
    ):
        assert witness(memory).add_checkpoint(LOG.request(0, 8), NOW).status == 200
        assert witness(again).add_checkpoint(LOG.request(0, 8), NOW).status == 409
        assert witness(again).add_checkpoint(LOG.request(8, 9), NOW).status == 200
        assert witness(memory).add_checkpoint(FORK.request(8, 9), NOW).status == 409


def test_killed_between_memory_and_answer(tmp_path: Path) -> None:
    """What was remembered before SIGKILL binds the witness that is started again."""
    stored(tmp_path).close()
    file = tmp_path / "witness.sqlite"
    program = [sys.executable, "-m", "tests.witness.serving_witness", str(file)]
    with subprocess.Popen(
        program,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{address}/add-checkpoint", content=LOG.request(0, 12))
        assert process.wait() == -signal.SIGKILL
    with closing(WitnessStore(file)) as memory:
        judge = witness(memory)
        assert judge.add_checkpoint(FORK.request(0, 12), NOW).body == "12\n"
        assert judge.add_checkpoint(FORK.request(12, 12), NOW).status == 409
        assert judge.add_checkpoint(LOG.request(12, 12), NOW).status == 200


def test_the_file_refuses_to_go_back(tmp_path: Path) -> None:
    """The database itself refuses a smaller size, another root, and a deletion."""
    with closing(stored(tmp_path)) as memory:
        at = Checkpoint(SIGNER.name, 8, bytes(32))
        assert memory.advance(None, at)
        for after in (
            Checkpoint(SIGNER.name, 7, bytes(32)),
            Checkpoint(SIGNER.name, 8, bytes([1]) * 32),
        ):
            with pytest.raises(HoldfastError, match="never goes back"):
                memory.advance(at, after)
        assert memory.latest(SIGNER.name) == at
        with (
            pytest.raises(HoldfastError, match="never forgotten"),
            memory._turn() as database,
        ):
            database.execute("DELETE FROM cosigned")


def test_bad_files(tmp_path: Path) -> None:
    """A memory that is missing, made twice, or not one of ours is told in words."""
    with pytest.raises(HoldfastError, match="no memory here") as none:
        WitnessStore(tmp_path / "witness.sqlite")
    assert "new key" in none.value.hint
    stored(tmp_path).close()
    assert (tmp_path / "witness.sqlite").stat().st_mode & 0o077 == 0
    with pytest.raises(HoldfastError, match="cannot be made"):
        WitnessStore.create(tmp_path / "witness.sqlite")
    (tmp_path / "text").write_text("no database, only text of some length" * 40)
    with pytest.raises(HoldfastError, match="cannot be used"):
        WitnessStore(tmp_path / "text")
    with closing(sqlite3.connect(tmp_path / "empty")) as empty:
        empty.execute("CREATE TABLE other (one TEXT)")
    with (
        closing(WitnessStore(tmp_path / "empty")) as odd,
        pytest.raises(HoldfastError, match="cannot be used"),
    ):
        odd.logs()


def test_trusts_logs_only(tmp_path: Path) -> None:
    """A witness's key is not taken for a log's."""
    with closing(stored(tmp_path)) as memory:
        with pytest.raises(HoldfastError, match="not the key of a log"):
            memory.trust(COSIGNER.key)
        memory.trust(SIGNER.key)
        assert [len(log.keys) for log in memory.logs()] == [1, 1]
