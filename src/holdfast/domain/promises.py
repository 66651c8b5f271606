"""The names of the twenty promises that a policy can make here."""

from __future__ import annotations

from typing import Literal

ControlName = Literal[
    "scope",
    "recovery_time",
    "recovery_point",
    "availability",
    "roles",
    "functions",
    "redundancy",
    "backups",
    "off_site",
    "remote_work",
    "key_personnel",
    "third_parties",
    "audit_log",
    "patching",
    "tabletop",
    "drills",
    "policy_review",
    "alerting",
    "status_page",
    "customer_email",
]
