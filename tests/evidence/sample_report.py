"""A report of a short, real disaster and a long, simulated one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.server.sample import STANDING

from holdfast.evidence.views import CommunicationView, RecoveryView, ReportView

FAULT = datetime(2026, 11, 23, 22, 41, 3, 120_000, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """Return the moment so many seconds after the fault."""
    return FAULT + timedelta(seconds=seconds)


RECOVERY = RecoveryView(
    incident="inc-2026-031",
    datastore="orders",
    fault_at=FAULT,
    detected_at=after(3.2),
    declared_at=after(9.4),
    restored_at=after(51.8),
    recovery_time=timedelta(seconds=42.4),
    recovery_time_business=timedelta(seconds=42.4),
    recovery_time_limit="4 business hours",
    recovered_to=after(-0.6),
    data_loss=timedelta(seconds=0.6),
    data_loss_limit="1 hour",
    acknowledged_writes=1874,
    acknowledged_writes_lost=9,
    invariants=(
        ("no order without a customer", True, "one row, true"),
        ("balances sum to zero", True, "one row, true"),
    ),
    met=True,
)


def told(duty: str, channel: str, due: float, done: float | None) -> CommunicationView:
    """Make a communication that counts from detection."""
    return CommunicationView(
        duty=duty,
        channel=channel,
        due_at=after(3.2 + due),
        done_at=None if done is None else after(3.2 + done),
        recipients=3,
        proof="Slack's ts 1763937663.000100, entry #1836",
        met=done is not None and done <= due,
        from_at=after(3.2),
    )


REPORT = ReportView(
    title="A disaster survived: Brightwater Software, 24 November 2026",
    made_at=after(60),
    standing=STANDING,
    recoveries=(RECOVERY,),
    communications=(
        told("alert the response team", "Slack", 300, 1.1),
        told("update the status page", "status page", 900, 2.4),
        told("say that it is resolved", "status page", 900, 51),
    ),
    simulated=(
        told("e-mail affected customers", "e-mail", 1800, 240),
        told("update the status page again", "status page", 3600, 3590),
        told("tell the committee", "e-mail", 3600, None),
    ),
    thresholds=(
        ("how long a service must be red to be a disruption", "3 s", "overlay, IRT"),
        ("how long the journey must be green", "5 s", "overlay, PL"),
    ),
    checkpoint="holdfast.brightwater.example/ledger\n1852\nT2xk1f…=\n\n— key AAAA\n",
    verifier_key="holdfast.brightwater.example/ledger+3f1c9a77+AaBbCc",
    how_to_check=(
        "Run `holdfast ledger verify --export ledger/` on any machine.",
        "Compare the root it prints with the one above.",
    ),
)
