"""Each entry of an incident in a few plain words, dated by when it was true."""

from __future__ import annotations

from datetime import datetime

from immutables import Map

from holdfast.domain.events.authority import (
    ActApproved,
    ActOrdered,
    GlassBroken,
    GlassReviewed,
    OrderCancelled,
    StepConfirmed,
)
from holdfast.domain.events.copies import PublishChecked
from holdfast.domain.events.governance import LedgerChecked
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
from holdfast.domain.events.job import JobFinished, JobLost, JobRequested, JobStarted
from holdfast.domain.events.notice import (
    DeliveryFailed,
    DutyEscalated,
    NoticeDelivered,
    NoticeDue,
    StatusPageSeen,
)
from holdfast.domain.events.quarantine import NoticeReleased
from holdfast.domain.events.ransomware import RansomwareSuspected, SuspicionResolved
from holdfast.domain.events.rehearsal import LedgerRebuilt
from holdfast.domain.events.tampering import TamperingFound, TamperingResolved
from holdfast.domain.events.unwitnessed import WitnessingLapsed, WitnessingResumed
from holdfast.domain.events.witness import (
    QuorumMet,
    QuorumMissed,
    WitnessCosigned,
    WitnessDisagreed,
    WitnessSilent,
)
from holdfast.domain.memory.people import Erasures, shown
from holdfast.journal import Recorded

DUTY_WORDS = {
    "alert": "alert to the response team",
    "alert_fallback": "alert by e-mail, since Slack did not take it",
    "escalation": "escalation to committee and lead",
    "status_page": "status page update",
    "customer_email": "e-mail to affected customers",
    "checkpoint": "weekly checkpoint of the audit log",
}


def describe(entry: Recorded, erasures: Erasures = Map()) -> tuple[datetime, str]:
    """Return when it happened and what, for people to read.

    Whoever did it and was erased since is marked so.
    """
    event = entry.event
    match event:
        case IncidentOpened():
            return event.detected_at, f"Disruption confirmed: {event.reason}"
        case ServiceFailed():
            return event.at, f"{event.service} fails too"
        case IncidentAcknowledged():
            return event.at, f"Acknowledged by {shown(erasures, event.by)}"
        case DisasterDeclared(automatic=True):
            return event.at, "Recovery clock started by itself: nobody had declared"
        case DisasterDeclared():
            return event.at, f"Disaster declared by {shown(erasures, event.by)}"
        case RecoveryOrdered():
            who, where = shown(erasures, event.by), f"repository {event.repository}"
            return event.at, f"{who} ordered {event.datastore} back from {where}"
        case (
            ActOrdered()
            | ActApproved()
            | GlassBroken()
            | GlassReviewed()
            | StepConfirmed()
            | OrderCancelled()
        ):
            return event.at, _authority(event, erasures)
        case PreflightChecked():
            good = "the restore can work" if event.ok else "the restore cannot work"
            return event.at, f"Preflight: {good}"
        case RecoveryVerified():
            return event.at, _verified(event)
        case WritesCompared():
            lost, all_of = event.lost, event.acknowledged
            return event.at, f"{lost:,} of {all_of:,} acknowledged writes are lost"
        case ServiceRestored():
            return event.green_since, f"{event.service} is green again, and stayed so"
        case IncidentResolved():
            who = shown(erasures, event.by)
            return event.at, "Resolved" if who == "holdfast" else f"Resolved by {who}"
        case _:
            return _work(entry, erasures)


def _authority(
    event: ActOrdered
    | ActApproved
    | GlassBroken
    | GlassReviewed
    | StepConfirmed
    | OrderCancelled,
    erasures: Erasures,
) -> str:
    who = shown(erasures, event.by)
    match event:
        case ActOrdered():
            return f"{who}, known by {event.signed_in}, asks for a second person"
        case ActApproved():
            return f"{who}, known by {event.signed_in}, approved {event.order}"
        case GlassBroken():
            return f"{who} broke the glass for {event.order}: {event.reason}"
        case GlassReviewed():
            return f"{who} reviewed the broken glass: {event.words}"
        case StepConfirmed():
            words = f": {event.words}" if event.words else ""
            return f"{who} confirmed step {event.step}{words}"
        case OrderCancelled():
            return f"{who} cancelled {event.order}: {event.reason}"


def _work(entry: Recorded, erasures: Erasures) -> tuple[datetime, str]:
    event = entry.event
    match event:
        case JobRequested():
            return event.at, f"{event.verb.capitalize()} of {event.datastore} requested"
        case JobStarted():
            return event.at, f"Job {event.job} runs on {event.host}"
        case JobFinished():
            return event.at, event.detail
        case JobLost():
            return event.at, f"Job {event.job} was lost: {event.detail}"
        case NoticeDue():
            return event.at, f"Owed: {DUTY_WORDS[event.duty]} ({event.stage})"
        case NoticeDelivered():
            return event.at, _delivered(event)
        case DeliveryFailed():
            return event.at, f"Not taken: {event.reason}"
        case NoticeReleased():
            count = f"{event.deliveries:,} waiting deliveries"
            who = shown(erasures, event.by)
            return event.at, f"{who} let {count} go: {event.notice}"
        case StatusPageSeen():
            return event.at, f"Seen from outside on {event.url}"
        case DutyEscalated():
            return event.at, f"Overdue and escalated: {event.duty}"
        case _:
            return _log(entry)


def _log(entry: Recorded) -> tuple[datetime, str]:
    event = entry.event
    match event:
        case LedgerChecked():
            return event.at, f"Check of the {event.scope}: {event.detail}"
        case PublishChecked():
            return event.at, f"Check of the copy {event.target}: {event.detail}"
        case LedgerRebuilt():
            return event.at, f"Rebuild from the copy {event.target}: {event.detail}"
        case WitnessDisagreed():
            return event.at, f"Witness {event.witness} disagrees: {event.detail}"
        case TamperingFound():
            return event.at, f"Tampering with the log: {event.part}: {event.detail}"
        case RansomwareSuspected():
            return event.at, f"Ransomware suspected: {event.datastore}: {event.detail}"
        case TamperingResolved() | SuspicionResolved():
            return event.at, f"Resolved by {event.by}: {event.reason}"
        case _:
            return _witnessed(entry)


def _witnessed(entry: Recorded) -> tuple[datetime, str]:
    event = entry.event
    match event:
        case WitnessSilent():
            return event.at, f"Witness {event.witness} is silent: {event.detail}"
        case WitnessCosigned():
            return event.at, f"Witness {event.witness} cosigned size {event.size:,}"
        case QuorumMissed():
            return event.at, f"No checkpoint has its quorum of {event.wanted}"
        case QuorumMet():
            return event.at, f"Size {event.size:,} has its quorum of {event.wanted}"
        case WitnessingLapsed():
            return event.at, f"Not witnessed: {event.part}: {event.detail}"
        case WitnessingResumed():
            return event.at, f"Resolved: {event.detail}"
        case _:
            return entry.recorded_at, event.TYPE


def _delivered(event: NoticeDelivered) -> str:
    refused = f"; {event.abandoned:,} refuse it for good" if event.abandoned else ""
    if not event.delivered:
        return f"Nobody took {event.notice}{refused}"
    return f"Delivered to {event.delivered:,}: {event.notice}{refused}"


def _verified(event: RecoveryVerified) -> str:
    if not event.ok:
        return f"Verification failed: {'; '.join(event.findings)}"
    count = len(event.invariants)
    return f"Data verified: {count} invariants hold, timeline {event.timeline}"
