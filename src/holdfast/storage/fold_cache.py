"""The kept fold in a file beside the database: read at a start, never trusted blindly.

It is used only if it is whole (a digest at its end), ours (this user's file, which
nobody else may write or read), made by this very code (a digest over the domain's
source), and of this very log (the store's leaf hashes lead to its root). Whatever does
not fit is dropped, and the log is folded from its entries.

What it weakens: whoever may write as this user can put a false state here, which the
hashes do not show, as such a person could replace Holdfast itself. The scheduled
verification reads entries, not this.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from holdfast import domain, journal
from holdfast.ledger.merkle import Frontier
from holdfast.operations.ports.fold import Fold
from holdfast.operations.ports.store import Store
from holdfast.storage import fold_codec

LOGGER = logging.getLogger("holdfast.fold")
READ_AT_ONCE = 16_384
_MODE = 0o600
# A file that is no JSON, has other fields, or other values than the state may have.
_WRONG = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class FoldFile:
    """A `FoldCache` in one file, replaced in one step."""

    path: Path
    store: Store

    def load(self) -> Fold | None:
        """Return the kept fold, or ``None`` for any reason not to use it."""
        # Millions of values are made that all stay: looking through them for garbage
        # again and again would take longer than making them.
        was_on = gc.isenabled()
        gc.disable()
        try:
            with contextlib.closing(self._opened()) as file:
                return self._read(file)
        except FileNotFoundError:
            return None
        except (*_WRONG, OSError) as fault:
            LOGGER.info("the kept fold is not used: %s", type(fault).__name__)
            return None
        finally:
            if was_on:
                gc.enable()

    def keep(self, fold: Fold) -> None:
        """Write the fold beside the old one, then put it in its place."""
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(beside, flags, _MODE), "wb") as file:
                digest = hashlib.sha256()
                for line in _lines(fold):
                    data = f"{line}\n".encode()
                    digest.update(data)
                    file.write(data)
                file.write(f"{digest.hexdigest()}\n".encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except (OSError, *_WRONG) as fault:
            LOGGER.info("the fold is not kept: %s", type(fault).__name__)
            with contextlib.suppress(OSError):
                beside.unlink()

    def _opened(self) -> IO[bytes]:
        """Open it, if it is a plain file of this user's that no other may touch."""
        handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        file = os.fdopen(handle, "rb")
        found = os.fstat(handle)
        ours = found.st_uid == os.geteuid() and stat.S_ISREG(found.st_mode)
        if not ours or stat.S_IMODE(found.st_mode) & ~_MODE:
            file.close()
            raise ValueError("others may have written it")
        return file

    def _read(self, file: IO[bytes]) -> Fold:
        lines = _whole(file)
        head = json.loads(next(lines))
        size = head["size"]
        front = Frontier.from_bytes(size, bytes.fromhex(head["front"]))
        if head["version"] != fold_version() or head["root"] != front.root().hex():
            raise ValueError("made by other code")
        if front != _front_of(self.store, size):
            raise ValueError("of another log")
        state = fold_codec.from_lines(lines)
        if state.size != size:
            raise ValueError("of another size")
        return Fold(state, front)


def _lines(fold: Fold) -> Iterator[str]:
    head = {
        "version": fold_version(),
        "size": fold.front.size,
        "root": fold.front.root().hex(),
        "front": fold.front.to_bytes().hex(),
    }
    yield json.dumps(head)
    yield from fold_codec.to_lines(fold.state)


def _whole(file: IO[bytes]) -> Iterator[str]:
    """Yield the lines; raises at the end unless they are those that were written."""
    digest = hashlib.sha256()
    held = b""
    for line in file:
        if held:
            digest.update(held)
            yield held.decode()
        held = line
    if held.decode() != f"{digest.hexdigest()}\n":
        raise ValueError("not whole")


def _front_of(store: Store, size: int) -> Frontier:
    """Return the front that the store's own leaf hashes lead to at that size."""
    front = Frontier()
    while front.size < size:
        leaves = store.leaf_hashes(front.size, min(front.size + READ_AT_ONCE, size))
        if not leaves:
            break
        front = front.extend(leaves)
    return front


@cache
def fold_version() -> str:
    """Return a digest over the code that folds: any change of it makes another fold."""
    digest = hashlib.sha256()
    for path in sources():
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def sources() -> list[Path]:
    """Return the files of that code: the whole domain, the journal, and this codec."""
    (folder,) = domain.__path__
    rest = [Path(journal.__file__), Path(fold_codec.__file__), Path(__file__)]
    return [*sorted(Path(folder).rglob("*.py")), *rest]
