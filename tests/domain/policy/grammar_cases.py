"""Forms of words found in resilience policies, in policies made up for the tests.

Each case is a name, a text, and the part of the summary that a careful reader of the
text would write down; fields that are not named must come out empty.
"""

from __future__ import annotations

CASES: list[tuple[str, str, dict[str, object]]] = [
    (
        "term before figure",
        """\
# P

The RTO is 4 hours and the RPO is 15 minutes.
""",
        {"rto": "4 hours", "rpo": "15 minutes"},
    ),
    (
        "figure before term",
        """\
# P

We hold a 4-hour RTO and a 15-minute RPO.
""",
        {"rto": "4 hours", "rpo": "15 minutes"},
    ),
    (
        "short units",
        """\
# P

- RTO: 4h
- RPO: 15m
""",
        {"rto": "4h", "rpo": "15m"},
    ),
    (
        "words and brackets",
        """\
# P

The Recovery Time Objective (RTO) is twenty-four (24) hours.
""",
        {"rto": "24 hours"},
    ),
    (
        "respectively",
        """\
# P

The RTO and RPO are 8 hours and 1 hour, respectively.
""",
        {"rto": "8 hours", "rpo": "1 hour"},
    ),
    (
        "labels on lines of their own",
        """\
# Objectives

RTO: 6 hours
RPO: 30 minutes
Availability: 99.95%
""",
        {"rto": "6 hours", "rpo": "30 minutes", "availability": "99.95%"},
    ),
    (
        "no more than",
        """\
# P

Recovery time must not exceed 2 business days. Data loss shall not exceed one
hour.
""",
        {"rto": "2 business days", "rpo": "1 hour"},
    ),
    (
        "restored without the term",
        """\
# P

Production systems shall be restored within 12 hours of an outage.
""",
        {"rto": "12 hours"},
    ),
    (
        "lost without the term",
        """\
# P

In the worst case no more than 10 minutes of customer data may be lost.
""",
        {"rpo": "10 minutes"},
    ),
    (
        "tiers in rows",
        """\
# P

| Tier | Systems | RTO | RPO | Uptime |
|---|---|---|---|---|
| Tier 1 | Checkout | 1 hour | 5 minutes | 99.99% |
| Tier 2 | Wiki | 24 hours | 24 hours | 99.5% |
""",
        {
            "rto": [
                {"tier": "Tier 1", "value": "1 hour"},
                {"tier": "Tier 2", "value": "24 hours"},
            ],
            "rpo": [
                {"tier": "Tier 1", "value": "5 minutes"},
                {"tier": "Tier 2", "value": "24 hours"},
            ],
            "availability": [
                {"tier": "Tier 1", "value": "99.99%"},
                {"tier": "Tier 2", "value": "99.5%"},
            ],
        },
    ),
    (
        "tiers in columns",
        """\
# P

| Objective | Gold | Silver |
|---|---|---|
| RTO | 1 hour | 8 hours |
| RPO | 5 minutes | 4 hours |
""",
        {
            "rto": [
                {"tier": "Gold", "value": "1 hour"},
                {"tier": "Silver", "value": "8 hours"},
            ],
            "rpo": [
                {"tier": "Gold", "value": "5 minutes"},
                {"tier": "Silver", "value": "4 hours"},
            ],
        },
    ),
    (
        "two columns",
        """\
# P

| Metric | Target |
|---|---|
| Recovery Time Objective | 4 hours |
| Recovery Point Objective | 1 hour |
| Uptime | 99.9% |
""",
        {"rto": "4 hours", "rpo": "1 hour", "availability": "99.9%"},
    ),
    (
        "tiers in a list",
        """\
# P

Recovery objectives by tier:

- **Tier 1**: RTO 1 hour, RPO 15 minutes
- **Tier 2**: RTO 8 hours, RPO 4 hours
""",
        {
            "rto": [
                {"tier": "Tier 1", "value": "1 hour"},
                {"tier": "Tier 2", "value": "8 hours"},
            ],
            "rpo": [
                {"tier": "Tier 1", "value": "15 minutes"},
                {"tier": "Tier 2", "value": "4 hours"},
            ],
        },
    ),
    (
        "tiers below the term",
        """\
# P

The recovery time objectives (RTO) are:

- Critical: 2 hours
- Standard: 3 days
""",
        {
            "rto": [
                {"tier": "Critical", "value": "2 hours"},
                {"tier": "Standard", "value": "3 days"},
            ]
        },
    ),
    (
        "grid table",
        """\
# P

+---------+----------+----------+
| Class   | Recovery | Data     |
|         | Time     | Loss     |
+=========+==========+==========+
| Gold    | 2 hours  | 5        |
|         |          | minutes  |
+---------+----------+----------+
| Bronze  | 2 days   | 1 day    |
+---------+----------+----------+
""",
        {
            "rto": [
                {"tier": "Gold", "value": "2 hours"},
                {"tier": "Bronze", "value": "2 days"},
            ],
            "rpo": [
                {"tier": "Gold", "value": "5 minutes"},
                {"tier": "Bronze", "value": "1 day"},
            ],
        },
    ),
    (
        "empty column",
        """\
# P

| Asset | RTO | RPO |
|---|---|---|
| Mail | 1 hour | |
| Chat | 2 hours | |
""",
        {
            "rto": [
                {"tier": "Mail", "value": "1 hour"},
                {"tier": "Chat", "value": "2 hours"},
            ]
        },
    ),
    (
        "three nines",
        """\
# P

We commit to three nines of uptime.
""",
        {"availability": "99.9%"},
    ),
    (
        "percent in words",
        """\
# P

Monthly uptime of at least 99.5 percent is guaranteed.
""",
        {"availability": "99.5%"},
    ),
    (
        "a share of something else",
        """\
# P

Staff work 100% remotely. 95% of employees complete the course. Support is there
24x7.
""",
        {},
    ),
    (
        "twice a year",
        """\
# P

Disaster recovery tests are conducted twice a year.
""",
        {"dr_test_frequency": "semi-annual"},
    ),
    (
        "every six months",
        """\
# P

The DR plan is tested every 6 months.
""",
        {"dr_test_frequency": "semi-annual"},
    ),
    (
        "no less than quarterly",
        """\
# P

Failover exercises must be performed no less than quarterly.
""",
        {"dr_test_frequency": "at least quarterly"},
    ),
    (
        "two cadences in a sentence",
        """\
# P

Tabletop exercises are held quarterly, and full DR tests are run annually.
""",
        {"tabletop_frequency": "quarterly", "dr_test_frequency": "annual"},
    ),
    (
        "cadences in a table",
        """\
# Testing

| Exercise | Frequency |
|---|---|
| Tabletop exercise | Quarterly |
| Disaster recovery test | Annually |
| Backup restore test | Monthly |
| Fire drill | Yearly |
""",
        {
            "tabletop_frequency": "quarterly",
            "dr_test_frequency": "annual",
            "restore_test_frequency": "monthly",
            "other": [{"what": "fire drill", "value": "annual"}],
        },
    ),
    (
        "restore tests",
        """\
# P

Backups are tested quarterly by restoring them to a scratch server.
""",
        {"restore_test_frequency": "quarterly"},
    ),
    (
        "taken and tested",
        """\
# P

Backups are taken daily and restoration is tested monthly.
""",
        {"backup_frequency": "daily", "restore_test_frequency": "monthly"},
    ),
    (
        "backups by type",
        """\
# Backups

Full backups are performed weekly. Incremental backups are performed every 4
hours.
""",
        {
            "backup_frequency": [
                {"tier": "full", "value": "weekly"},
                {"tier": "incremental", "value": "every 4 hours"},
            ]
        },
    ),
    (
        "backups kept elsewhere",
        """\
# P

Nightly backups are encrypted at rest and replicated to a different region.
""",
        {"backup_frequency": "daily", "offsite": True, "encrypted": True},
    ),
    (
        "backups in a table",
        """\
# Backups

| Data | Frequency | Retention |
|---|---|---|
| Customer database | Hourly | 30 days |
| Files | Daily | 90 days |
""",
        {
            "backup_frequency": [
                {"tier": "Customer database", "value": "hourly"},
                {"tier": "Files", "value": "daily"},
            ],
            "other": [
                {
                    "what": "backup retention",
                    "value": "Customer database 30 days, Files 90 days",
                }
            ],
        },
    ),
    (
        "retention",
        """\
# P

Backups are retained for at least 35 days.
""",
        {"other": [{"what": "backup retention", "value": "35 days minimum"}]},
    ),
    (
        "continuous archiving",
        """\
# P

Database backups use continuous WAL archiving for point-in-time recovery.
""",
        {"pitr": True},
    ),
    (
        "not encrypted",
        """\
# P

Backups are not encrypted.
""",
        {},
    ),
    (
        "notify within",
        """\
# P

Affected customers must be notified by email within 72 hours of discovery.
""",
        {
            "notify": [
                {
                    "who": "affected customers",
                    "channel": "email",
                    "within": "72 hours",
                    "trigger": "discovery",
                }
            ]
        },
    ),
    (
        "we will notify",
        """\
# P

We will notify regulators without undue delay and no later than 72 hours after
becoming aware of a breach.
""",
        {
            "notify": [
                {
                    "who": "regulators",
                    "channel": None,
                    "within": "72 hours",
                    "trigger": "becoming aware of a breach",
                }
            ]
        },
    ),
    (
        "status page rhythm",
        """\
# P

The status page must be updated within 30 minutes of detecting an outage.
""",
        {
            "notify": [
                {
                    "who": "public",
                    "channel": "status page",
                    "within": "30 minutes",
                    "trigger": "detecting an outage",
                }
            ]
        },
    ),
    (
        "a table of audiences",
        """\
# Communication

| Audience | Channel | Timeframe |
|---|---|---|
| Customers | Status page | Within 30 minutes |
| Executive team | Phone | 15 minutes |
""",
        {
            "notify": [
                {
                    "who": "customers",
                    "channel": "status page",
                    "within": "30 minutes",
                    "trigger": None,
                },
                {
                    "who": "executive team",
                    "channel": "phone",
                    "within": "15 minutes",
                    "trigger": None,
                },
            ]
        },
    ),
    (
        "a step of a procedure",
        """\
# P

1. Notify customers that the mail system is down
""",
        {},
    ),
    (
        "patches by severity",
        """\
# Patching

Vulnerabilities must be remediated as follows:

- Critical: 7 days
- High: 30 days
- Medium: 90 days
""",
        {
            "patch_deadlines": [
                {"severity": "critical", "value": "7 days"},
                {"severity": "high", "value": "30 days"},
                {"severity": "medium", "value": "90 days"},
            ]
        },
    ),
    (
        "patches in a table",
        """\
# Vulnerability management

| Severity | CVSS | Remediation |
|---|---|---|
| Critical | 9.0-10.0 | 7 days |
| High | 7.0-8.9 | 30 days |
""",
        {
            "patch_deadlines": [
                {"severity": "critical", "cvss": "9.0-10.0", "value": "7 days"},
                {"severity": "high", "cvss": "7.0-8.9", "value": "30 days"},
            ]
        },
    ),
    (
        "patches in prose",
        """\
# P

Critical patches must be applied within 48 hours and high severity patches
within 14 days.
""",
        {
            "patch_deadlines": [
                {"severity": "critical", "value": "48 hours"},
                {"severity": "high", "value": "14 days"},
            ]
        },
    ),
    (
        "review on change",
        """\
# P

This plan shall be reviewed at least annually and after any significant change
to the infrastructure.
""",
        {
            "policy_review": "at least annual and after any significant change "
            "to the infrastructure"
        },
    ),
    (
        "review on a yearly basis",
        """\
# P

The policy is reviewed and approved on a yearly basis by the board.
""",
        {"policy_review": "annual"},
    ),
    (
        "activated when",
        """\
# P

The plan is activated when an outage is expected to last more than 4 hours.
""",
        {"activation_thresholds": ["outage is expected to last more than 4 hours"]},
    ),
    (
        "blanks",
        """\
# {{ company }} policy

<Company Name> restores services within [X] hours. The RPO is TBD. Contact:
____________. See ${OWNER} and [our site](https://example.com) and [ ] nothing.
""",
        {
            "placeholders": [
                "{{ company }}",
                "<Company Name>",
                "[X]",
                "TBD",
                "____________",
                "${OWNER}",
            ]
        },
    ),
    (
        "XX hours",
        """\
# P

The RTO is XX hours.
""",
        {"placeholders": ["XX"]},
    ),
    (
        "examples are no blanks",
        """\
# P

Clouds (e.g., AWS, GCP) are used.
""",
        {},
    ),
    (
        "a reference is no objective",
        """\
# P

RTO and RPO are defined in the business impact analysis. The last test was on 4
May 2024 and took 3 hours.
""",
        {},
    ),
    (
        "a trigger is no deadline",
        """\
# P

E-mail affected customers if the outage lasts longer than 2 hours.
""",
        {
            "notify": [
                {
                    "who": "affected customers",
                    "channel": "email",
                    "within": None,
                    "trigger": "outage lasts longer than 2 hours",
                }
            ]
        },
    ),
    (
        "setext and numbers",
        """\
1. Objectives
=============

1.1 The RTO is 4 hours.
1.2 The RPO is 1 hour.
""",
        {"rto": "4 hours", "rpo": "1 hour"},
    ),
    (
        "definition list",
        """\
# P

RTO
: 4 hours

RPO
: 1 hour
""",
        {"rto": "4 hours", "rpo": "1 hour"},
    ),
    (
        "quote and admonition",
        """\
# P

> [!NOTE]
> The RTO is 4 hours.

:::tip

The RPO is 1 hour.

:::
""",
        {"rto": "4 hours", "rpo": "1 hour"},
    ),
    (
        "comments and components",
        """\
import X from './x.mdx'

<!-- RTO: 9 hours -->

<Card title="a">

The RTO is 4 hours.

</Card>

<!--
RPO: 9 hours

more
-->
""",
        {"rto": "4 hours"},
    ),
    (
        "cadence in the lead-in",
        """\
# P

Every quarter we run:

- a tabletop exercise
- a backup restore test
""",
        {"tabletop_frequency": "quarterly", "restore_test_frequency": "quarterly"},
    ),
    (
        "letters as markers",
        """\
# P

a. The RTO is 4 hours.

a. Backups:

    i. are taken daily;

    i. are encrypted.
""",
        {"rto": "4 hours", "backup_frequency": "daily", "encrypted": True},
    ),
    (
        "ambiguous cadence",
        """\
# P

The DR plan is tested bi-annually.
""",
        {"dr_test_frequency": "bi-annual"},
    ),
    (
        "a heading that promises",
        """\
# Plan

## Annual tabletop exercise

1. Choose a scenario
2. Walk through it
""",
        {"tabletop_frequency": "annual"},
    ),
    (
        "blanks beside figures",
        """\
# Plan

| System | RTO |
|---|---|
| Mail | {{rto}} |
| Code | < 1 hour |
""",
        {
            "rto": [
                {"tier": "Mail", "value": None, "placeholder": "{{rto}}"},
                {"tier": "Code", "value": "1 hour"},
            ],
            "placeholders": ["{{rto}}"],
        },
    ),
    (
        "templates with sections",
        """\
# {{name}} plan

{{#strict}}
The RTO is 4 hours.
{{/strict}}
""",
        {"rto": "4 hours", "placeholders": ["{{name}}"]},
    ),
    (
        "who is told, as a label",
        """\
# Notification

- Affected clients: Within 72 hours of a confirmed breach
- Regulators: as the law demands
""",
        {
            "notify": [
                {
                    "who": "affected clients",
                    "channel": None,
                    "within": "72 hours",
                    "trigger": "confirmed breach",
                }
            ]
        },
    ),
    (
        "what is told is not who is told",
        """\
# Incidents

Lost keys must be reported immediately. All staff must report any event pointing to a
breach to the Security Manager no later than 24 hours after they see it.
""",
        {
            "notify": [
                {
                    "who": "Security Manager",
                    "channel": None,
                    "within": "24 hours",
                    "trigger": "event pointing to a breach",
                }
            ]
        },
    ),
    (
        "a label with a deadline",
        """\
# Incidents

**Post-incident review:** Within 72 hours:

- write down what happened
""",
        {"other": [{"what": "post-incident review", "value": "72 hours"}]},
    ),
    (
        "a restored copy is no promise",
        """\
# Plan

Each plan must name:

- The method for restoring encrypted backups.
""",
        {},
    ),
    (
        "a figure said one sentence earlier",
        """\
# Objective

More than 5 hours of outage would be unacceptable. We aim to recover every system
within that time.
""",
        {"rto": "5 hours"},
    ),
]
