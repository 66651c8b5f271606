"""A log checked on several cores: the same answer, and the same first fault."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from holdfast.ledger.checkpoint import Signer
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.spans import SPAN_TILES, Check, Checked, Span
from holdfast.ledger.tiles import TILE_WIDTH
from holdfast.ledger.verify import verify_log
from holdfast.storage.folder import Folder
from holdfast.storage.sharing import cores, fetchers

SIZE = 3 * SPAN_TILES * TILE_WIDTH + 700
SIGNED = [0, 5, 256, SPAN_TILES * TILE_WIDTH, 20_000, SIZE - 300, SIZE]


@pytest.fixture(name="log", scope="module")
def _log(tmp_path_factory: pytest.TempPathFactory, published) -> Path:
    """Return the folder of a log of several spans."""
    folder = tmp_path_factory.mktemp("shared") / "log"
    for path, data in published([b"%d" % at for at in range(SIZE)], SIGNED).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.mark.parametrize("kind", [cores, fetchers])
def test_sharing_changes_no_answer(kind, log: Path, signer: Signer) -> None:
    """Whoever shares the work, the verification says the same, in the same order."""
    alone = verify_log(Folder(log), [signer.key], earlier=SIGNED)
    told: list[int] = []
    with kind(2) as share:
        shared = verify_log(
            Folder(log),
            [signer.key],
            earlier=SIGNED,
            progress=lambda done, _: told.append(done),
            share=share,
        )
    assert shared == alone
    assert told == sorted(told)
    assert told[-1] == SIZE


@pytest.mark.parametrize("kind", [cores, fetchers])
def test_the_first_fault_is_named_across_processes(kind, log, signer: Signer) -> None:
    """Of two faults the first by place is told, whole, from another process too."""
    spoiled = [log / "tile" / "0" / "000", log / "tile" / "0" / "150"]
    whole = [path.read_bytes() for path in spoiled]
    try:
        for path, data in zip(spoiled, whole, strict=True):
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with kind(2) as share, pytest.raises(LedgerError) as caught:
            verify_log(Folder(log), [signer.key], share=share)
    finally:
        for path, data in zip(spoiled, whole, strict=True):
            path.write_bytes(data)
    assert "entry 255 does not fit" in caught.value.message
    assert caught.value.hint
    assert caught.value.where == "tile/0/000 bytes 8160-8192"


def test_spans_may_be_checked_in_any_order(log: Path, signer: Signer) -> None:
    """What a span answers does not depend on any other."""

    def backwards(check: Check, spans: Iterable[Span]) -> Iterable[Checked]:
        return [check(span) for span in [*spans][::-1]][::-1]

    straight = verify_log(Folder(log), [signer.key], earlier=SIGNED)
    assert straight == verify_log(
        Folder(log), [signer.key], earlier=SIGNED, share=backwards
    )


@pytest.mark.parametrize("module", ["verify", "proof", "tiled"])
def test_verification_needs_nothing_but_the_ledger_room(module: str) -> None:
    """Verifying loads the ledger room, its errors, and no other room of Holdfast."""
    code = (
        f"import sys, holdfast.ledger.{module}\n"
        "rooms = {n.split('.')[1] for n in sys.modules if n.startswith('holdfast.')}\n"
        "print(*sorted(rooms))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["errors", "ledger"]
