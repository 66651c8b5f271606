"""The newest signed checkpoint in a file of its own, which no database takes along."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.storage.errors import StoreError


@dataclass(frozen=True, slots=True)
class FileMark:
    """A mark in a file, replaced in one step."""

    path: Path

    def newest(self) -> bytes | None:
        """Return the signed checkpoint kept last."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise self._unusable("read", fault) from None

    def keep(self, note: bytes) -> None:
        """Keep a signed checkpoint, synced before it takes the old one's place."""
        beside = self.path.with_name(f".{self.path.name}")
        try:
            with beside.open("wb") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as fault:
            raise self._unusable("written", fault) from None

    def _unusable(self, verb: str, fault: OSError) -> StoreError:
        return StoreError(
            f"the mark of what was signed cannot be {verb} ({fault.strerror})",
            "Nothing is signed until it can. Mend the file's owner, disk or folder.",
            str(self.path),
        )


@dataclass(frozen=True, slots=True)
class FileBookmark:
    """Where a long reading of the log was. Lost, it only begins again."""

    path: Path

    def read(self) -> bytes | None:
        """Return what was kept."""
        try:
            return self.path.read_bytes()
        except OSError:
            return None

    def keep(self, data: bytes | None) -> None:
        """Keep it in one step, or nothing any more."""
        beside = self.path.with_name(f".{self.path.name}")
        with suppress(OSError):
            if data is None:
                self.path.unlink(missing_ok=True)
                return
            beside.write_bytes(data)
            beside.replace(self.path)
