"""Publishing a store as a folder, and checking a store against itself."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import leaf_hash
from holdfast.ledger.verify import verify_log
from holdfast.operations.ports.store import Draft
from holdfast.storage.audit import audit, prove
from holdfast.storage.errors import StoreError
from holdfast.storage.folder import Folder, export
from holdfast.storage.memory import MemoryStore

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def _grow(store: MemoryStore, size: int, start: bytes = b"entry") -> None:
    drafts = [
        Draft(f"k{at}", lambda _, at=at: start + b" %d" % at)
        for at in range(store.size(), size)
    ]
    store.append(drafts, now=NOW)


def _store(
    signer: Signer, sizes: Iterable[int], start: bytes = b"entry"
) -> MemoryStore:
    """Return a store that grew to each size and was signed there."""
    store = MemoryStore()
    for size in sizes:
        _grow(store, size, start)
        reached, root = store.root()
        text = Checkpoint(signer.name, reached, root).text()
        store.save_checkpoint(reached, signer.sign(text))
    return store


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "sizes", [[0], [1], [256], [7, 300], [3, 255, 256, 511, 700], [100, 65_800]]
)
def test_an_export_is_the_published_log(
    sizes: list[int], tmp_path: Path, publish, signer: Signer
) -> None:
    """The folder holds what the formats demand, byte for byte, and verifies."""
    store = _store(signer, sizes)
    assert export(store, tmp_path / "log") == sizes[-1]
    wanted = publish(list(store.read(0, sizes[-1])), sizes).files
    made = _files(tmp_path / "log")
    for path in set(wanted) - set(made):
        # Only a partial file whose full one is there may be left out.
        assert path.partition(".p/")[0] in made
    assert made.items() <= wanted.items()
    folder = Folder(tmp_path / "log")
    assert folder.signed_sizes() == sizes
    done = verify_log(folder, [signer.key], earlier=folder.signed_sizes())
    assert done.entries == sizes[-1]


def test_an_export_goes_on_where_it_was_cut_off(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that died at any file is run again and gives the same folder."""
    store = _store(signer, [5, 300])
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    export(store, whole)
    replace = Path.replace
    for last in range(len(_files(whole))):
        steps = iter(range(last))

        def die(self: Path, target: Path, steps=steps) -> Path:
            if next(steps, None) is None:
                raise KeyboardInterrupt
            return replace(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", die)
            if last < len(_files(whole)) - len(_files(cut)):
                with pytest.raises(KeyboardInterrupt):
                    export(store, cut)
                assert not (cut / "checkpoint").exists()
    export(store, cut)
    assert _files(cut) == _files(whole)


def test_the_checkpoint_is_written_last(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundles, level 0, upper tiles, the copy, then the checkpoint; each synced."""
    log = tmp_path / "log"
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note(self: Path, target: Path) -> Path:
        steps.append(str(target.relative_to(log)))
        return replace(self, target)

    def sync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        steps.append(f"sync {path.relative_to(log)}")
        fsync(handle)

    monkeypatch.setattr(Path, "replace", note)
    monkeypatch.setattr(os, "fsync", sync)
    export(_store(signer, [300]), log)
    written = [step for step in steps if not step.startswith("sync")]
    assert written == [
        "tile/entries/000",
        "tile/entries/001.p/44",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "checkpoints/300",
        "checkpoint",
    ]
    for path in written:
        new = Path(path).with_name(f".{Path(path).name}.new")
        assert f"sync {new}" in steps[: steps.index(path)]
    # Between two groups, every folder that got a file is on the disk.
    for group, following in (
        (["tile/entries/000", "tile/entries/001.p/44"], "tile/0/000"),
        (["tile/0/000", "tile/0/001.p/44"], "tile/1/000.p/1"),
        (["tile/1/000.p/1"], "checkpoints/300"),
        (["checkpoints/300"], "checkpoint"),
    ):
        for path in group:
            between = steps[steps.index(path) : steps.index(following)]
            assert f"sync {Path(path).parent}" in between
    assert steps[-1] == "sync ."


def test_an_export_grows_with_the_log(tmp_path: Path, signer: Signer) -> None:
    """A later export adds to the folder and rewrites only the checkpoint."""
    log = tmp_path / "log"
    export(_store(signer, [300]), log)
    before = {path: (log / path).stat().st_ino for path in _files(log)}
    assert export(_store(signer, [300, 700]), log) == 700
    for path, number in before.items():
        assert ((log / path).stat().st_ino == number) == (path != "checkpoint")
    verify_log(Folder(log), [signer.key], earlier=[300])


def test_progress_and_key(tmp_path: Path, signer: Signer) -> None:
    """Progress ends at the whole, and the verifier key is written if it is given."""
    told: list[tuple[int, int]] = []
    export(
        _store(signer, [300]),
        tmp_path / "log",
        lambda done, total: told.append((done, total)),
        verifier_key=signer.verifier_key,
    )
    assert told[-1][0] == told[-1][1]
    text = (tmp_path / "log" / "verifier-key.txt").read_text("utf-8")
    assert text == signer.verifier_key + "\n"


def test_another_history_is_never_written_over(tmp_path: Path, signer: Signer) -> None:
    """A folder that shows other bytes, more entries or another log is left alone."""
    log = tmp_path / "log"
    export(_store(signer, [300]), log)
    before = _files(log)
    stranger = Signer("example.com/other", b"o" * 32)
    for store, words in (
        (_store(signer, [300], b"other"), "with other bytes"),
        (_store(signer, [301], b"other"), "with other bytes"),
        (_store(signer, [299]), "with 300 entries"),
        (_store(stranger, [301]), "shows example.com/log"),
    ):
        with pytest.raises(StoreError, match=words) as caught:
            export(store, log)
        assert caught.value.hint
        held = _files(log)
        assert before.items() <= held.items()
        assert held["checkpoint"] == before["checkpoint"]


def test_a_copy_keeps_its_first_signatures(tmp_path: Path, signer: Signer) -> None:
    """A checkpoint signed again by more signers changes `checkpoint`, not its copy."""
    store = _store(signer, [3])
    export(store, tmp_path / "log")
    first = store.checkpoint()
    assert first is not None
    cosigned = (
        first
        + Signer(signer.name, b"2" * 32)
        .sign(first.decode().partition("\n\n")[0] + "\n")
        .rpartition(b"\n\n")[2]
    )
    store.save_checkpoint(3, cosigned)
    export(store, tmp_path / "log")
    assert (tmp_path / "log" / "checkpoints" / "3").read_bytes() == first
    assert (tmp_path / "log" / "checkpoint").read_bytes() == cosigned


def test_nothing_signed_nothing_published(tmp_path: Path) -> None:
    """A store without a checkpoint has nothing to publish, and nothing to prove."""
    with pytest.raises(StoreError, match="nothing is signed yet"):
        export(MemoryStore(), tmp_path / "log")
    assert not (tmp_path / "log").exists()
    with pytest.raises(LedgerError, match="nothing is signed yet"):
        prove(MemoryStore(), 0)


def _spoil_entry(store: MemoryStore) -> None:
    store._entries[280] = b"altered"


def _spoil_entry_and_hash(store: MemoryStore) -> None:
    store._entries[280] = b"altered"
    store._leaves[280] = leaf_hash(b"altered")


def _lose_entry(store: MemoryStore) -> None:
    del store._entries[280]


def _roll_back(store: MemoryStore) -> None:
    note = store._checkpoints[300]
    store.__init__()
    _grow(store, 299)
    store.save_checkpoint(300, note)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_spoil_entry, "entry 280 does not fit"),
        (_spoil_entry_and_hash, "root"),
        (_lose_entry, "entries"),
        (_roll_back, "signed at size 300 and holds (only )?299"),
    ],
)
def test_a_spoiled_store_is_found_and_not_published(
    spoil, words: str, tmp_path: Path, signer: Signer
) -> None:
    """A store that disagrees with itself or its signature is named, never published."""
    store = _store(signer, [7, 300])
    audit(store, [signer.key])
    spoil(store)
    with pytest.raises(LedgerError, match=words):
        audit(store, [signer.key])
    with pytest.raises(StoreError, match=words):
        export(store, tmp_path / "log")
    assert not (tmp_path / "log" / "checkpoint").exists()


def test_an_audit_says_what_it_checked(signer: Signer) -> None:
    """An audit covers every entry and every signed size, also beyond the last one."""
    store = _store(signer, [0, 7, 1_300])
    _grow(store, 1_500)
    told: list[tuple[int, int]] = []
    done = audit(store, [signer.key], lambda at, size: told.append((at, size)))
    assert (done.size, done.root) == store.root()
    assert done.checkpoints == (0, 7, 1_300)
    assert done.latest
    assert done.latest.size == 1_300
    assert [one.key for one in done.signed_by] == [signer.key]
    assert told[-1] == (1_500, 1_500)
    assert audit(store, []).signed_by == ()


def test_an_audit_finds_a_wrong_checkpoint_or_head(signer: Signer) -> None:
    """Each signed size is held against the entries, and the head against them too."""
    lie = signer.sign(Checkpoint(signer.name, 7, bytes(32)).text())
    other = Signer(signer.name, b"o" * 32)
    for spoil, words in (
        (
            lambda store: store._checkpoints.update({7: lie}),
            "root at size 7 does not fit",
        ),
        (lambda store: store.save_checkpoint(6, lie), "it is of size 7"),
        (lambda store: store.save_checkpoint(6, b"junk"), "no signature lines"),
        (
            lambda store: store.save_checkpoint(
                9, other.sign(Checkpoint(signer.name, 9, bytes(32)).text())
            ),
            "no signature of a known key",
        ),
    ):
        store = _store(signer, [7, 10])
        spoil(store)
        with pytest.raises(LedgerError, match=words) as caught:
            audit(store, [signer.key])
        assert caught.value.where.startswith("checkpoint of size")
    store = _store(signer, [10])
    store._frontier = store._frontier.__class__(10, (bytes(32), bytes(32)))
    with pytest.raises(LedgerError, match="head's root"):
        audit(store, [signer.key])


def test_every_entry_under_the_signature_is_provable(signer: Signer) -> None:
    """A proof is made for each signed entry, and for none beyond."""
    store = _store(signer, [11])
    _grow(store, 12)
    for index, entry in enumerate(store.read(0, 11)):
        prove(store, index).verify(entry, [signer.key])
    for index in (-1, 11):
        with pytest.raises(LedgerError):
            prove(store, index)
    _grow(store, 300)
    store._leaves[3] = bytes(32)
    with pytest.raises(LedgerError, match="does not fit its checkpoint"):
        prove(store, 0)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, signer: Signer) -> None:
    """A file where a folder should be, or the reverse, is an error in words."""
    (tmp_path / "file").write_text("here", "utf-8")
    with pytest.raises(StoreError, match="cannot open"):
        export(_store(signer, [3]), tmp_path / "file")
    (tmp_path / "log" / "tile").mkdir(parents=True)
    (tmp_path / "log" / "tile" / "entries").write_text("here", "utf-8")
    with pytest.raises(StoreError, match="cannot write"):
        export(_store(signer, [3]), tmp_path / "log")
    (tmp_path / "dir" / "checkpoint").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot read"):
        export(_store(signer, [3]), tmp_path / "dir")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "checkpoint").write_text("junk", "utf-8")
    with pytest.raises(HoldfastError, match="no signature lines"):
        export(_store(signer, [3]), tmp_path / "bad")
