"""A whole published log: found right, and every kind of harm named by its place."""

from __future__ import annotations

import pytest

from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.verify import verify_log


def _entries(count: int) -> list[bytes]:
    return [b"entry %d" % at for at in range(count)]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 700, 65_536, 66_000])
def test_a_good_log_verifies(size: int, publish, signer: Signer) -> None:
    """A log of any size verifies, and says how much was checked."""
    seen: list[tuple[int, int]] = []
    result = verify_log(
        publish(_entries(size)),
        [signer.key],
        progress=lambda done, total: seen.append((done, total)),
    )
    assert result.entries == result.checkpoint.size == size
    assert [one.key for one in result.signed_by] == [signer.key]
    assert not size or seen[-1] == (size, size)


def test_earlier_sizes_are_held_against_the_log(publish, signer: Signer) -> None:
    """Checkpoints of earlier sizes, and their partial tiles, are checked too."""
    sizes = [0, 1, 100, 256, 300, 511, 600, 700]
    log = publish(_entries(700), sizes)
    result = verify_log(log, [signer.key], earlier=sizes)
    assert result.earlier == (0, 1, 100, 256, 300, 511, 600)


def test_partials_with_a_full_tile_may_be_gone(publish, signer: Signer) -> None:
    """A partial tile may be deleted once its full tile is there, not before."""
    log = publish(_entries(700), [100, 600])
    del log.files["tile/0/000.p/100"], log.files["tile/entries/000.p/100"]
    verify_log(log, [signer.key], earlier=[100, 600])
    del log.files["tile/0/002.p/88"]
    with pytest.raises(LedgerError, match="missing") as caught:
        verify_log(log, [signer.key], earlier=[100, 600])
    assert caught.value.where == "tile/0/002.p/88"


def test_every_flipped_bit_is_found(publish, signer: Signer) -> None:
    """Any one bit changed in any file of a log fails, under its own path or size."""
    sizes = [1, 5, 258]
    log = publish([b"%d" % at for at in range(259)], sizes)
    verify_log(log, [signer.key], earlier=sizes)
    for path, good in log.files.items():
        for bit in range(0, len(good) * 8, max(1, len(good) // 4)):
            spoiled = bytearray(good)
            spoiled[bit // 8] ^= 1 << bit % 8
            log.files[path] = bytes(spoiled)
            with pytest.raises(LedgerError):
                verify_log(log, [signer.key], earlier=[*sizes, 259])
        log.files[path] = good


def test_altered_entry_is_named(publish, signer: Signer) -> None:
    """A changed entry is named by its index, its tile and the bytes there."""
    log = publish(_entries(600))
    bundle = log.files["tile/entries/001"]
    log.files["tile/entries/001"] = bundle.replace(b"entry 300", b"entry 3OO")
    with pytest.raises(LedgerError, match="entry 300 does not fit") as caught:
        verify_log(log, [signer.key])
    assert caught.value.where == "tile/0/001 bytes 1408-1440"


def test_altered_upper_tile_is_named(publish, signer: Signer) -> None:
    """A changed hash of an upper tile is named."""
    log = publish(_entries(600))
    log.files["tile/1/000.p/2"] = log.files["tile/1/000.p/2"][:32] + bytes(32)
    with pytest.raises(LedgerError, match="tile/1 hash 1 does not fit"):
        verify_log(log, [signer.key])


def test_altered_full_upper_tile_is_named(publish, signer: Signer) -> None:
    """A changed hash of an upper tile that is full is named too."""
    log = publish(_entries(65_537))
    good = log.files["tile/1/000"]
    log.files["tile/1/000"] = good[:-32] + bytes(32)
    with pytest.raises(LedgerError, match="tile/1 hash 255 does not fit") as caught:
        verify_log(log, [signer.key])
    assert caught.value.where == "tile/1/000 bytes 8160-8192"


@pytest.mark.parametrize(
    "harm",
    [b"", b"\x00", b"\x00\x05abc", b"\x00\x01a", b"\x00\x01a" * 4],
)
def test_damaged_bundle_is_named(harm: bytes, publish, signer: Signer) -> None:
    """A bundle that is cut off, or holds too few or too many, is named."""
    log = publish(_entries(3))
    log.files["tile/entries/000.p/3"] = harm
    with pytest.raises(LedgerError, match="entry bundle is damaged") as caught:
        verify_log(log, [signer.key])
    assert caught.value.where == "tile/entries/000.p/3"


@pytest.mark.parametrize(
    "path", ["checkpoint", "tile/entries/000.p/3", "tile/0/000.p/3"]
)
def test_missing_file_is_named(path: str, publish, signer: Signer) -> None:
    """What a log does not serve is named."""
    log = publish(_entries(3))
    del log.files[path]
    with pytest.raises(LedgerError) as caught:
        verify_log(log, [signer.key])
    assert caught.value.where == path


def test_short_tile_is_named(publish, signer: Signer) -> None:
    """A tile of the wrong length is named."""
    log = publish(_entries(3))
    log.files["tile/0/000.p/3"] += b"more"
    with pytest.raises(LedgerError, match="has 96 bytes, this one has 100"):
        verify_log(log, [signer.key])


@pytest.mark.parametrize("size", [0, 3, 256])
def test_signed_lie_is_found(size: int, publish, signer: Signer) -> None:
    """A root that was signed but is not the entries' is found."""
    log = publish(_entries(size))
    lie = Checkpoint(signer.name, size, bytes(32)).text()
    log.files["checkpoint"] = signer.sign(lie)
    with pytest.raises(LedgerError, match=f"root at size {size} does not fit"):
        verify_log(log, [signer.key])


def test_interrupted_publication_is_no_alarm(publish, signer: Signer) -> None:
    """A copy that holds more than it shows is whole up to the larger checkpoint."""
    log = publish(_entries(700), [7, 300, 600])
    for shown in (300, 7, None):
        if shown is None:
            del log.files["checkpoint"]
        else:
            log.files["checkpoint"] = log.files[f"checkpoints/{shown}"]
        result = verify_log(log, [signer.key], earlier=[7, 300, 600, 700])
        assert (result.shown, result.checkpoint.size) == (shown, 700)
        assert result.interrupted
        assert result.earlier == (7, 300, 600)
    whole = publish(_entries(700), [7])
    assert not verify_log(whole, [signer.key], earlier=[7, 700]).interrupted


@pytest.mark.parametrize(
    "gone", ["tile/entries/002.p/188", "tile/0/002.p/188", "tile/1/000.p/2"]
)
def test_rolled_back_log_is_found(gone: str, publish, signer: Signer) -> None:
    """A log that has less than it once signed is found by its own copies."""
    log = publish(_entries(700), [7, 600])
    log.files["checkpoint"] = log.files["checkpoints/600"]
    del log.files[gone]
    words = "signed at size 700 and now shows only 600; up to 700 the .* is missing"
    with pytest.raises(LedgerError, match=words) as caught:
        verify_log(log, [signer.key], earlier=[7, 600, 700])
    assert caught.value.where == gone


def test_rolled_back_log_is_found_by_a_kept_checkpoint(publish, signer) -> None:
    """A log rolled back with its copies is found by a checkpoint kept elsewhere."""
    kept = [publish(_entries(at)).files["checkpoint"] for at in (0, 3, 256, 700)]
    whole = publish(_entries(700), [7])
    result = verify_log(whole, [signer.key], earlier=[7], anchors=kept)
    assert result.earlier == (0, 3, 7, 256)
    old = publish(_entries(600), [7])
    with pytest.raises(LedgerError, match="of size 700 was kept, and the log shows"):
        verify_log(old, [signer.key], earlier=[7], anchors=kept)
    fork = publish([b"other"] * 3).files["checkpoint"]
    with pytest.raises(LedgerError, match="root at size 3 does not fit"):
        verify_log(whole, [signer.key], anchors=[*kept, fork])
    foreign = Signer("other.example/log", bytes(32))
    text = Checkpoint(foreign.name, 0, bytes(32)).text()
    with pytest.raises(LedgerError, match=r"is of other\.example/log, the log is"):
        verify_log(whole, [signer.key, foreign.key], anchors=[foreign.sign(text)])


def test_forked_history_is_found(publish, signer: Signer) -> None:
    """An earlier checkpoint of another history is found."""
    log = publish(_entries(10), [7])
    other = publish([b"other %d" % at for at in range(7)])
    log.files["checkpoints/7"] = other.files["checkpoint"]
    with pytest.raises(LedgerError, match="root at size 7 does not fit"):
        verify_log(log, [signer.key], earlier=[7])


def test_copy_under_a_wrong_size_is_found(publish, signer: Signer) -> None:
    """A checkpoint copy that lies under another size's name is found."""
    log = publish(_entries(10), [7])
    log.files["checkpoints/6"] = log.files["checkpoints/7"]
    with pytest.raises(LedgerError, match=r"copy is of example\.com/log at size 7"):
        verify_log(log, [signer.key], earlier=[6])
