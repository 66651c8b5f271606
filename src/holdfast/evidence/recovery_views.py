"""How recoverable everything is, as plain values: what the page *Recovery* shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.evidence.approvals import WaitingView
from holdfast.evidence.drills import DrillView
from holdfast.evidence.views import Standing


@dataclass(frozen=True, slots=True)
class ReadingView:
    """The gauge at one moment: what a disaster would have cost then.

    ``lost_if_now`` is ``None`` where nothing could have been restored.
    """

    at: datetime
    lost_if_now: timedelta | None


@dataclass(frozen=True, slots=True)
class GaugeView:
    """How much would be lost if the disaster came now, over the last day and weeks.

    ``day`` has every look of the last day, ``weeks`` the worst of each hour before.
    ``looked_at`` is ``None`` where nobody has looked; ``rpo`` where the policy names
    none.
    """

    standing: Standing
    reason: str
    rpo: timedelta | None
    at_risk_from: timedelta
    looked_at: datetime | None
    recoverable_to: datetime | None
    lost_if_now: timedelta | None
    heartbeat_at: datetime | None
    recoverable_heartbeat_at: datetime | None
    waiting_segments: int | None
    day: tuple[ReadingView, ...]
    weeks: tuple[ReadingView, ...]


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """A standby; ``place`` is empty where the catalogue does not name it."""

    name: str
    place: str
    streaming: bool


@dataclass(frozen=True, slots=True)
class BackupView:
    """A backup in one repository, as its own listing shows it."""

    label: str
    repository: int
    off_site: bool
    kind: str
    finished_at: datetime
    took: timedelta
    size_bytes: int
    cipher: str | None
    error: bool
    index: int


@dataclass(frozen=True, slots=True)
class WindowView:
    """A repository: any moment from ``since`` to ``until`` can be restored from it.

    Both are ``None`` where nobody has looked, or nothing leads to now; ``holes`` are
    missing WAL segments. ``read_back`` is whether all of it was read and found whole at
    ``read_back_at``, ``None`` where nobody has tried.
    """

    repository: int
    off_site: bool
    since: datetime | None
    until: datetime | None
    holes: tuple[str, ...]
    looked_at: datetime | None
    read_back: bool | None
    read_back_at: datetime | None
    index: int | None


@dataclass(frozen=True, slots=True)
class RunningView:
    """A job that is not over, and how far it came; ``percent`` where it is known."""

    job: str
    verb: str
    repository: int | None
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    step: str
    percent: int | None
    told_at: datetime | None
    index: int


@dataclass(frozen=True, slots=True)
class NextDrillView:
    """When the next drill must have passed, and how that promise stands here."""

    standing: Standing
    reason: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SummaryView:
    """Whether the company could recover now: the answer, and what it rests on."""

    standing: Standing
    answer: str
    text: str


@dataclass(frozen=True, slots=True)
class DatastoreView:
    """One datastore; ``under_way`` are the jobs that work on it now. ``next_drill`` is
    ``None`` where the policy asks for none.
    """

    id: str
    name: str
    gauge: GaugeView
    redundancy: Standing
    redundancy_reason: str
    replicas: tuple[ReplicaView, ...]
    backups: tuple[BackupView, ...]
    under_way: tuple[RunningView, ...]
    windows: tuple[WindowView, ...]
    next_drill: NextDrillView | None


@dataclass(frozen=True, slots=True)
class ProtectionView:
    """Everything on the page *Recovery*, at one moment."""

    as_of: datetime
    as_of_index: int
    zone: str
    summary: SummaryView
    datastores: tuple[DatastoreView, ...]
    drills: tuple[DrillView, ...]
    waiting: tuple[WaitingView, ...] = ()
