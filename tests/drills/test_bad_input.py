"""What is wrong is said, with the way out, and loses nothing: on the real engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.engines.account import own_folder
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.protected import Protected
from holdfast.engines.provision import stop_cluster

from .rig import DATASTORE, Rig, a_rig

pytestmark = [pytest.mark.engine, pytest.mark.drills]
ROOM = 300_000


@pytest.fixture(name="rig", scope="module")
def _rig() -> Iterator[Rig]:
    """Provide a server with one off-site backup; each test leaves it as it was."""
    with a_rig() as made:
        assert made.run("backup", "first", 2).ok
        yield made


def changed(rig: Rig, name: str, **parts: object) -> Rig:
    """Return the same server under settings that somebody got wrong."""
    folder = rig.protected.folder.parent / name
    protected: Protected = replace(rig.protected, folder=folder, **parts)  # type: ignore[arg-type] # Any part may be wrong.
    return Rig(rig.base, protected, PgBackRest(rig.base / "work", (protected,)))


def test_a_wrong_stanza_is_named(rig: Rig) -> None:
    """Where the stanza is not there, that is said, by looks and by jobs."""
    wrong = changed(rig, "stanza", stanza="nonsense")
    found = wrong.engine.points(DATASTORE).repositories[1]
    backed_up = wrong.run("backup", "wrong-stanza", 2)
    assert not found.reachable
    assert "check `stanza` and `path`" in found.detail
    assert "check `stanza` and `path`" in backed_up.detail


def test_a_configuration_that_cannot_be_written_is_named(rig: Rig) -> None:
    """Something else in the configuration's place ends nothing but the look at it."""
    wrong = changed(rig, "place")
    own_folder(wrong.protected.folder)
    (wrong.protected.folder / "repository-2.conf").mkdir()
    found = wrong.engine.points(DATASTORE).repositories
    assert (found[0].reachable, found[1].reachable) == (True, False)
    assert "the configuration cannot be written" in found[1].detail
    assert "cannot be written" in wrong.run("backup", "no-place", 2).detail


def test_a_truncated_listing_is_named_and_its_copy_is_enough(rig: Rig) -> None:
    """One of the two listings cut off harms nothing; both are said to be damaged."""
    listings = sorted((rig.base / "away" / "backup" / DATASTORE).glob("backup.info*"))
    whole = [file.read_bytes() for file in listings]
    assert len(listings) == 2
    try:
        listings[0].write_bytes(whole[0][: len(whole[0]) // 2])
        assert rig.engine.points(DATASTORE).repositories[1].reachable
        listings[1].write_bytes(whole[1][: len(whole[1]) // 2])
        found = rig.engine.points(DATASTORE).repositories[1]
        verified = rig.run("verify", "cut-off", 2)
    finally:
        for file, data in zip(listings, whole, strict=True):
            file.write_bytes(data)
    assert not found.reachable
    assert "or the file is damaged" in found.detail
    assert not verified.ok
    assert rig.engine.points(DATASTORE).repositories[1].reachable


@contextmanager
def full(place: Path) -> Iterator[None]:
    """Let the repository lie on a file system of its own that has no room left."""
    kept = place.with_name("kept")
    place.rename(kept)
    place.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place)
    subprocess.run(mount, check=True)
    try:
        subprocess.run(("cp", "-a", f"{kept}/.", place), check=True)
        shutil.copystat(kept, place)
        os.chown(place, kept.stat().st_uid, kept.stat().st_gid)
        left = os.statvfs(place)
        filler = bytes(left.f_bavail * left.f_frsize - ROOM)
        (place / "filler").write_bytes(filler)
        yield
    finally:
        subprocess.run(("umount", "-l", place), check=True)
        shutil.rmtree(place)
        kept.rename(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_full_repository_is_named_and_keeps_what_it_has(rig: Rig) -> None:
    """A backup that finds no room fails by its reason; the one before stays whole."""
    with full(rig.base / "away"):
        backed_up = rig.run("backup", "no-room", 2)
        assert not backed_up.ok
        assert "has no room left" in backed_up.detail
        assert rig.run("verify", "still-whole", 2).ok


def test_a_repository_of_another_cluster_protects_nothing(rig: Rig) -> None:
    """By its system identifier: its backups are not taken for this server's."""
    with a_rig() as other:
        mine, theirs = other.protected, rig.protected.repositories
        wrong = changed(other, "mistaken", repositories=theirs)
        points = wrong.engine.points(DATASTORE)
        backed_up = wrong.run("backup", "mistaken", 2)
        stop_cluster(mine)
    assert {r.reachable for r in points.repositories} == {False}
    assert points.recoverable_to is None
    assert "belongs to another cluster" in points.repositories[1].detail
    assert "belongs to another cluster" in backed_up.detail
    assert len(rig.engine.points(DATASTORE).repositories[1].backups) == 1
