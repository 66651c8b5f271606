"""Everything Holdfast knows, folded from the ledger.

State changes only here, and only by an event that was recorded. The match is
exhaustive, so that mypy names this place when a new kind of event is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from immutables import Map

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
from holdfast.domain.events.kinds import Event
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
from holdfast.domain.memory import copies as copy_memory
from holdfast.domain.memory import custody as custody_memory
from holdfast.domain.memory import drills as drill_memory
from holdfast.domain.memory import incidents as incident_memory
from holdfast.domain.memory import lapses as lapse_memory
from holdfast.domain.memory import notices as notice_memory
from holdfast.domain.memory import orders as order_memory
from holdfast.domain.memory import people as people_memory
from holdfast.domain.memory import protection as protection_memory
from holdfast.domain.memory import services as service_memory
from holdfast.domain.memory import suspicions as suspicion_memory
from holdfast.domain.memory import tampering as tampering_memory
from holdfast.domain.memory import witnesses as witness_memory
from holdfast.domain.memory.copies import Copies
from holdfast.domain.memory.custody import Custody
from holdfast.domain.memory.drills import Drills, Rehearsal, Rehearsals
from holdfast.domain.memory.incidents import (
    Incident,
    IncidentEvent,
    Incidents,
    Recoveries,
)
from holdfast.domain.memory.lapses import Lapses
from holdfast.domain.memory.notices import Notices
from holdfast.domain.memory.orders import Checks, Orders
from holdfast.domain.memory.people import Erasures
from holdfast.domain.memory.protection import Datastores, Jobs
from holdfast.domain.memory.services import Services
from holdfast.domain.memory.suspicions import Suspicions
from holdfast.domain.memory.tampering import Tamperings
from holdfast.domain.memory.witnesses import Witnesses

RESTS_AFTER = timedelta(days=1)
# The notices of an incident's end, as the controls of communication name them.
TOLD_LAST = ("alert", "status", "customers")


@dataclass(frozen=True, slots=True)
class Adopted:
    """What is in force, each with the index of its adoption entry.

    ``first_at`` is when a policy was adopted for the first time: what no evidence
    dates is owed from there, and a new version of the policy moves no deadline.
    """

    first_at: datetime | None = None
    policy: PolicyAdopted | None = None
    policy_index: int | None = None
    overlay: OverlayAdopted | None = None
    catalogue: CatalogueAdopted | None = None
    holidays: HolidaysAdopted | None = None
    runbooks: Map[str, RunbookAdopted] = Map()

    def runbook_of(self, datastore: str) -> RunbookAdopted | None:
        """Return the newest runbook that leads recoveries of the datastore."""
        leading = [r for r in self.runbooks.values() if datastore in r.datastores]
        return max(leading, key=lambda r: (r.at, r.runbook), default=None)


@dataclass(frozen=True, slots=True)
class State:
    """The fold of the first ``size`` entries of the ledger.

    ``attended`` names the incidents from which something may still follow, so that a
    decision does not grow with all that ever happened.
    """

    size: int = 0
    recorded_at: datetime | None = None
    adopted: Adopted = Adopted()
    services: Services = Map()
    incidents: Incidents = Map()
    running: Map[str, None] = Map()
    attended: Map[str, None] = Map()
    recoveries: Recoveries = Map()
    orders: Orders = Map()
    checks: Checks = Map()
    notices: Notices = Notices()
    jobs: Jobs = Jobs()
    datastores: Datastores = Map()
    drills: Drills = Map()
    rehearsals: Rehearsals = Map()
    ledger_checks: tuple[tuple[LedgerChecked, int], ...] = ()
    copies: Copies = Map()
    witnesses: Witnesses = Map()
    quorum_missed: QuorumMissed | None = None
    quorum_index: int | None = None
    lapses: Lapses = Lapses()
    custody: Custody = Custody()
    tampering: Tamperings = Tamperings()
    suspicions: Suspicions = Suspicions()
    nodes: Map[str, NodeStarted] = Map()
    erasures: Erasures = Map()
    node_started_index: int | None = None
    runners: Map[str, RunnerSeen] = Map()
    saved: Map[str, PersonalSaved] = Map()
    pack: PackWritten | None = None

    def all_incidents(self) -> tuple[Incident, ...]:
        """Return every incident in the order of the ledger.

        A map's own order differs from process to process; what is concluded must not.
        """
        found = self.incidents.values()
        return tuple(sorted(found, key=lambda incident: incident.opened_index))

    def running_incidents(self) -> tuple[Incident, ...]:
        """Return the incidents that are not resolved, oldest first."""
        return tuple(self.incidents[key] for key in sorted(self.running))


def evolve(state: State, event: Event, index: int, recorded_at: datetime) -> State:
    """Return the state after the event at ``index`` of the ledger."""
    changed = _evolve(_suspected(state, event, index), event, index, recorded_at)
    attended = _attended(changed, recorded_at)
    return replace(changed, attended=attended, size=index + 1, recorded_at=recorded_at)


def _suspected(state: State, event: Event, index: int) -> State:
    """Return the state with what it says of incidents for the response team alone."""
    match event:
        case (
            LedgerChecked()
            | PublishChecked()
            | LedgerRebuilt()
            | WitnessCosigned()
            | WitnessDisagreed()
        ):
            known = tampering_memory.remember_check(state.tampering, event, index)
        case IncidentAcknowledged():
            found = suspicion_memory.remember(state.suspicions, event, index)
            known = tampering_memory.remember(state.tampering, event, index)
            lapses = lapse_memory.remember(state.lapses, event, index)
            return replace(state, tampering=known, suspicions=found, lapses=lapses)
        case WitnessingLapsed() | WitnessingResumed():
            lapses = lapse_memory.remember(state.lapses, event, index)
            return replace(state, lapses=lapses)
        case RansomwareSuspected() | SuspicionResolved():
            found = suspicion_memory.remember(state.suspicions, event, index)
            return replace(state, suspicions=found)
        case TamperingFound() | TamperingResolved():
            known = tampering_memory.remember(state.tampering, event, index)
        case _:
            return state
    return replace(state, tampering=known)


def _attended(state: State, recorded_at: datetime) -> Map[str, None]:
    attended = state.attended
    for name in attended:
        if _rests(state, state.incidents[name], recorded_at):
            attended = attended.delete(name)
    return attended


def _rests(state: State, incident: Incident, recorded_at: datetime) -> bool:
    """Say whether nothing follows from the incident any more.

    Its end was told: those words are concluded together, so that one stands for all.
    Nobody waits for a word of it. And its end is long enough ago for every deadline.
    """
    if incident.resolved is None or recorded_at - incident.resolved.at < RESTS_AFTER:
        return False
    notices = state.notices
    told = any(f"{incident.id}/{name}/resolved" in notices.all for name in TOLD_LAST)
    waiting = (*notices.undelivered, *notices.unseen)
    return told and not any(name.startswith(f"{incident.id}/") for name in waiting)


def _evolve(state: State, event: Event, index: int, recorded_at: datetime) -> State:
    match event:
        case (
            PolicyAdopted() | OverlayAdopted() | CatalogueAdopted() | HolidaysAdopted()
        ):
            return replace(state, adopted=_adopted(state.adopted, event, index))
        case RunbookAdopted() | RunbookWithdrawn():
            return replace(state, adopted=_led(state.adopted, event))
        case NodeStarted():
            nodes = state.nodes.set(event.node, event)
            return replace(state, nodes=nodes, node_started_index=index)
        case RunnerSeen():
            return replace(state, runners=state.runners.set(event.runner, event))
        case LedgerChecked():
            checks = (*state.ledger_checks[-9:], (event, index))
            return replace(state, ledger_checks=checks)
        case (
            PublishFailing()
            | PublishRecovered()
            | PublishChecked()
            | CopySeen()
            | LedgerRebuilt()
            | CopyLockChecked()
        ):
            copies = copy_memory.remember(state.copies, event, index)
            return replace(state, copies=copies)
        case (
            WitnessCosigned()
            | WitnessSilent()
            | WitnessDisagreed()
            | WitnessRetired()
            | QuorumMissed()
            | QuorumMet()
        ):
            return _witnessed(state, event, index)
        case (
            LedgerKeyIntroduced()
            | LedgerKeyRotated()
            | LedgerKeyRetired()
            | LedgerSigningFailing()
            | LedgerSigningResumed()
            | LedgerCheckpointTaken()
            | LedgerClosed()
            | LedgerOpened()
        ):
            custody = custody_memory.remember(state.custody, event, index)
            return replace(state, custody=custody)
        case LedgerCarried():
            opened = state.custody.opened
            ends = opened is not None and opened.origin == event.origin
            return _of_a_new_log(state) if ends else state
        case VantageChanged() | ProbesSealed() | MaintenanceAnnounced():
            seen = service_memory.remember(state.services, event, index, recorded_at)
            return replace(state, services=seen)
        case (
            BackupSeen()
            | BackupGone()
            | BackupWeighed()
            | ProtectionSeen()
            | DatastoreMeasured()
            | RepositoryExamined()
            | WindowSeen()
            | WalSeen()
        ):
            known = protection_memory.remember(state.datastores, event, index)
            return replace(state, datastores=known)
        case DrillOrdered() | DrillMeasured() | DrillTraced():
            drills = drill_memory.remember(state.drills, event, index)
            return replace(state, drills=drills)
        case RehearsalOrdered():
            rehearsal = Rehearsal(event, index)
            return replace(
                state,
                drills=drill_memory.join(state.drills, event),
                rehearsals=state.rehearsals.set(event.rehearsal, rehearsal),
            )
        case DrillFinished():
            drills = drill_memory.remember(state.drills, event, index)
            known = protection_memory.remember(state.datastores, event, index)
            return replace(state, datastores=known, drills=drills)
        case (
            IncidentOpened()
            | ServiceFailed()
            | IncidentAcknowledged()
            | DisasterDeclared()
            | ServiceRestored()
            | IncidentResolved()
            | WritesCompared()
        ):
            return _incident(state, event, index)
        case (
            ActOrdered()
            | ActApproved()
            | GlassBroken()
            | GlassReviewed()
            | StepConfirmed()
        ):
            orders = order_memory.remember(state.orders, event, index)
            return replace(state, orders=orders)
        case OrderCancelled():
            return _cancelled(state, event, index)
        case CheckOrdered() | CheckAnswered():
            return _checked(state, event)
        case RecoveryOrdered() | PreflightChecked() | RecoveryVerified():
            recoveries = incident_memory.remember_recovery(
                state.recoveries, event, index
            )
            return replace(state, recoveries=recoveries)
        case BackupsExpired():
            return state  # What is left shows in the next look.
        case (
            BackupOrdered()
            | JobRequested()
            | JobTaken()
            | JobStarted()
            | JobProgressed()
            | JobFinished()
            | JobLost()
        ):
            jobs = protection_memory.remember_job(state.jobs, event, index)
            return replace(state, jobs=jobs)
        case NoticeDue() | DeliveryFailed() | NoticeDelivered() | StatusPageSeen():
            told = notice_memory.remember(state.notices, event, index)
            return replace(state, notices=told)
        case (
            TamperingFound()
            | TamperingResolved()
            | RansomwareSuspected()
            | SuspicionResolved()
            | WitnessingLapsed()
            | WitnessingResumed()
        ):
            return state  # Folded with what the checks say.
        case PackWritten():
            return replace(state, pack=event)
        case PersonalSaved():
            return replace(state, saved=state.saved.set(event.target, event))
        case NoticeReleased():
            return state  # Who let it go is for the auditor; nothing follows.
        case PersonErased():
            return replace(
                state, erasures=people_memory.remember(state.erasures, event, index)
            )
        case DutyEscalated():
            told = notice_memory.remember_escalation(state.notices, event, index)
            return replace(state, notices=told)
        case _:
            assert_never(event)


def _witnessed(
    state: State,
    event: WitnessCosigned
    | WitnessSilent
    | WitnessDisagreed
    | WitnessRetired
    | QuorumMissed
    | QuorumMet,
    index: int,
) -> State:
    if isinstance(event, QuorumMissed | QuorumMet):
        missed = event if isinstance(event, QuorumMissed) else None
        return replace(state, quorum_missed=missed, quorum_index=index)
    witnesses = witness_memory.remember(state.witnesses, event, index)
    # Where nobody is asked any more, nobody is missed.
    missed = state.quorum_missed if witnesses else None
    return replace(state, witnesses=witnesses, quorum_missed=missed)


def _of_a_new_log(state: State) -> State:
    """Forget what an old log knew of itself; the company it knew of is the same."""
    return replace(
        state,
        ledger_checks=(),
        copies=Map(),
        witnesses=Map(),
        quorum_missed=None,
        quorum_index=None,
        custody=Custody(opened=state.custody.opened),
    )


def _incident(state: State, event: IncidentEvent, index: int) -> State:
    known = incident_memory.remember(state.incidents, event, index)
    running, attended = state.running, state.attended
    match event:
        case IncidentOpened():
            running = running.set(event.incident, None)
            attended = attended.set(event.incident, None)
        case IncidentResolved() if event.incident in running:
            running = running.delete(event.incident)
        case _:
            pass
    return replace(state, incidents=known, running=running, attended=attended)


def _adopted(
    adopted: Adopted,
    event: PolicyAdopted | OverlayAdopted | CatalogueAdopted | HolidaysAdopted,
    index: int,
) -> Adopted:
    match event:
        case PolicyAdopted():
            first_at = adopted.first_at or event.at
            return replace(adopted, policy=event, policy_index=index, first_at=first_at)
        case OverlayAdopted():
            return replace(adopted, overlay=event)
        case CatalogueAdopted():
            return replace(adopted, catalogue=event)
        case HolidaysAdopted():
            return replace(adopted, holidays=event)


def _led(adopted: Adopted, event: RunbookAdopted | RunbookWithdrawn) -> Adopted:
    runbooks = adopted.runbooks
    match event:
        case RunbookAdopted():
            runbooks = runbooks.set(event.runbook, event)
        case RunbookWithdrawn() if event.runbook in runbooks:
            runbooks = runbooks.delete(event.runbook)
        case _:
            pass
    return replace(adopted, runbooks=runbooks)


def _cancelled(state: State, event: OrderCancelled, index: int) -> State:
    return replace(
        state,
        orders=order_memory.remember(state.orders, event, index),
        drills=drill_memory.remember(state.drills, event, index),
        jobs=protection_memory.cancel(state.jobs, event),
    )


def _checked(state: State, event: CheckOrdered | CheckAnswered) -> State:
    checks = order_memory.remember_check(state.checks, event)
    return replace(state, checks=checks)
