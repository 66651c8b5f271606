"""A realistic Standing: 36 sentences, a disaster running, one incident behind us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from holdfast.domain.policy.model import Kind, Status
from holdfast.domain.promises import ControlName
from holdfast.evidence.views import (
    ClockView,
    DutyView,
    IncidentView,
    Proof,
    SentenceView,
    Standing,
    StandingView,
    TimelineView,
)

NOW = datetime(2026, 11, 23, 22, 48, 30, tzinfo=UTC)
ZONE = "Australia/Melbourne"
DIGEST = "sha256:" + "5b1e" * 16
_lines: Iterator[int] = count(30, 2)


def ago(**units: float) -> datetime:
    """Return a moment before the sample's now."""
    return NOW - timedelta(**units)


def sentence(
    section: str,
    label: str | None,
    text: str,
    control: ControlName | None = None,
    standing: Standing | None = None,
    reason: str = "",
    *,
    kind: Kind = "state",
    status: Status = "bound",
    proofs: tuple[Proof, ...] = (),
    owner: str | None = "PL",
    due: datetime | None = None,
    awaiting: tuple[str, ...] = (),
) -> SentenceView:
    """Make a sentence; without a control it only informs."""
    line = next(_lines)
    return SentenceView(
        anchor=f"sha256:{line:064x}",
        section=section,
        lines=(line, line),
        label=label,
        text=text,
        kind="informational" if control is None else kind,
        status="informational" if control is None else status,
        control=control,
        standing=standing,
        reason=reason,
        proofs=proofs,
        owner=owner if control else None,
        next_due_at=due,
        awaiting=awaiting,
    )


S1, S2 = "1. Purpose and Scope", "2. Resilience Objectives"
S3, S4 = "3. Governance and Roles", "4. Critical Business Functions"
S51, S52 = "5.1 Infrastructure & Data Resilience", "5.2 Operational Resilience"
S53, S6 = "5.3 Cyber Resilience", "6. Testing and Maintenance"
S7 = "7. Communication Plan"

SENTENCES = (
    sentence("", None, "Our business resilience policy."),
    sentence(
        S1,
        None,
        "The purpose of this policy is to ensure that Brightwater Software can prepare "
        "for, respond to and recover from sudden disruptions.",
    ),
    sentence(S1, None, "It protects the continuity of our services."),
    sentence(
        S1,
        "Scope",
        "This policy applies to all employees, contractors, and third-party vendors.",
        "scope",
        "unproven",
        "Nobody has compared the catalogue with the identity provider yet.",
        kind="scope",
        owner="RC",
    ),
    sentence(
        S1,
        "Scope",
        "It covers all physical operations and cloud-hosted environments "
        "(e.g., AWS, Azure, GCP).",
        "scope",
        "unproven",
        "No inventory of accounts has been observed yet.",
        kind="scope",
    ),
    sentence(S2, None, "Our goal is to protect our people and our customers' data."),
    sentence(
        S2,
        "Recovery Time Objective (RTO)",
        "Critical customer-facing services must be restored within 4 business hours "
        "of a declared disaster.",
        "recovery_time",
        "at_risk",
        "A disaster is declared and 76 % of its 4 business hours are used.",
        kind="target",
        proofs=(
            Proof("Disaster declared by Mara Lindqvist", 1842, ago(hours=3, minutes=2)),
            Proof("Journey of the SaaS platform is red", 1833, ago(hours=3, minutes=9)),
        ),
        due=NOW + timedelta(minutes=58),
        awaiting=("restored means green for 15 min (default)",),
    ),
    sentence(
        S2,
        "Recovery Point Objective (RPO)",
        "Maximum allowable data loss is 1 hour of transactions.",
        "recovery_point",
        "breached",
        "The newest recoverable moment is 1 h 12 min old.",
        kind="target",
        proofs=(Proof("Newest recoverable row written", 1851, ago(minutes=72)),),
        due=ago(minutes=12),
    ),
    sentence(
        S2,
        "Availability",
        "Maintain a service level agreement (SLA) of 99.9% uptime.",
        "availability",
        "breached",
        "This month stands between 99.41 % and 99.57 %, below 99.9 %.",
        kind="target",
        proofs=(Proof("Outage interval of SaaS platform opened", 1833, ago(hours=3)),),
        due=NOW + timedelta(days=7),
    ),
    *(
        sentence(
            S3,
            label,
            text,
            "roles",
            standing,
            reason,
            kind="role",
            owner=owner,
            proofs=proofs,
            due=due,
        )
        for label, text, standing, reason, owner, proofs, due in (
            (
                "Resilience Committee",
                "Executive oversight, policy approval, and budget allocation.",
                "met",
                "Two people hold the role; it met 41 days ago.",
                "RC",
                (Proof("Minutes of the committee", 1203, ago(days=41)),),
                NOW + timedelta(days=51),
            ),
            (
                "Incident Response Team (IRT)",
                "Immediate technical and operational response to a live threat.",
                "met",
                "The running incident was acknowledged after 2 min 10 s.",
                "IRT",
                (Proof("Acknowledged by Mara Lindqvist", 1838, ago(hours=3)),),
                None,
            ),
            (
                "Product/DevOps Lead",
                "Ensuring software architecture supports high availability and DR.",
                "stale",
                "The last signed architecture review is 131 days old.",
                "PL",
                (Proof("Architecture review signed", 702, ago(days=131)),),
                ago(days=9),
            ),
            (
                "Customer Success",
                "Managing communication with clients during service disruptions.",
                "met",
                "Every notice of the last 30 days was delivered.",
                "CS",
                (),
                None,
            ),
        )
    ),
    sentence(S4, None, "The following functions are prioritized for recovery:"),
    *(
        sentence(
            S4, label, text, "functions", standing, reason, kind="rank", proofs=proofs
        )
        for label, text, standing, reason, proofs in (
            (
                "1. SaaS Platform Availability",
                "The primary software product used by customers.",
                "met",
                "The last drill started it first.",
                (Proof("Drill of 3 September", 988, ago(days=81)),),
            ),
            (
                "2. Customer Support Systems",
                "Ticketing and communication channels.",
                "unbound",
                "The committee has not decided its recovery time.",
                (),
            ),
            (
                "3. Software Development Pipeline",
                "CI/CD tools required for security patching.",
                "unbound",
                "The committee has not decided its recovery time.",
                (),
            ),
            (
                "4. Financial Operations",
                "Payroll and accounts receivable/payable.",
                "unproven",
                "Its workaround has never been rehearsed.",
                (),
            ),
        )
    ),
    sentence(
        S51,
        "Redundancy",
        "Utilize multi-availability zone (Multi-AZ) or multi-region deployments for "
        "production databases.",
        "redundancy",
        "unproven",
        "No provider reports where the replicas run.",
    ),
    sentence(
        S51,
        "Backups",
        "Automated, encrypted backups performed daily, with point-in-time recovery "
        "(PITR) enabled.",
        "backups",
        "met",
        "The last backup is 7 h old, encrypted; archiving lags by 41 s.",
        proofs=(
            Proof("Full backup 20261123-154002F of orders", 1799, ago(hours=7)),
            Proof("Archive received segment 00000001000000A7", 1831, ago(hours=3.2)),
        ),
        due=NOW + timedelta(hours=19),
    ),
    sentence(
        S51,
        "Off-site Storage",
        "Backups must be stored in a separate logical account or region from "
        "production.",
        "off_site",
        "met",
        "The copy in account brightwater-vault was read back today.",
        proofs=(Proof("Read back from the off-site copy", 1801, ago(hours=6.6)),),
        due=NOW + timedelta(hours=17),
    ),
    sentence(
        S52,
        "Remote Work Capability",
        "All staff must be equipped to work 100% remotely with secure VPN/SSO access.",
        "remote_work",
        "unproven",
        "No sign-in has been observed for 14 of 61 people.",
        owner="RC",
    ),
    sentence(
        S52,
        "Key Personnel Risk",
        'Document "Runbooks" for critical tasks to ensure operations can continue if '
        "a key engineer is unavailable.",
        "key_personnel",
        "unproven",
        "Three critical tasks have no runbook that a second person has run.",
        kind="registry",
    ),
    sentence(
        S52,
        "Third-Party Risk",
        'Maintain a registry of "Critical Sub-processors" (e.g., Cloud Provider, '
        "Auth0, Stripe).",
        "third_parties",
        "met",
        "Seven suppliers are registered, four of them critical.",
        kind="registry",
        owner="RC",
        proofs=(Proof("Catalogue adopted", 1466, ago(days=12)),),
    ),
    sentence(
        S52,
        "Third-Party Risk",
        "Review their SOC2/Resilience reports annually.",
        "third_parties",
        "stale",
        "The review of one critical supplier is 371 days old.",
        kind="cadence",
        owner="RC",
        due=ago(days=6),
        proofs=(Proof("Report of the identity provider reviewed", 31, ago(days=371)),),
    ),
    sentence(
        S53,
        "Immutable Logs",
        "Maintain tamper-proof audit logs to detect and recover from ransomware.",
        "audit_log",
        "met",
        "The ledger was verified in full 4 h ago; its checkpoint is signed.",
        proofs=(Proof("Full verification passed", 1820, ago(hours=4)),),
        due=NOW + timedelta(hours=20),
    ),
    sentence(
        S53,
        "Security Patches",
        "Critical security vulnerabilities in the software must be patched within "
        "[e.g., 24-48] hours.",
        "patching",
        "unbound",
        "The number of hours was never filled in.",
        status="placeholder",
        kind="event",
        awaiting=("48 h breach, 24 h at risk (default)",),
    ),
    sentence(S6, None, "A plan is only as good as its last test."),
    sentence(S6, None, "Brightwater Software commits to:"),
    sentence(
        S6,
        "Tabletop Exercises",
        'Annual walkthroughs of "What-if" scenarios (e.g., AWS Region outage, '
        "Ransomware).",
        "tabletop",
        "met",
        "Both scenarios were walked through 88 days ago.",
        kind="cadence",
        owner="RC",
        proofs=(Proof("Exercise record signed", 940, ago(days=88)),),
        due=NOW + timedelta(days=277),
    ),
    sentence(
        S6,
        "DR Drills",
        "Semi-annual technical failover tests to confirm RTO/RPO targets are met.",
        "drills",
        "at_risk",
        "The drill of orders is due within two weeks.",
        kind="cadence",
        proofs=(Proof("Drill of orders passed in 22 min", 988, ago(days=172)),),
        due=NOW + timedelta(days=12),
    ),
    sentence(
        S6,
        "Policy Review",
        "This policy is reviewed annually or after any major architectural change.",
        "policy_review",
        "met",
        "Approved 203 days ago; no major change since.",
        kind="review",
        owner="RC",
        due=NOW + timedelta(days=162),
        proofs=(Proof("Policy approved by two of the committee", 12, ago(days=203)),),
    ),
    sentence(S7, None, "In the event of a disruption affecting customers:"),
    sentence(
        S7,
        "Internal",
        "Alert the IRT via Slack.",
        "alerting",
        "met",
        "Alerted 9 s after detection.",
        kind="event",
        owner="IRT",
        proofs=(Proof("Slack took the message, ts 1763926", 1836, ago(hours=3)),),
    ),
    sentence(
        S7,
        "External",
        "Update the public Status Page within 15 minutes.",
        "status_page",
        "met",
        "An outside fetch saw the update after 48 s.",
        kind="event",
        owner="CS",
        proofs=(Proof("Status page seen from two regions", 1840, ago(hours=3)),),
        due=NOW + timedelta(minutes=12),
    ),
    sentence(
        S7,
        "Direct",
        "Email affected customers if the outage exceeds 1 hour.",
        "customer_email",
        "breached",
        "3 of 212 customers had it after the deadline.",
        kind="event",
        owner="CS",
        proofs=(Proof("Batch of 212 mails, 3 late", 1849, ago(hours=1.4)),),
    ),
)

INCIDENT = IncidentView(
    id="inc-2026-031",
    title="SaaS platform does not answer: database orders is gone",
    phase="recovering",
    services=("SaaS platform", "Customer support portal"),
    began_at=ago(hours=3, minutes=10),
    detected_at=ago(hours=3, minutes=8),
    declared_at=ago(hours=3, minutes=2),
    resolved_at=None,
    acknowledged_by="Mara Lindqvist",
    clocks=(
        ClockView(
            "Restore the service",
            "4 business hours",
            ago(hours=3, minutes=2),
            NOW + timedelta(minutes=58),
            None,
            business=True,
            used=timedelta(hours=3, minutes=2),
            state="at_risk",
            allowed=timedelta(hours=4),
        ),
        ClockView(
            "Update the status page again",
            "60 minutes",
            ago(minutes=48),
            NOW + timedelta(minutes=12),
            None,
            business=False,
            used=timedelta(minutes=48),
            state="running",
        ),
        ClockView(
            "Confirm the off-site key with a second person",
            "2 hours",
            ago(hours=2, minutes=20),
            ago(minutes=20),
            None,
            business=False,
            used=timedelta(hours=2, minutes=20),
            state="overdue",
        ),
        ClockView(
            "Alert the response team",
            "5 minutes",
            ago(hours=3, minutes=8),
            ago(hours=3, minutes=3),
            ago(hours=3, minutes=7, seconds=51),
            business=False,
            used=timedelta(seconds=9),
            state="done",
        ),
        ClockView(
            "E-mail affected customers",
            "1 hour, then 30 minutes",
            ago(hours=2, minutes=10),
            ago(hours=1, minutes=40),
            ago(hours=1, minutes=24),
            business=False,
            used=timedelta(minutes=46),
            state="done_late",
        ),
    ),
    timeline=tuple(
        TimelineView(ago(minutes=minutes), text, 1833 + number)
        for number, (minutes, text) in enumerate(
            (
                (715, "Certificate of the vantage point singapore renewed"),
                (190, "First probe of SaaS platform failed from melbourne"),
                (189, "Probe failed from singapore and frankfurt"),
                (188, "Outage confirmed by 3 of 3 vantage points"),
                (187.85, "Response team alerted in Slack"),
                (187.2, "Status page updated and seen from outside"),
                (185.7, "Acknowledged by Mara Lindqvist"),
                (184, "Datastore orders does not accept connections"),
                (183, "On-site repository is unreadable"),
                (182, "Disaster declared by Mara Lindqvist"),
                (181, "Restore of orders started from the off-site copy"),
                (130, "Outage passed 1 hour; 212 customers are owed an e-mail"),
                (84, "Batch of 212 mails accepted by the relay"),
                (48, "Status page updated and seen from outside"),
                (31, "Restore of orders: 61 % of 412 GB"),
                (4, "Restore of orders: 88 % of 412 GB"),
            )
        )
    ),
)

PAST = replace(
    INCIDENT,
    id="inc-2026-030",
    title="Support portal slow",
    phase="resolved",
    began_at=ago(days=9, hours=2),
    detected_at=ago(days=9, hours=2),
    declared_at=None,
    resolved_at=ago(days=9, hours=1, minutes=22),
    clocks=(INCIDENT.clocks[3],),
    timeline=INCIDENT.timeline[:3],
)

DUTIES = (
    DutyView(
        "status:inc-2026-031:4",
        "Update the status page again",
        "status_page",
        "CS",
        NOW + timedelta(minutes=12),
        "owed",
        None,
    ),
    DutyView(
        "review:idp",
        "Review the resilience report of the identity provider",
        "third_parties",
        "RC",
        ago(days=6),
        "overdue",
        None,
    ),
    DutyView(
        "drill:orders",
        "Drill the recovery of orders",
        "drills",
        "PL",
        NOW + timedelta(days=12),
        "owed",
        None,
    ),
    DutyView(
        "decide:rto-2",
        "Decide the recovery time of functions 2 and 3",
        "functions",
        "RC",
        None,
        "owed",
        None,
    ),
    DutyView(
        "alert:inc-2026-031",
        "Alert the response team",
        "alerting",
        "IRT",
        ago(hours=3),
        "done",
        ago(hours=3),
    ),
)

STANDING = StandingView(
    company="Brightwater Software",
    policy_title="Business Resilience Policy",
    policy_digest=DIGEST,
    adopted_at=ago(days=203),
    as_of=NOW,
    as_of_index=1852,
    root="4f6c1f2a9f0e7b6d" * 4,
    origin="holdfast.brightwater.example/ledger",
    incidents=(INCIDENT, PAST),
    duties=DUTIES,
    sentences=SENTENCES,
    contradictions=(
        "4 business hours can be 117 hours on the wall; 99.9 % of 30 days is 43 min.",
        "A daily backup cannot carry an RPO of 1 hour; only PITR can.",
        "15 minutes and 1 hour are wall clock: section 7 needs a roster day and night.",
    ),
    findings=("Holdfast shares its region with the database that it watches.",),
    zone=ZONE,
)

NOT_ADOPTED = replace(
    STANDING,
    policy_title="",
    policy_digest="",
    adopted_at=None,
    incidents=(),
    duties=(),
    sentences=(),
    contradictions=(),
    findings=(),
    as_of_index=0,
)
