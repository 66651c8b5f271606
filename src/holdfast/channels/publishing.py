"""Replaces a folder of files by its next version in one step.

The folder holds ``versions/`` and a symbolic link ``current``. A version is written
and synced beside the others; renaming a new link over ``current`` is the only moment
at which anything changes for a reader. A crash leaves the old version in place, and
rubbish that the next publication removes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

CURRENT = "current"
VERSIONS = "versions"
# A reader that resolved the link a moment ago still finds its files.
KEPT = 3


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder against other publishers; raises `BlockingIOError` if one does.

    The operating system lets go of it when a process dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def publish(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make these files the current version; the folder is held by the caller."""
    versions = folder / VERSIONS
    versions.mkdir(exist_ok=True)
    _clean(folder)
    number = max(map(_number, versions.iterdir()), default=0) + 1
    fresh = versions / f"{number:08d}"
    try:
        _write(fresh, files)
        _sync(versions)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    _point(folder, fresh)
    # What cannot be removed now is removed next time; the page is out.
    with suppress(OSError):
        _clean(folder)


def read(folder: Path, name: str) -> bytes | None:
    """Return a file of the current version, if there is one."""
    try:
        return (folder / CURRENT / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(version: Path, files: Mapping[str, bytes]) -> None:
    version.mkdir()
    for name, content in files.items():
        path = version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    for place, _, _ in os.walk(version):
        _sync(Path(place))


def _point(folder: Path, version: Path) -> None:
    beside = folder / f".{CURRENT}"
    beside.unlink(missing_ok=True)
    beside.symlink_to(Path(VERSIONS) / version.name)
    beside.rename(folder / CURRENT)
    _sync(folder)


def _clean(folder: Path) -> None:
    """Remove what is neither current nor recent: old versions and broken ones."""
    link = folder / CURRENT
    current = _number(link.readlink()) if link.is_symlink() else 0
    for version in (folder / VERSIONS).iterdir():
        if not current - KEPT < _number(version) <= current:
            shutil.rmtree(version)


def _number(version: Path) -> int:
    return int(version.name) if version.name.isdecimal() else 0


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
