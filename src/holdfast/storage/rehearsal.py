"""Brings a copy back into an empty place of its own, which is removed again."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.ledger.note import VerifierKey
from holdfast.ledger.spans import Share
from holdfast.operations.copies import UnreadableError
from holdfast.operations.log import Log
from holdfast.operations.ports.clock import Clock
from holdfast.operations.self_proof import Brought
from holdfast.storage.escrow import Escrow
from holdfast.storage.folder import Folder
from holdfast.storage.keyring import KEY_SIZE, HomeKeyring
from holdfast.storage.mark import FileMark
from holdfast.storage.personal import PersonalPlace
from holdfast.storage.personal_recovery import restore_people
from holdfast.storage.rebuilding import rebuild
from holdfast.storage.recover import Progress, Pulled, pull
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
    place: PersonalPlace | None = None

    @property
    def name(self) -> str:
        """The copy's address."""
        return self.target.name

    @property
    def people_at(self) -> str | None:
        """Where the personal data are backed up, if anywhere."""
        return self.place.name if self.place else None

    @contextmanager
    def rebuilt(self, progress: Progress | None = None) -> Iterator[Brought]:
        """Yield what came back; with its end all of it is gone."""
        self.clear()
        place = Path(tempfile.mkdtemp(prefix=PLACE, dir=self.folder))
        try:
            spool = Folder(place / "spool")
            pulled = pull(self.target, self.keys(), spool, progress, share=self.share)
            with closing(SqliteStore(place / "rebuilt.sqlite")) as store:
                # Whoever comes back is sealed under a key that nobody keeps.
                ring = HomeKeyring(secrets.token_bytes(KEY_SIZE), str(place))
                log = Log(store, "rehearsal", self.clock, lambda: ring)
                mark = FileMark(place / "mark")
                rebuild(log, pulled, mark, escrow=self.escrow, progress=progress)
                yield self._with_people(log, pulled)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _with_people(self, log: Log, pulled: Pulled) -> Brought:
        """Bring the personal data back as well, erasures replayed."""
        if self.place is None:
            return Brought(log.store, untried="no place for their backup is named")
        try:
            back = restore_people(log, self.place, pulled.verified.checkpoint.origin)
        except UnreadableError:
            words = "the credentials may not get: name personal_read_credentials"
            return Brought(log.store, untried=words)
        return Brought(log.store, back.rows, (*back.missing, *back.older))

    def clear(self) -> None:
        """Remove what a rehearsal left that was killed."""
        for left in self.folder.glob(f"{PLACE}*"):
            shutil.rmtree(left, ignore_errors=True)
