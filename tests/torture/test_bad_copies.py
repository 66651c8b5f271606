"""What is wrong with a copy, a key or a disk is told in words; nothing is lost."""

from __future__ import annotations

import resource
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.torture.homes import contents, empty_machine, holdfast
from tests.torture.points import DONE, FAILED, ended, run
from tests.torture.recovery import Yard

from holdfast.errors import HoldfastError

pytestmark = pytest.mark.xdist_group("torture")


@pytest.fixture(scope="module", name="yard")
def _yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    """Return a home with a copy."""
    return Yard.make(tmp_path_factory.mktemp("yard"))


def cut(copy: Path, under: str) -> None:
    """Cut the newest file in a folder of the copy."""
    file = max(one for one in (copy / under).rglob("*") if one.is_file())
    file.write_bytes(file.read_bytes()[:-3])


def by_another(copy: Path, _: Path) -> None:
    """Have every checkpoint bear another name's signature."""
    for note in (copy / "checkpoint", *(copy / "checkpoints").iterdir()):
        text = note.read_text("utf-8").replace("— northwind", "— southwind")
        note.write_text(text, "utf-8")


def another_escrow(_: Path, new: Path) -> None:
    """Bring a key that sealed nothing."""
    (new / "escrow.key").write_text(f"{secrets.token_hex(32)}\n", "utf-8")


def another_key(_: Path, new: Path) -> None:
    """Bring a public key with a slip in it."""
    text = (new / "ledger.vkey").read_text("utf-8")
    name, _, rest = text.partition("+")
    (new / "ledger.vkey").write_text(f"{name}+00000000{rest[8:]}", "utf-8")


BAD: list[tuple[Callable[[Path, Path], object], str]] = [
    (lambda copy, _: cut(copy, "tile/0"), "a tile of"),
    (lambda copy, _: cut(copy, "tile/entries"), "is cut off"),
    (lambda copy, _: shutil.rmtree(copy / "tile/1"), "the tile is missing"),
    (lambda copy, _: shutil.rmtree(copy), "folder of the copy is not there"),
    (by_another, "shows no checkpoint that this key verifies"),
    (another_escrow, "under this escrow key"),
    (another_key, "verifier key's id is not"),
]


def test_it_is_told_and_a_good_one_is_taken(yard: Yard, tmp_path: Path) -> None:
    """Each fault has its message and hint; with what is right the same home is
    recovered after it.
    """
    copy, new = tmp_path / "off-site", tmp_path / "new"
    safe = empty_machine(yard.home, tmp_path / "safe")
    words = ("ledger", "recover", "--from", copy.as_uri(), "--home", new)
    for spoil, message in BAD:
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(safe, new)
        shutil.copytree(yard.copy, copy)
        spoil(copy, new)
        with pytest.raises(HoldfastError, match=message) as told:
            holdfast(*words)
        assert told.value.hint
        shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(yard.copy, copy)
    shutil.copytree(safe, new, dirs_exist_ok=True)
    holdfast(*words)
    assert contents(new).root == yard.whole.root


@pytest.mark.parametrize("room", [16_000, 120_000])
def test_a_disk_without_room(yard: Yard, tmp_path: Path, room: int) -> None:
    """Without room for the copy, or for the database, that is said; with room, it goes
    on. A limit of a file's size stands for the full disk.
    """
    new, notes = empty_machine(yard.home, tmp_path / "new"), tmp_path / "notes"
    words = yard.recovering(new)
    plain = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, plain[1]))
    try:
        status = ended(run(words, notes))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, plain)
    told = notes.with_suffix(".errors").read_text("utf-8")
    assert status == FAILED
    assert told.startswith("StoreError: "), told
    assert ended(run(words, notes)) == DONE
    assert contents(new).people == yard.whole.people
