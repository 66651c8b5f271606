"""What witnesses on other hosts say of the log: told when it turns, and once a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class WitnessCosigned:
    """The witness cosigned the log at ``size``.

    Recorded when it first did, when it did again after trouble, and once a day: the
    cosignatures themselves stand on the checkpoints.
    """

    TYPE: ClassVar[str] = "witness.cosigned"
    V: ClassVar[int] = 1
    witness: str
    size: int
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"witness/{self.witness}/cosigned/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class WitnessSilent:
    """The witness has cosigned nothing since ``since``; ``detail`` is the last try."""

    TYPE: ClassVar[str] = "witness.silent"
    V: ClassVar[int] = 1
    witness: str
    since: datetime
    detail: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"witness/{self.witness}/silent/{self.since.isoformat()}"


@dataclass(frozen=True, slots=True)
class WitnessDisagreed:
    """The witness cosigned another log than ours: a rollback, a fork, or tampering.

    ``size`` is that of the checkpoint it was offered.
    """

    TYPE: ClassVar[str] = "witness.disagreed"
    V: ClassVar[int] = 1
    witness: str
    size: int
    detail: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"witness/{self.witness}/disagreed/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class WitnessRetired:
    """The witness is not asked any more, and nothing that it said is owed an answer.

    ``signed_in`` is how whoever retired it was known.
    """

    TYPE: ClassVar[str] = "witness.retired"
    V: ClassVar[int] = 2
    witness: str
    reason: str
    by: str
    signed_in: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"witness/{self.witness}/retired/{self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class QuorumMissed:
    """No checkpoint was cosigned by ``wanted`` witnesses since ``since``.

    ``witnesses`` are those that cosigned the newest one, of ``size``.
    """

    TYPE: ClassVar[str] = "witness.quorum_missed"
    V: ClassVar[int] = 1
    wanted: int
    witnesses: tuple[str, ...]
    size: int
    since: datetime
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"witness/quorum/missed/{self.since.isoformat()}"


@dataclass(frozen=True, slots=True)
class QuorumMet:
    """As many witnesses as are ``wanted`` cosigned a checkpoint again, of ``size``."""

    TYPE: ClassVar[str] = "witness.quorum_met"
    V: ClassVar[int] = 1
    wanted: int
    witnesses: tuple[str, ...]
    size: int
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"witness/quorum/met/{self.at.isoformat()}"
