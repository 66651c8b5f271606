"""Kill -9 of the node in the middle of the response, on both stores.

Whatever the moment, after the restart every duty of the policy's section 7 is done
once, and the ledger verifies. ``HOLDFAST_SEED`` draws other moments.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.contracts.conftest import Server, postgresql  # noqa: F401 - a fixture.
from tests.operations.killing import LIVES, rounds, town

ROUNDS = 5
AT_ONCE = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_kill(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """After ten kills at random moments each duty is done once and all is recorded."""
    urls = [""] * ROUNDS
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        urls = [server.new_database() for _ in urls]
    seed = f"{kind}-{os.environ.get('HOLDFAST_SEED', '1')}"
    with town(tmp_path) as people, ThreadPoolExecutor(AT_ONCE) as pool:
        ours = rounds(tmp_path, people, urls, seed)
        for each in [pool.submit(each.run) for each in ours]:
            each.result()
    for each in ours:
        each.verify()
    assert sum(each.kills for each in ours) == ROUNDS * (LIVES - 1) == 10
