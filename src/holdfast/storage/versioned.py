"""A copy in a bucket as it was before anybody overwrote it: read through its versions.

Credentials that only put can still put a second version over a first, or, with the
right to delete, lay a marker over it. An immutable file was created by us, never
replaced; so its first version is the one that counts. Of `checkpoint`, which does
change, the newest ones are looked at, and the caller takes the largest that verifies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.ledger.verify import CHECKPOINT_PATH
from holdfast.operations.copies import UnreadableError
from holdfast.storage.s3 import S3, Version
from holdfast.storage.targets import Target

# The copies under checkpoints/ stand for every older one.
CHECKPOINTS_MOST = 16
_SIGNED = "checkpoints/"


@dataclass(slots=True)
class Versioned:
    """A bucket's copy for reading. Where versions may not be listed, as it is now."""

    target: Target
    s3: S3
    _index: dict[str, list[Version]] | None = None

    @property
    def name(self) -> str:
        """The copy's address."""
        return self.target.name

    def read(self, path: str) -> bytes | None:
        """Return the first version of a file, or the newest of the one that changes."""
        known = self._versions().get(path, [])
        if path == CHECKPOINT_PATH:
            return next(iter(self.versions(path)), None)
        if len(known) == 1 and known[0].latest:
            return self.target.read(path)
        return self.s3.read(known[0]) if known else self.target.read(path)

    def versions(self, path: str) -> Sequence[bytes]:
        """Return the versions of a file, the first of an immutable one first."""
        known = self._versions().get(path, [])
        if not known:
            return self.target.versions(path)
        if path == CHECKPOINT_PATH:
            known = known[::-1][:CHECKPOINTS_MOST]
        found = [self.s3.read(version) for version in known]
        return [data for data in found if data is not None]

    def signed_sizes(self) -> list[int]:
        """Return the sizes of the checkpoint copies that were ever there."""
        names = [
            path.removeprefix(_SIGNED)
            for path in self._versions()
            if path.startswith(_SIGNED)
        ]
        found = {int(name) for name in names if name.isdecimal()}
        return sorted(found | set(self.target.signed_sizes()))

    def write_once(self, path: str, data: bytes) -> None:
        """Write an immutable file."""
        self.target.write_once(path, data)

    def settle(self) -> None:
        """Return when all that was written survives."""
        self.target.settle()

    def replace(self, path: str, data: bytes) -> None:
        """Write the one file that changes."""
        self.target.replace(path, data)

    def names(self, under: str = "") -> list[str]:
        """Return the files directly in the place, as it is now."""
        return self.target.names(under)

    def remove(self, path: str) -> bool:
        """Remove a file, as far as the place does."""
        return self.target.remove(path)

    def _versions(self) -> dict[str, list[Version]]:
        """Return every version by path, oldest first; listed once."""
        if self._index is None:
            found: dict[str, list[Version]] = {}
            try:
                for version in self.s3.versions():
                    # S3 lists the versions of a key from the newest to the oldest.
                    found.setdefault(version.key, []).insert(0, version)
            except UnreadableError:
                found = {}
            self._index = found
        return self._index


def through_versions(target: Target, options: Mapping[str, str]) -> Target:
    """Return the copy read through its versions, where its place has any."""
    if not target.name.startswith("s3:"):
        return target
    return Versioned(target, S3(target.name, options))
