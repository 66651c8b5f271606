"""What the demo proves, as figures, as JSON and as the views of the report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from holdfast.demo import northwind
from holdfast.demo.story import Survived
from holdfast.domain.controls.judging import Duty
from holdfast.domain.controls.recovery_time import recovery_time
from holdfast.evidence.views import (
    CommunicationView,
    RecoveryView,
    ReportView,
    StandingView,
)
from holdfast.evidence.words import rfc3339

SECTION_7 = ("alerting", "status_page", "customer_email")


@dataclass(frozen=True, slots=True)
class Proof:
    """The exported ledger and how to check it."""

    origin: str
    size: int
    root: str
    verifier_key: str
    checkpoint: str
    export: Path
    report: Path


def recovery_view(survived: Survived) -> RecoveryView:
    """Return what was measured against what the policy allows."""
    incident, writes = survived.incident, survived.writes
    verified = survived.recovery.verified
    declared, restored_at = incident.declared, incident.restored_since
    taken = recovery_time(incident)
    assert declared is not None
    assert restored_at is not None
    assert verified is not None
    assert taken is not None
    rules = survived.situation.rules
    assert rules.rto is not None
    assert rules.rpo is not None
    loss = data_loss(survived)
    return RecoveryView(
        incident=incident.id,
        datastore=northwind.DATASTORE,
        fault_at=survived.fault_at,
        detected_at=incident.opened.detected_at,
        declared_at=declared.at,
        restored_at=restored_at,
        recovery_time=taken,
        recovery_time_business=rules.calendar.between(declared.at, restored_at),
        recovery_time_limit=rules.rto.text,
        recovered_to=verified.recovered_to,
        data_loss=loss,
        data_loss_limit=f"{rules.rpo.total_seconds() / 3600:g} hour",
        acknowledged_writes=writes.acknowledged,
        acknowledged_writes_lost=writes.lost,
        invariants=tuple((name, True, "holds") for name in verified.invariants),
        met=(
            declared.due_at is not None
            and restored_at <= declared.due_at
            and loss <= rules.rpo
            and verified.ok
        ),
    )


def data_loss(survived: Survived) -> timedelta:
    """Return the time before the fault whose acknowledged writes are gone."""
    newest = survived.writes.newest_recovered_at
    if newest is None:
        raise AssertionError("nothing survived, though the invariants held")
    return max(survived.fault_at - newest, timedelta(0))


def communications(duties: tuple[Duty, ...]) -> tuple[CommunicationView, ...]:
    """Return section 7's duties against their deadlines, in the order of those."""
    told = [d for d in duties if d.control in SECTION_7 and d.due_at is not None]
    told.sort(key=lambda duty: (duty.due_at is None, duty.due_at, duty.key))
    return tuple(_communication(duty) for duty in told)


def as_object(
    survived: Survived,
    simulated: tuple[CommunicationView, ...],
    proof: Proof,
    engine: str,
    *,
    apart: bool,
) -> dict[str, Any]:
    """Return the one JSON object of `make demo DEMO_ARGS="--yes --json"`."""
    view = recovery_view(survived)
    return {
        "recovery_time_seconds": view.recovery_time.total_seconds(),
        "recovery_time_business_seconds": view.recovery_time_business.total_seconds(),
        "recovery_time_from_fault_seconds": (
            view.restored_at - view.fault_at
        ).total_seconds(),
        "recovery_time_limit": view.recovery_time_limit,
        "data_loss_seconds": view.data_loss.total_seconds(),
        "data_loss_limit": view.data_loss_limit,
        "acknowledged_writes": view.acknowledged_writes,
        "acknowledged_writes_lost": view.acknowledged_writes_lost,
        "met": view.met,
        "communications": [_plain(duty) for duty in communications(survived.duties)],
        "simulated_communications": [_plain(duty) for duty in simulated],
        "engine": engine,
        "two_accounts": apart,
        "ledger": {
            "origin": proof.origin,
            "size": proof.size,
            "root": proof.root,
            "verifier_key": proof.verifier_key,
            "export": str(proof.export),
        },
        "report": str(proof.report),
    }


def report_view(
    survived: Survived,
    standing: StandingView,
    simulated: tuple[CommunicationView, ...],
    proof: Proof,
    made_at: datetime,
) -> ReportView:
    """Return the report's view."""
    terms = survived.situation.rules.terms
    return ReportView(
        title="A disaster survived",
        made_at=made_at,
        standing=standing,
        recoveries=(recovery_view(survived),),
        communications=communications(survived.duties),
        simulated=simulated,
        thresholds=tuple(
            (name, terms[name].text, "approved; in seconds for this demo")
            for name in northwind.SHORTENED
        ),
        checkpoint=proof.checkpoint,
        verifier_key=proof.verifier_key,
        how_to_check=(
            f"holdfast ledger verify {proof.export} --key '{proof.verifier_key}'",
        ),
    )


def _communication(duty: Duty) -> CommunicationView:
    assert duty.due_at is not None
    channel = {"alerting": "Slack", "status_page": "status page"}
    return CommunicationView(
        duty=duty.what,
        channel=channel.get(duty.control, "e-mail"),
        due_at=duty.due_at,
        done_at=duty.done_at,
        recipients=northwind.CUSTOMERS if duty.control == "customer_email" else 1,
        proof=f"ledger entry {duty.index}" if duty.index is not None else "",
        met=duty.done_at is not None and not duty.late,
    )


def _plain(view: CommunicationView) -> dict[str, Any]:
    return {
        "duty": view.duty,
        "channel": view.channel,
        "due_at": rfc3339(view.due_at),
        "done_at": rfc3339(view.done_at) if view.done_at else None,
        "recipients": view.recipients,
        "in_time": view.met,
    }
