"""What becomes of the log's copies off-site: told when it turns, and once a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class PublishFailing:
    """The copy no longer takes what is signed; from here on it falls behind."""

    TYPE: ClassVar[str] = "publish.failing"
    V: ClassVar[int] = 1
    target: str
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"publish/failing/{self.target}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class PublishRecovered:
    """The copy took everything again, up to ``size``."""

    TYPE: ClassVar[str] = "publish.recovered"
    V: ClassVar[int] = 1
    target: str
    size: int
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"publish/recovered/{self.target}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class PublishChecked:
    """The copy was read back; ``ok`` if all of it verifies and is this log's.

    Where it is not, ``size`` and ``root`` are those that this log has.
    """

    TYPE: ClassVar[str] = "publish.checked"
    V: ClassVar[int] = 1
    target: str
    size: int
    root: str
    ok: bool
    detail: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"publish/checked/{self.target}/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class CopySeen:
    """What the copy shows: the signed checkpoint, as it was read there.

    The node reads no copy itself. It learns here what was signed before, and signs
    nothing that does not extend it.
    """

    TYPE: ClassVar[str] = "publish.seen"
    V: ClassVar[int] = 1
    target: str
    checkpoint: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"publish/seen/{self.target}/{self.at.isoformat()}"
