"""What a policy's prose leaves open, the default for each, and who may decide it.

A default runs provisionally and is shown as awaiting approval: no control that rests
on one is `met` until its role has approved it in the overlay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast.domain.promises import ControlName

Role = Literal["RC", "PL", "IRT", "CS"]
ROLE_NAMES: dict[Role, str] = {
    "RC": "Resilience Committee",
    "PL": "Product/DevOps Lead",
    "IRT": "Incident Response Team",
    "CS": "Customer Success",
}

# Who owns each promise where the policy itself names nobody (CLAUSES: owner).
OWNERS: dict[ControlName, Role] = {
    "scope": "RC",
    "recovery_time": "PL",
    "recovery_point": "PL",
    "availability": "PL",
    "roles": "RC",
    "functions": "PL",
    "redundancy": "PL",
    "backups": "PL",
    "off_site": "PL",
    "remote_work": "RC",
    "key_personnel": "PL",
    "third_parties": "RC",
    "audit_log": "PL",
    "patching": "PL",
    "tabletop": "RC",
    "drills": "PL",
    "policy_review": "RC",
    "alerting": "IRT",
    "status_page": "CS",
    "customer_email": "CS",
}

Answer = Literal[
    "duration",  # "5 min", "30 s", "26 h", "365 d"
    "business_duration",  # "8 business hours"
    "count",  # "2"
    "quorum",  # "2 of 3"
    "ranks",  # "1, 2"
    "calendar",  # "Mon-Fri 09:00-17:00 Australia/Melbourne AU-VIC"
    "choice",  # one of `choices`
]


@dataclass(frozen=True, slots=True)
class Question:
    """One open point: the control it belongs to, its default, its approver."""

    name: str
    control: ControlName
    asks: str
    answer: Answer
    default: str
    approver: Role
    choices: tuple[str, ...] = ()


def _question(
    name: str,
    control: ControlName,
    asks: str,
    answer: Answer,
    default: str,
    approver: Role,
    *choices: str,
) -> Question:
    return Question(name, control, asks, answer, default, approver, choices)


QUESTIONS: tuple[Question, ...] = (
    _question(
        "business_calendar",
        "recovery_time",
        "which hours, time zone and public holidays count as business hours",
        "calendar",
        "Mon-Fri 09:00-17:00 Australia/Melbourne AU-VIC",
        "RC",
    ),
    _question(
        "undeclared_outage_starts_clock",
        "recovery_time",
        "how long an outage may go undeclared before the clock starts by itself",
        "duration",
        "30 min",
        "RC",
    ),
    _question(
        "restored_after_green",
        "recovery_time",
        "how long the customer journey must be green to count as restored",
        "duration",
        "15 min",
        "PL",
    ),
    _question(
        "restored_vantage_points",
        "recovery_time",
        "from how many vantage points the journey must be green",
        "count",
        "2",
        "PL",
    ),
    _question(
        "critical_functions",
        "recovery_time",
        "which ranked functions are critical and customer-facing",
        "ranks",
        "1, 2",
        "RC",
    ),
    _question(
        "recovery_point_at_risk",
        "recovery_point",
        "from what age of the newest recoverable moment the RPO is at risk",
        "duration",
        "15 min",
        "PL",
    ),
    _question(
        "availability_window",
        "availability",
        "over which window availability is measured",
        "choice",
        "calendar month",
        "RC",
        "calendar month",
        "rolling 30 days",
        "calendar year",
    ),
    _question(
        "maintenance_notice",
        "availability",
        "how long before it maintenance must be announced to be excluded",
        "duration",
        "72 h",
        "RC",
    ),
    _question(
        "vantage_quorum",
        "availability",
        "how many vantage points must agree that a service is down",
        "quorum",
        "2 of 3",
        "RC",
    ),
    _question(
        "committee_meets_every",
        "roles",
        "how often the committee meets",
        "duration",
        "92 d",
        "RC",
    ),
    _question(
        "people_per_role",
        "roles",
        "how many people hold each role at least",
        "count",
        "2",
        "RC",
    ),
    _question(
        "acknowledge_within",
        "roles",
        "how soon the response team acknowledges before it escalates",
        "duration",
        "15 min",
        "RC",
    ),
    _question(
        "rto_of_function_2",
        "functions",
        "the recovery time objective of function 2",
        "business_duration",
        "8 business hours",
        "RC",
    ),
    _question(
        "rto_of_function_3",
        "functions",
        "the recovery time objective of function 3",
        "business_duration",
        "16 business hours",
        "RC",
    ),
    _question(
        "rto_of_function_4",
        "functions",
        "the recovery time objective of function 4",
        "business_duration",
        "40 business hours",
        "RC",
    ),
    _question(
        "backup_gap",
        "backups",
        "the longest gap between two daily backups",
        "duration",
        "26 h",
        "PL",
    ),
    _question(
        "remote_access_evidence_age",
        "remote_work",
        "how old the evidence of a working remote access may be",
        "duration",
        "90 d",
        "RC",
    ),
    _question(
        "joiner_grace",
        "remote_work",
        "how long a joiner has to be equipped",
        "duration",
        "14 d",
        "RC",
    ),
    _question(
        "people_per_task",
        "key_personnel",
        "how many capable people each critical task needs",
        "count",
        "2",
        "PL",
    ),
    _question(
        "supplier_review_every",
        "third_parties",
        "how often each critical sub-processor is reviewed",
        "duration",
        "365 d",
        "RC",
    ),
    _question(
        "supplier_report_age",
        "third_parties",
        "how old the end of a report's period may be",
        "duration",
        "456 d",
        "RC",
    ),
    _question(
        "log_rebuilt_every",
        "audit_log",
        "how long a rebuild of the log from its copy alone counts as proof",
        "duration",
        "31 d",
        "PL",
    ),
    _question(
        "critical_patch_within",
        "patching",
        "how soon a critical vulnerability is patched",
        "duration",
        "48 h",
        "RC",
    ),
    _question(
        "critical_patch_at_risk",
        "patching",
        "from when an unpatched critical vulnerability is at risk",
        "duration",
        "24 h",
        "RC",
    ),
    _question(
        "tabletop_every",
        "tabletop",
        "the rolling period of the tabletop exercise",
        "duration",
        "365 d",
        "RC",
    ),
    _question(
        "drill_every",
        "drills",
        "the rolling period of the drill of each datastore",
        "duration",
        "184 d",
        "RC",
    ),
    _question(
        "policy_review_after_change",
        "policy_review",
        "how soon a major change is followed by a review",
        "duration",
        "30 d",
        "RC",
    ),
    _question(
        "disruption_confirmed_after",
        "alerting",
        "how long a service must be red to be a disruption",
        "duration",
        "5 min",
        "IRT",
    ),
    _question(
        "alert_within",
        "alerting",
        "how soon after detection the response team is alerted",
        "duration",
        "5 min",
        "IRT",
    ),
    _question(
        "status_update_every",
        "status_page",
        "how often the status page is updated until the incident is resolved",
        "duration",
        "60 min",
        "CS",
    ),
    _question(
        "customer_email_within",
        "customer_email",
        "how soon after the threshold affected customers have the e-mail",
        "duration",
        "30 min",
        "CS",
    ),
)

BY_NAME: dict[str, Question] = {question.name: question for question in QUESTIONS}
