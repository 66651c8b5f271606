"""A published log as a folder: read, written atomically, exported from a store.

Whoever reads `checkpoint` finds all that it commits to: bundles are written first,
then the tiles from level 0 upward, the checkpoint's copy, and `checkpoint` itself last.
A file is either whole or not there, and one that is immutable is never written again
with other bytes. So an export that was cut off is simply run again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.ledger.note import parse_note
from holdfast.ledger.verify import CHECKPOINT_PATH, Progress, checkpoint_path
from holdfast.operations.ports.store import Store
from holdfast.storage.errors import StoreError
from holdfast.storage.published import Published

KEY_PATH = "verifier-key.txt"


class Folder:
    """The files of one published log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unsynced: set[Path] = set()

    def read(self, path: str) -> bytes | None:
        """Return the file's bytes, or ``None`` if there is none."""
        try:
            # Without a buffer and a Path for each: a log has thousands of files.
            name = f"{self.path}/{path}"
            with open(name, "rb", buffering=0, opener=_opened) as file:
                return file.readall()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as fault:
            raise self._refused("read", path, fault) from None

    def signed_sizes(self) -> list[int]:
        """Return the sizes whose checkpoint copies lie here, smallest first."""
        names = (one.name for one in (self.path / "checkpoints").glob("*"))
        return sorted({int(name) for name in names if name.isdecimal()})

    def write_once(self, path: str, data: bytes) -> None:
        """Write an immutable file; one that is there must hold the same bytes."""
        held = self.read(path)
        if held is None:
            self._write(path, data)
        elif held != data:
            raise StoreError(
                "the file is published already, with other bytes",
                "Two histories of one log: keep both folders, and find out why.",
                str(self.path / path),
            )

    def replace(self, path: str, data: bytes) -> None:
        """Write a file that changes, after all that was written before it."""
        self.settle()
        self._write(path, data)
        self.settle()

    def settle(self) -> None:
        """Make what was written survive a power loss before anything later does."""
        for folder in sorted(self._unsynced):
            _sync(folder)
        self._unsynced.clear()

    def names(self, under: str = "") -> list[str]:
        """Return the files directly in the folder, but for those being written."""
        try:
            found = list((self.path / under).iterdir())
        except FileNotFoundError:
            return []
        except OSError as fault:
            raise self._refused("read", "", fault) from None
        return sorted(one.name for one in found if one.is_file() and one.name[0] != ".")

    def remove(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out; the folder is made if it is not there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as fault:
            raise self._refused("open", "", fault) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, path: str, data: bytes) -> None:
        target = self.path / path
        temporary = target.with_name(f".{target.name}.new")
        try:
            self._make(target.parent)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with os.fdopen(os.open(temporary, flags, 0o644), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as fault:
            raise self._refused("write", path, fault) from None
        self._unsynced.add(target.parent)

    def _make(self, folder: Path) -> None:
        if not folder.exists():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            self._unsynced.add(folder.parent)

    def _refused(self, verb: str, path: str, fault: OSError) -> StoreError:
        return StoreError(
            f"cannot {verb} the published log: {fault.strerror}",
            "Look at the folder's permissions, and whether its disk has room.",
            str(self.path / path),
        )


def export(
    store: Store,
    folder: Path,
    progress: Progress | None = None,
    *,
    verifier_key: str | None = None,
    upto: int | None = None,
) -> int:
    """Publish the store's latest signed checkpoint with all under it; return its size.

    Every signed size that the store holds gets its checkpoint's copy, and its partial
    tiles where no full tile stands in their place. ``upto`` names an older signed size
    to publish instead of the latest.
    """
    published = Published(store, upto)
    target = Folder(folder)
    with target.locked():
        _require_successor(target, published)
        total = published.files
        for done, (path, data) in enumerate(published.tiles(), 1):
            if path is None:
                target.settle()
            else:
                target.write_once(path, data)
            if progress:
                progress(min(done, total), total)
        for size, note in published.checkpoints.items():
            _write_copy(target, size, note)
        if verifier_key is not None:
            _write_keys(target, f"{verifier_key}\n".encode())
        target.replace(CHECKPOINT_PATH, published.note)
    return published.size


def _require_successor(target: Folder, published: Published) -> None:
    """Refuse a folder that shows another log, or more of this one."""
    held = target.read(CHECKPOINT_PATH)
    if held is None:
        return
    there = published.parse(held, str(target.path / CHECKPOINT_PATH))
    if there.origin != published.origin or there.size > published.size:
        raise StoreError(
            f"the folder shows {there.origin} with {there.size} entries, the store has"
            f" {published.origin} signed at {published.size}",
            "Export into a new folder. If the store was restored from an older backup,"
            " bring it forward from this folder first.",
            str(target.path),
        )


def _write_keys(target: Folder, keys: bytes) -> None:
    """Write the log's public keys; those that are there may only become more."""
    held = target.read(KEY_PATH)
    if held is not None and set(held.splitlines()) < set(keys.splitlines()):
        target.replace(KEY_PATH, keys)
    else:
        target.write_once(KEY_PATH, keys)


def _write_copy(target: Folder, size: int, note: bytes) -> None:
    """Write a checkpoint's copy; one with the same text and other signers stays."""
    path = checkpoint_path(size)
    held = target.read(path)
    if held is None or parse_note(held).text != parse_note(note).text:
        target.write_once(path, note)


def _opened(path: str, flags: int) -> int:
    """Open without waiting: what lies there may be a pipe that nobody writes to."""
    return os.open(path, flags | os.O_NONBLOCK)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
