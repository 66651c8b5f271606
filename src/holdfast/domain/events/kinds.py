"""The closed union of every fact and conclusion that can ever be recorded."""

from __future__ import annotations

from typing import TypeAlias, get_args

from holdfast.domain.events.authority import (
    ActApproved,
    ActOrdered,
    CheckAnswered,
    CheckOrdered,
    GlassBroken,
    GlassReviewed,
    OrderCancelled,
    StepConfirmed,
)
from holdfast.domain.events.copies import (
    CopySeen,
    PublishChecked,
    PublishFailing,
    PublishRecovered,
)
from holdfast.domain.events.custody import (
    LedgerCarried,
    LedgerCheckpointTaken,
    LedgerClosed,
    LedgerKeyIntroduced,
    LedgerKeyRetired,
    LedgerKeyRotated,
    LedgerOpened,
    LedgerSigningFailing,
    LedgerSigningResumed,
)
from holdfast.domain.events.drill import (
    DrillFinished,
    DrillMeasured,
    DrillOrdered,
    DrillTraced,
    RehearsalOrdered,
)
from holdfast.domain.events.governance import (
    CatalogueAdopted,
    HolidaysAdopted,
    LedgerChecked,
    NodeStarted,
    OverlayAdopted,
    PolicyAdopted,
    RunbookAdopted,
    RunbookWithdrawn,
)
from holdfast.domain.events.incident import (
    DisasterDeclared,
    IncidentAcknowledged,
    IncidentOpened,
    IncidentResolved,
    PreflightChecked,
    RecoveryOrdered,
    RecoveryVerified,
    ServiceFailed,
    ServiceRestored,
    WritesCompared,
)
from holdfast.domain.events.job import (
    JobFinished,
    JobLost,
    JobRequested,
    JobStarted,
)
from holdfast.domain.events.measure import BackupWeighed, DatastoreMeasured
from holdfast.domain.events.notice import (
    DeliveryFailed,
    DutyEscalated,
    NoticeDelivered,
    NoticeDue,
    StatusPageSeen,
)
from holdfast.domain.events.observation import (
    BackupGone,
    BackupSeen,
    MaintenanceAnnounced,
    ProbesSealed,
    ProtectionSeen,
    VantageChanged,
)
from holdfast.domain.events.people import PackWritten, PersonalSaved, PersonErased
from holdfast.domain.events.quarantine import NoticeReleased
from holdfast.domain.events.ransomware import RansomwareSuspected, SuspicionResolved
from holdfast.domain.events.rehearsal import CopyLockChecked, LedgerRebuilt
from holdfast.domain.events.repository import (
    BackupOrdered,
    BackupsExpired,
    RepositoryExamined,
    WalSeen,
    WindowSeen,
)
from holdfast.domain.events.runner import JobProgressed, JobTaken, RunnerSeen
from holdfast.domain.events.tampering import TamperingFound, TamperingResolved
from holdfast.domain.events.unwitnessed import WitnessingLapsed, WitnessingResumed
from holdfast.domain.events.witness import (
    QuorumMet,
    QuorumMissed,
    WitnessCosigned,
    WitnessDisagreed,
    WitnessRetired,
    WitnessSilent,
)

Event: TypeAlias = (
    PolicyAdopted
    | OverlayAdopted
    | CatalogueAdopted
    | HolidaysAdopted
    | RunbookAdopted
    | RunbookWithdrawn
    | NodeStarted
    | RunnerSeen
    | LedgerChecked
    | PublishFailing
    | PublishRecovered
    | PublishChecked
    | CopySeen
    | WitnessCosigned
    | WitnessSilent
    | WitnessDisagreed
    | WitnessRetired
    | QuorumMissed
    | QuorumMet
    | WitnessingLapsed
    | WitnessingResumed
    | LedgerKeyIntroduced
    | LedgerKeyRotated
    | LedgerKeyRetired
    | LedgerSigningFailing
    | LedgerSigningResumed
    | LedgerCheckpointTaken
    | LedgerClosed
    | LedgerOpened
    | LedgerCarried
    | RansomwareSuspected
    | SuspicionResolved
    | LedgerRebuilt
    | CopyLockChecked
    | TamperingFound
    | TamperingResolved
    | VantageChanged
    | ProbesSealed
    | MaintenanceAnnounced
    | BackupSeen
    | BackupGone
    | BackupOrdered
    | RepositoryExamined
    | BackupsExpired
    | WindowSeen
    | WalSeen
    | ProtectionSeen
    | DatastoreMeasured
    | BackupWeighed
    | IncidentOpened
    | ServiceFailed
    | IncidentAcknowledged
    | DisasterDeclared
    | ActOrdered
    | ActApproved
    | GlassBroken
    | GlassReviewed
    | StepConfirmed
    | OrderCancelled
    | CheckOrdered
    | CheckAnswered
    | RecoveryOrdered
    | PreflightChecked
    | RecoveryVerified
    | WritesCompared
    | ServiceRestored
    | IncidentResolved
    | JobRequested
    | JobTaken
    | JobStarted
    | JobProgressed
    | JobFinished
    | JobLost
    | DrillOrdered
    | DrillMeasured
    | DrillTraced
    | DrillFinished
    | RehearsalOrdered
    | NoticeDue
    | DeliveryFailed
    | NoticeDelivered
    | NoticeReleased
    | PersonErased
    | PersonalSaved
    | PackWritten
    | StatusPageSeen
    | DutyEscalated
)

EVENT_TYPES: dict[tuple[str, int], type[Event]] = {
    (kind.TYPE, kind.V): kind for kind in get_args(Event)
}
