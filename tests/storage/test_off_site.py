"""Publishing: in order, only what is new, and whole after any crash."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from tests.storage.logs import FakeTarget, Kept, grow, log_of, off_site, verified

from holdfast.ledger.edge import Edge
from holdfast.ledger.merkle import fold, leaf_hashes
from holdfast.operations.copies import DiffersError, OutOfReachError, UnreadableError
from holdfast.operations.notary import ForkError
from holdfast.storage import off_site as off_site_room
from holdfast.storage.errors import StoreError
from holdfast.storage.folder import export
from holdfast.storage.targets import Target, open_target

SIZES = (0, 1, 255, 256, 257, 1_000)
LARGE = (65_536, 70_000)


def grow_and_publish(target: Target, sizes: tuple[int, ...]) -> None:
    """Publish a growing log at each size, and verify it each time."""
    store = log_of()
    copy = off_site(store, target)
    for size in sizes:
        grow(store, size)
        shipped = copy.publish()
        found = verified(target)
        assert shipped.size == found.checkpoint.size == size
        assert shipped.root == found.checkpoint.root
    done = [size for size in sizes if size < sizes[-1]]
    assert list(found.earlier) == done


def test_every_size_is_published(tmp_path: Path) -> None:
    """A log verifies at each size it grows to, with all earlier checkpoints."""
    folder = tmp_path / "copy"
    folder.mkdir()
    grow_and_publish(open_target(folder.as_uri()), (*SIZES, *LARGE))


def test_a_late_start_publishes_what_an_export_does(tmp_path: Path) -> None:
    """One publication of a log signed at many sizes writes the files of an export."""
    store = log_of(*SIZES, 1_003)
    target = FakeTarget()
    off_site(store, target).publish()
    export(store, tmp_path)
    exported = {
        str(file.relative_to(tmp_path)): file.read_bytes()
        for file in tmp_path.rglob("*")
        if file.is_file()
    }
    del target.files["verifier-key.txt"]
    assert target.files == exported


def test_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundles come first, then tiles by level, checkpoint copies, the checkpoint."""
    monkeypatch.setattr(off_site_room, "AT_ONCE", 1)
    store, target = log_of(300, 1_000), FakeTarget()
    off_site(store, target).publish()
    parts = [path.split("/") for path in target.written[1:]]
    order = ["entries", "0", "1", "checkpoints", "checkpoint"]
    places = [order.index(part[1] if part[0] == "tile" else part[0]) for part in parts]
    assert places == sorted(places)
    assert target.written[-1] == "checkpoint"


def test_only_what_is_new_is_written() -> None:
    """After one more entry, four files are written, whatever the log's size."""
    store, target = log_of(1_000), FakeTarget()
    copy = off_site(store, target)
    copy.publish()
    for again in (copy, off_site(store, target)):
        before = len(target.written)
        grow(store, store.size() + 1)
        again.publish()
        new = target.written[before:]
        assert len(new) == 4
        assert sorted({path.split("/")[0] for path in new}) == [
            "checkpoint",
            "checkpoints",
            "tile",
        ]
        again.publish()
        assert len(target.written) == before + 4


@pytest.mark.parametrize("outcome", ["lost", "stored"])
@pytest.mark.parametrize(("old", "new"), [(0, 3), (255, 257), (200, 530)])
def test_a_crash_at_any_write(
    old: int, new: int, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever write fails, stored or not, the copy is the old log or the new one,
    whole at every moment, and the next run ends what this one began.
    """
    monkeypatch.setattr(off_site_room, "AT_ONCE", 1)
    at = 0
    while True:
        store, target = log_of(old), FakeTarget()
        off_site(store, target).publish()
        grow(store, (old + new) // 2)
        grow(store, new)
        begun = len(target.written)

        def shown(target: FakeTarget = target) -> None:
            assert verified(target).checkpoint.size in {old, new}

        target.watch = shown
        target.fails = lambda n, begun=begun, at=at: outcome if n == begun + at else ""
        try:
            off_site(store, target).publish()
        except OutOfReachError:
            target.fails = lambda _: ""
            shown()
            off_site(store, target).publish()
            assert verified(target).checkpoint.size == new
            at += 1
        else:
            break
    assert at >= 6


def test_put_only() -> None:
    """Without the right to read, the own record says where to go on."""
    store, target = log_of(300), FakeTarget(readable=False)
    copy = off_site(store, target)
    copy.publish()
    grow(store, 301)
    before = len(target.written)
    copy.edge = None
    copy.publish()
    assert len(target.written) == before + 4
    with pytest.raises(UnreadableError):
        copy.check()
    copy.record = Kept()
    grow(store, 302)
    copy.publish()
    target.readable = True
    assert verified(target).checkpoint.size == 302


def test_an_emptied_place_is_filled_again() -> None:
    """Where the files are gone, all are published, whatever was noted here."""
    store, target = log_of(300), FakeTarget()
    copy = off_site(store, target)
    copy.publish()
    target.files.clear()
    copy.publish()
    assert verified(target).checkpoint.size == 300


def test_a_fork_is_refused() -> None:
    """Another history, or a rolled-back one, is not mixed into the copy."""
    target = FakeTarget()
    off_site(log_of(300), target).publish()
    before = dict(target.files)
    forked = log_of()
    grow(forked, 280)
    with pytest.raises(ForkError, match="shows 300 entries, this log is signed at 280"):
        off_site(forked, target).publish()
    grow(forked, 310, "other")
    with pytest.raises(ForkError, match="another log at size 300"):
        off_site(forked, target).publish()
    assert target.files == before


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/000", "checkpoint"])
def test_reading_back_finds_what_was_altered(path: str) -> None:
    """A check reads everything again and names what differs."""
    store, target = log_of(300), FakeTarget()
    copy = off_site(store, target)
    copy.publish()
    assert copy.check().size == 300
    data = target.files[path]
    target.files[path] = data[:40] + bytes([data[40] ^ 1]) + data[41:]
    with pytest.raises(DiffersError):
        copy.check()


def test_nothing_signed() -> None:
    """A log without a checkpoint cannot be published, and that is said."""
    with pytest.raises(StoreError, match="nothing is signed yet"):
        off_site(log_of(), FakeTarget()).publish()


def test_long_runs_show_a_valid_log_on_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A long publication shows each part as a log of its own."""
    monkeypatch.setattr(off_site_room, "STEP", 100)
    store, target = log_of(*range(60, 601, 60)), FakeTarget()
    off_site(store, target).publish()
    assert target.written.count("checkpoint") == 10
    assert verified(target).checkpoint.size == 600


def test_an_edge_grows_as_a_tree() -> None:
    """An edge has the root of the whole tree at every size."""
    leaves = leaf_hashes(b"%d" % at for at in range(70_000))
    edge = Edge()
    for start, stop in pairwise((0, 1, 255, 256, 513, 65_536, 70_000)):
        edge.extend(leaves[start:stop])
        assert edge.root() == fold(leaves[:stop])


def test_an_altered_database_does_not_spoil_its_copy() -> None:
    """What was altered since is taken from the copy; what is new must be signed, or
    nothing of it is written.
    """
    target = FakeTarget()
    store = log_of(300)
    copy = off_site(store, target)
    copy.publish()
    store._entries[280] = b"altered"
    grow(store, 310)
    assert copy.publish().size == 310
    assert verified(target).checkpoint.size == 310
    target.readable = False
    grow(store, 320)
    with pytest.raises(UnreadableError):
        copy.publish()
    target.readable = True
    store._entries[315] = b"altered"
    written = len(target.written)
    with pytest.raises(ForkError, match="is not the one that was signed"):
        copy.publish()
    assert len(target.written) == written
    assert verified(target).checkpoint.size == 310
