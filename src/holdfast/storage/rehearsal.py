"""Brings a copy back into an empty place of its own, which is removed again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.ledger.note import VerifierKey
from holdfast.ledger.spans import Share
from holdfast.operations.log import Log
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.store import Store
from holdfast.storage.escrow import Escrow
from holdfast.storage.folder import Folder
from holdfast.storage.mark import FileMark
from holdfast.storage.rebuilding import rebuild
from holdfast.storage.recover import Progress, pull
from holdfast.storage.sqlite import SqliteStore
from holdfast.storage.targets import Target

PLACE = "ledger.rehearsing-"


@dataclass(frozen=True, slots=True)
class CopyRebuilder:
    """Rebuilds from one copy, in a folder beside the node's own.

    ``target`` is opened with credentials that may get; ``share`` are the cores that
    check what lies in a folder.
    """

    target: Target
    keys: Callable[[], Sequence[VerifierKey]]
    escrow: Escrow
    folder: Path
    clock: Clock
    share: Share = map

    @property
    def name(self) -> str:
        """The copy's address."""
        return self.target.name

    @contextmanager
    def rebuilt(self, progress: Progress | None = None) -> Iterator[Store]:
        """Yield the rebuilt store; with its end all of it is gone."""
        self.clear()
        place = Path(tempfile.mkdtemp(prefix=PLACE, dir=self.folder))
        try:
            spool = Folder(place / "spool")
            pulled = pull(self.target, self.keys(), spool, progress, share=self.share)
            with closing(SqliteStore(place / "rebuilt.sqlite")) as store:
                log = Log(store, "rehearsal", self.clock)
                mark = FileMark(place / "mark")
                rebuild(log, pulled, mark, escrow=self.escrow, progress=progress)
                yield store
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def clear(self) -> None:
        """Remove what a rehearsal left that was killed."""
        for left in self.folder.glob(f"{PLACE}*"):
            shutil.rmtree(left, ignore_errors=True)
