"""Where the scripted engine keeps what happened: in memory, or in a folder.

A folder outlives the process, so that a killed and restarted Holdfast sees the same
jobs in the same state, as it would with a real engine.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Shelf(Protocol):
    """Named texts, each put once and then unchanged."""

    def put(self, name: str, text: str) -> bool:
        """Keep the text unless the name is taken; say whether it was free."""
        ...

    def get(self, name: str) -> str | None:
        """Return the text, or ``None``."""
        ...

    def names(self) -> Sequence[str]:
        """Return all names, sorted."""
        ...

    def drop(self, name: str) -> None:
        """Forget a text; no harm if it is not there."""
        ...


@dataclass(frozen=True, slots=True)
class MemoryShelf:
    """Texts for as long as the process lives."""

    _texts: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, text: str) -> bool:
        """Keep the text unless the name is taken."""
        if name in self._texts:
            return False
        self._texts[name] = text
        return True

    def get(self, name: str) -> str | None:
        """Return the text, or ``None``."""
        return self._texts.get(name)

    def names(self) -> Sequence[str]:
        """Return all names, sorted."""
        return sorted(self._texts)

    def drop(self, name: str) -> None:
        """Forget a text."""
        self._texts.pop(name, None)


@dataclass(frozen=True, slots=True)
class FolderShelf:
    """Texts in a folder; each appears whole, at once, and survives a crash of ours."""

    folder: Path

    def put(self, name: str, text: str) -> bool:
        """Keep the text unless the name is taken, by any process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(prefix=".", dir=self.folder)
        draft = Path(made)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            os.link(draft, self.folder / name)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def get(self, name: str) -> str | None:
        """Return the text, or ``None``."""
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def names(self) -> Sequence[str]:
        """Return all names, sorted."""
        if not self.folder.exists():
            return []
        found = (path.name for path in self.folder.iterdir())
        return sorted(name for name in found if not name.startswith("."))

    def drop(self, name: str) -> None:
        """Forget a text."""
        (self.folder / name).unlink(missing_ok=True)
