"""Who signs the log: its keys, in whose place another came, and what it goes on from.

Keys are public ones, written as verifier keys: name, id and key in one line. A key that
no entry here introduced signs nothing of this log. ``signed_in`` is how whoever did it
was known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class LedgerKeyIntroduced:
    """The log's first key, valid from the first checkpoint on."""

    TYPE: ClassVar[str] = "ledger.key_introduced"
    V: ClassVar[int] = 1
    public: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/key/introduced/{self.public}"


@dataclass(frozen=True, slots=True)
class LedgerKeyRotated:
    """Beside ``old``, ``new`` signs too, on every checkpoint of ``from_size`` or more.

    ``from_size`` is the first size that this entry is part of.
    """

    TYPE: ClassVar[str] = "ledger.key_rotated"
    V: ClassVar[int] = 2
    old: str
    new: str
    from_size: int
    by: str
    signed_in: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/key/rotated/{self.new}"


@dataclass(frozen=True, slots=True)
class LedgerKeyRetired:
    """The key ``public`` signs nothing of ``from_size`` or more; the overlap ended."""

    TYPE: ClassVar[str] = "ledger.key_retired"
    V: ClassVar[int] = 2
    public: str
    from_size: int
    by: str
    signed_in: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/key/retired/{self.public}"


@dataclass(frozen=True, slots=True)
class LedgerSigningFailing:
    """Whoever holds the key does not sign; from here on the log grows unsigned."""

    TYPE: ClassVar[str] = "ledger.signing_failing"
    V: ClassVar[int] = 1
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/signing/failing/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class LedgerSigningResumed:
    """The log is signed again, up to ``size``."""

    TYPE: ClassVar[str] = "ledger.signing_resumed"
    V: ClassVar[int] = 1
    origin: str
    size: int
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/signing/resumed/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class LedgerCheckpointTaken:
    """The checkpoint to post this week by ``due_at``; ``note`` is the signed note."""

    TYPE: ClassVar[str] = "ledger.checkpoint_taken"
    V: ClassVar[int] = 1
    origin: str
    size: int
    root: str
    key_ids: tuple[str, ...]
    note: str
    due_at: datetime
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/checkpoint/{self.due_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class LedgerClosed:
    """Nothing follows in this log: its key may be in the wrong hands."""

    TYPE: ClassVar[str] = "ledger.closed"
    V: ClassVar[int] = 2
    origin: str
    reason: str
    by: str
    signed_in: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/closed/{self.origin}"


@dataclass(frozen=True, slots=True)
class LedgerOpened:
    """The first entry of a log that goes on from a closed one, ``continues``.

    ``trusted_size`` and ``trusted_root`` are those of the old log's last checkpoint
    that is believed, ``trusted_note`` the digest of that signed note. All that the old
    log held, ``entries`` of them with the root ``root``, follows verbatim.
    """

    TYPE: ClassVar[str] = "ledger.opened"
    V: ClassVar[int] = 1
    origin: str
    continues: str
    old_keys: tuple[str, ...]
    trusted_size: int
    trusted_root: str
    trusted_note: str
    entries: int
    root: str
    reason: str
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/opened/{self.origin}"


@dataclass(frozen=True, slots=True)
class LedgerCarried:
    """All entries of the old log stand above this one; from here on the new one grows.

    What the old log knew of itself (keys, copies, witnesses, verifications) ends here.
    """

    TYPE: ClassVar[str] = "ledger.carried"
    V: ClassVar[int] = 1
    origin: str
    continues: str
    entries: int
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"ledger/carried/{self.origin}"
