"""A drill: a recovery rehearsed beside production, measured, and judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

Sabotage = Literal["corrupt-repository", "missing-wal", "wrong-key", "no-space"]
Scenario = Literal["restore", "region-loss"]
# What held the restored server in: the kernel's namespaces, or its own settings alone.
FenceKind = Literal["namespaces", "settings"]
KeyFrom = Literal["escrow", "production"]


@dataclass(frozen=True, slots=True)
class DrillOrdered:
    """A person ordered a drill; the disaster counts as declared at this moment.

    With ``sabotage``, something is broken on purpose in a copy: it has to fail.
    """

    TYPE: ClassVar[str] = "drill.ordered"
    V: ClassVar[int] = 1
    drill: str
    datastore: str
    repository: int
    sabotage: Sabotage | None
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"drill/{self.drill}/ordered"


@dataclass(frozen=True, slots=True)
class DrillMeasured:
    """What the engine measured in a drill.

    ``fault_at``: the disaster is assumed here. ``verified_at``: the recovered data were
    up, and all invariants held; ``None`` if it never came so far. ``commits_lost`` and
    ``first_lost_at`` are counted against production's own log; ``commits_lost`` is
    ``None`` where it could not be counted. ``findings`` name all that is wrong.
    """

    TYPE: ClassVar[str] = "drill.measured"
    V: ClassVar[int] = 1
    drill: str
    fault_at: datetime
    verified_at: datetime | None
    recovered_to: datetime | None
    first_lost_at: datetime | None
    commits_lost: int | None
    timeline: int | None
    invariants: tuple[str, ...]
    untouched: bool
    disposed: bool
    findings: tuple[str, ...]
    steps: tuple[str, ...]
    steps_us: tuple[int, ...]
    evidence: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"drill/{self.drill}/measured"


@dataclass(frozen=True, slots=True)
class DrillFinished:
    """A drill, judged. ``passed`` only if nothing at all was found wrong.

    ``recovery_time_us`` runs from the order to the verified data, on the wall;
    ``business_time_us`` is the business time in it, ``from_fault_us`` runs from the
    assumed fault. They and ``data_loss_us`` are ``None`` where no verified data came
    back.
    """

    TYPE: ClassVar[str] = "drill.finished"
    V: ClassVar[int] = 1
    drill: str
    datastore: str
    sabotage: Sabotage | None
    started_at: datetime
    recovery_time_us: int | None
    business_time_us: int | None
    from_fault_us: int | None
    data_loss_us: int | None
    commits_lost: int | None
    passed: bool
    detail: str
    findings: tuple[str, ...]
    evidence: str | None
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"drill/{self.drill}/finished"


@dataclass(frozen=True, slots=True)
class DrillTraced:
    """How a drill went, step by step, and what became of acknowledged commits.

    ``detected_at`` is when the recorder missed the database, ``heartbeat_at`` the
    newest row of ours that came back. ``acknowledged`` commits were noted before the
    fault; ``lost`` of them did not come back, ``holes`` are lost ones before a later
    one that did, ``extras`` came back unnoted; all ``None`` where the recorder could
    not work, for the reason that ``recorder`` gives. ``began_us`` are the beginnings of
    the measured steps, counted from the first one's.
    """

    TYPE: ClassVar[str] = "drill.traced"
    V: ClassVar[int] = 1
    drill: str
    scenario: Scenario
    fence: FenceKind
    key_from: KeyFrom
    detected_at: datetime | None
    heartbeat_at: datetime | None
    recorder: str
    acknowledged: int | None
    lost: int | None
    holes: int | None
    extras: int | None
    smoke_tests: tuple[str, ...]
    began_us: tuple[int, ...]
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"drill/{self.drill}/traced"


@dataclass(frozen=True, slots=True)
class RehearsalOrdered:
    """One disaster is rehearsed over several datastores, in the order of ``ranks``.

    ``drills`` are ordered with it, at the same moment; none of a rank begins before
    those of the rank before have ended. ``by`` is ``holdfast`` where the schedule
    ordered it.
    """

    TYPE: ClassVar[str] = "rehearsal.ordered"
    V: ClassVar[int] = 1
    rehearsal: str
    scenario: Scenario
    drills: tuple[str, ...]
    ranks: tuple[int, ...]
    by: str
    at: datetime

    @property
    def key(self) -> str:
        """What makes a repeat of this entry recognisable."""
        return f"rehearsal/{self.rehearsal}/ordered"
