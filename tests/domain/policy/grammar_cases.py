"""Forms of words found in resilience policies, in policies made up for the tests.

Each case is a name, a text and the part of the summary that a careful reader of it
would write down; fields that are not named must come out empty (`None`, `[]`).
"""

from __future__ import annotations

CASES: list[tuple[str, str, dict[str, object]]] = [
    (
        "term before figure",
        "# P\n\nThe RTO is 4 hours and the RPO is 15 minutes.",
        {"rto": "4 hours", "rpo": "15 minutes"},
    ),
    (
        "figure before term",
        "# P\n\nWe hold a 4-hour RTO and a 15-minute RPO.",
        {"rto": "4 hours", "rpo": "15 minutes"},
    ),
    ("short units", "# P\n\n- RTO: 4h\n- RPO: 15m", {"rto": "4h", "rpo": "15m"}),
    (
        "words and brackets",
        "# P\n\nThe Recovery Time Objective (RTO) is twenty-four (24) hours.",
        {"rto": "24 hours"},
    ),
    (
        "respectively",
        "# P\n\nThe RTO and RPO are 8 hours and 1 hour, respectively.",
        {"rto": "8 hours", "rpo": "1 hour"},
    ),
    (
        "labels on lines of their own",
        "# Objectives\n\nRTO: 6 hours\nRPO: 30 minutes\nAvailability: 99.95%",
        {"rto": "6 hours", "rpo": "30 minutes", "availability": "99.95%"},
    ),
    (
        "no more than",
        "# P\n\nRecovery time must not exceed 2 business days. Data loss shall not exceed "
        "one hour.",
        {"rto": "2 business days", "rpo": "1 hour"},
    ),
    (
        "restored without the term",
        "# P\n\nProduction systems shall be restored within 12 hours of an outage.",
        {"rto": "12 hours"},
    ),
    (
        "lost without the term",
        "# P\n\nIn the worst case no more than 10 minutes of customer data may be lost.",
        {"rpo": "10 minutes"},
    ),
    (
        "tiers in rows",
        "# P\n\n| Tier | Systems | RTO | RPO | Uptime |\n|---|---|---|---|---|\n"
        "| Tier 1 | Checkout | 1 hour | 5 minutes | 99.99% |\n"
        "| Tier 2 | Wiki | 24 hours | 24 hours | 99.5% |\n",
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
        "# P\n\n| Objective | Gold | Silver |\n|---|---|---|\n| RTO | 1 hour | 8 hours |\n"
        "| RPO | 5 minutes | 4 hours |\n",
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
        "# P\n\n| Metric | Target |\n|---|---|\n| Recovery Time Objective | 4 hours |\n"
        "| Recovery Point Objective | 1 hour |\n| Uptime | 99.9% |\n",
        {"rto": "4 hours", "rpo": "1 hour", "availability": "99.9%"},
    ),
    (
        "tiers in a list",
        "# P\n\nRecovery objectives by tier:\n\n- **Tier 1**: RTO 1 hour, RPO 15 minutes\n"
        "- **Tier 2**: RTO 8 hours, RPO 4 hours\n",
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
        "# P\n\nThe recovery time objectives (RTO) are:\n\n- Critical: 2 hours\n"
        "- Standard: 3 days\n",
        {
            "rto": [
                {"tier": "Critical", "value": "2 hours"},
                {"tier": "Standard", "value": "3 days"},
            ]
        },
    ),
    (
        "grid table",
        "# P\n\n+---------+----------+----------+\n| Class   | Recovery | Data     |\n"
        "|         | Time     | Loss     |\n+=========+==========+==========+\n"
        "| Gold    | 2 hours  | 5        |\n|         |          | minutes  |\n"
        "+---------+----------+----------+\n| Bronze  | 2 days   | 1 day    |\n"
        "+---------+----------+----------+\n",
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
        "# P\n\n| Asset | RTO | RPO |\n|---|---|---|\n| Mail | 1 hour | |\n| Chat | 2 hours | |\n",
        {
            "rto": [
                {"tier": "Mail", "value": "1 hour"},
                {"tier": "Chat", "value": "2 hours"},
            ]
        },
    ),
    (
        "three nines",
        "# P\n\nWe commit to three nines of uptime.",
        {"availability": "99.9%"},
    ),
    (
        "percent in words",
        "# P\n\nMonthly uptime of at least 99.5 percent is guaranteed.",
        {"availability": "99.5%"},
    ),
    (
        "a share of something else",
        "# P\n\nStaff work 100% remotely. 95% of employees complete the course. Support is "
        "there 24x7.",
        {},
    ),
    (
        "twice a year",
        "# P\n\nDisaster recovery tests are conducted twice a year.",
        {"dr_test_frequency": "semi-annual"},
    ),
    (
        "every six months",
        "# P\n\nThe DR plan is tested every 6 months.",
        {"dr_test_frequency": "semi-annual"},
    ),
    (
        "no less than quarterly",
        "# P\n\nFailover exercises must be performed no less than quarterly.",
        {"dr_test_frequency": "at least quarterly"},
    ),
    (
        "two cadences in a sentence",
        "# P\n\nTabletop exercises are held quarterly, and full DR tests are run annually.",
        {"tabletop_frequency": "quarterly", "dr_test_frequency": "annual"},
    ),
    (
        "cadences in a table",
        "# Testing\n\n| Exercise | Frequency |\n|---|---|\n| Tabletop exercise | Quarterly |\n"
        "| Disaster recovery test | Annually |\n| Backup restore test | Monthly |\n"
        "| Fire drill | Yearly |\n",
        {
            "tabletop_frequency": "quarterly",
            "dr_test_frequency": "annual",
            "restore_test_frequency": "monthly",
            "other": [{"what": "fire drill", "value": "annual"}],
        },
    ),
    (
        "restore tests",
        "# P\n\nBackups are tested quarterly by restoring them to a scratch server.",
        {"restore_test_frequency": "quarterly"},
    ),
    (
        "taken and tested",
        "# P\n\nBackups are taken daily and restoration is tested monthly.",
        {"backup_frequency": "daily", "restore_test_frequency": "monthly"},
    ),
    (
        "backups by type",
        "# Backups\n\nFull backups are performed weekly. Incremental backups are performed "
        "every 4 hours.",
        {
            "backup_frequency": [
                {"tier": "full", "value": "weekly"},
                {"tier": "incremental", "value": "every 4 hours"},
            ]
        },
    ),
    (
        "backups kept elsewhere",
        "# P\n\nNightly backups are encrypted at rest and replicated to a different region.",
        {"backup_frequency": "daily", "offsite": True, "encrypted": True},
    ),
    (
        "backups in a table",
        "# Backups\n\n| Data | Frequency | Retention |\n|---|---|---|\n"
        "| Customer database | Hourly | 30 days |\n| Files | Daily | 90 days |\n",
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
        "# P\n\nBackups are retained for at least 35 days.",
        {"other": [{"what": "backup retention", "value": "35 days minimum"}]},
    ),
    (
        "continuous archiving",
        "# P\n\nDatabase backups use continuous WAL archiving for point-in-time recovery.",
        {"pitr": True},
    ),
    ("not encrypted", "# P\n\nBackups are not encrypted.", {}),
    (
        "notify within",
        "# P\n\nAffected customers must be notified by email within 72 hours of discovery.",
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
        "# P\n\nWe will notify regulators without undue delay and no later than 72 hours "
        "after becoming aware of a breach.",
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
        "# P\n\nThe status page must be updated within 30 minutes of detecting an outage.",
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
        "# Communication\n\n| Audience | Channel | Timeframe |\n|---|---|---|\n"
        "| Customers | Status page | Within 30 minutes |\n"
        "| Executive team | Phone | 15 minutes |\n",
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
        "# P\n\n1. Notify customers that the mail system is down\n",
        {},
    ),
    (
        "patches by severity",
        "# Patching\n\nVulnerabilities must be remediated as follows:\n\n- Critical: 7 days\n"
        "- High: 30 days\n- Medium: 90 days\n",
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
        "# Vulnerability management\n\n| Severity | CVSS | Remediation |\n|---|---|---|\n"
        "| Critical | 9.0-10.0 | 7 days |\n| High | 7.0-8.9 | 30 days |\n",
        {
            "patch_deadlines": [
                {"severity": "critical", "cvss": "9.0-10.0", "value": "7 days"},
                {"severity": "high", "cvss": "7.0-8.9", "value": "30 days"},
            ]
        },
    ),
    (
        "patches in prose",
        "# P\n\nCritical patches must be applied within 48 hours and high severity patches "
        "within 14 days.",
        {
            "patch_deadlines": [
                {"severity": "critical", "value": "48 hours"},
                {"severity": "high", "value": "14 days"},
            ]
        },
    ),
    (
        "review on change",
        "# P\n\nThis plan shall be reviewed at least annually and after any significant "
        "change to the infrastructure.",
        {
            "policy_review": "at least annual and after any significant change to the "
            "infrastructure"
        },
    ),
    (
        "review on a yearly basis",
        "# P\n\nThe policy is reviewed and approved on a yearly basis by the board.",
        {"policy_review": "annual"},
    ),
    (
        "activated when",
        "# P\n\nThe plan is activated when an outage is expected to last more than 4 hours.",
        {"activation_thresholds": ["outage is expected to last more than 4 hours"]},
    ),
    (
        "blanks",
        "# {{ company }} policy\n\n<Company Name> restores services within [X] hours. The RPO "
        "is TBD. Contact: ____________. See ${OWNER} and [our site](https://example.com) and "
        "[ ] nothing.",
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
    ("XX hours", "# P\n\nThe RTO is XX hours.", {"placeholders": ["XX"]}),
    ("examples are no blanks", "# P\n\nClouds (e.g., AWS, GCP) are used.", {}),
    (
        "a reference is no objective",
        "# P\n\nRTO and RPO are defined in the business impact analysis. The last test was "
        "on 4 May 2024 and took 3 hours.",
        {},
    ),
    (
        "a trigger is no deadline",
        "# P\n\nE-mail affected customers if the outage lasts longer than 2 hours.",
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
        "1. Objectives\n=============\n\n1.1 The RTO is 4 hours.\n1.2 The RPO is 1 hour.\n",
        {"rto": "4 hours", "rpo": "1 hour"},
    ),
    (
        "definition list",
        "# P\n\nRTO\n: 4 hours\n\nRPO\n: 1 hour\n",
        {"rto": "4 hours", "rpo": "1 hour"},
    ),
    (
        "quote and admonition",
        "# P\n\n> [!NOTE]\n> The RTO is 4 hours.\n\n:::tip\n\nThe RPO is 1 hour.\n\n:::\n",
        {"rto": "4 hours", "rpo": "1 hour"},
    ),
    (
        "comments and components",
        "import X from './x.mdx'\n\n<!-- RTO: 9 hours -->\n\n<Card title=\"a\">\n\nThe RTO is 4 "
        "hours.\n\n</Card>\n\n<!--\nRPO: 9 hours\n\nmore\n-->\n",
        {"rto": "4 hours"},
    ),
    (
        "cadence in the lead-in",
        "# P\n\nEvery quarter we run:\n\n- a tabletop exercise\n- a backup restore test\n",
        {"tabletop_frequency": "quarterly", "restore_test_frequency": "quarterly"},
    ),
    (
        "letters as markers",
        "# P\n\na. The RTO is 4 hours.\n\na. Backups:\n\n    i. are taken daily;\n\n"
        "    i. are encrypted.\n",
        {"rto": "4 hours", "backup_frequency": "daily", "encrypted": True},
    ),
    (
        "ambiguous cadence",
        "# P\n\nThe DR plan is tested bi-annually.",
        {"dr_test_frequency": "bi-annual"},
    ),
]
