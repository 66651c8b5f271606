"""The rules of policies as the compiler reads them, from Markdown to due times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from tests.domain.declared_values import catalogue

from holdfast.domain.holiday_table import holiday_table
from holdfast.domain.overlay import parse_overlay
from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.promises import ControlName
from holdfast.domain.questions import BY_NAME
from holdfast.domain.rules import Rules, resolve

SEED = Path(__file__).parents[3] / "shared" / "policy" / "business-resilience-policy.md"
SHORT = """# Business Resilience Policy

## 2. Resilience Objectives

* **Recovery Time Objective (RTO):** Critical customer-facing services must be restored
  within **4 business hours** of a declared disaster.
* **Recovery Point Objective (RPO):** Maximum allowable data loss is **1 hour** of
  transactions.
* **Availability:** Maintain a service level agreement (SLA) of **99.9%** uptime.

## 5. Resilience Strategy

* **Backups:** Automated, encrypted backups performed daily, with point-in-time recovery
  (PITR) enabled.

## 6. Testing and Maintenance

* **Tabletop Exercises:** Annual walkthroughs of "What-if" scenarios.
* **DR Drills:** Semi-annual technical failover tests to confirm RTO/RPO targets are
  met.
* **Policy Review:** This policy is reviewed annually.

## 7. Communication Plan

In the event of a disruption affecting customers:

* **External:** Update the public Status Page within **15 minutes**.
* **Direct:** Email affected customers if the outage exceeds **1 hour**.
"""
POLICIES = {"short": SHORT}
if SEED.exists():
    POLICIES["seed"] = SEED.read_text("utf-8")
PEOPLE = catalogue(kim="RC", ana="PL", lee="IRT", sam="CS")
HOLDERS = {"RC": "kim", "PL": "ana", "IRT": "lee", "CS": "sam"}


def rules(text: str, decisions: str = "") -> Rules:
    """Compile a policy and resolve its rules."""
    compiled = compile_policy(text)
    overlay = parse_overlay(decisions, compiled, PEOPLE)
    return resolve(compiled, overlay, PEOPLE, holiday_table("AU", "VIC", 2026, 2026))


def approvals(text: str) -> str:
    """Write an overlay that approves every default of a policy."""
    return "\n".join(
        f'[[decision]]\nquestion = "{opened.question}"\nanchor = "{opened.anchor}"\n'
        f'value = "{opened.default}"\n'
        f'approved_by = "{HOLDERS[BY_NAME[opened.question].approver]}"\n'
        "approved_on = 2026-11-02\n"
        for opened in {
            o.question: o for o in compile_policy(text).open_questions
        }.values()
    )


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES.keys())
def test_figures_of_a_compiled_policy(text: str) -> None:
    """The figures in the policy's prose arrive as values that can be compared."""
    found = rules(text)
    assert found.rto is not None
    assert (found.rto.text, found.rto.business) == ("4 business hours", True)
    assert found.rpo == timedelta(hours=1)
    assert found.availability == Decimal("0.999")
    assert found.backup_every == timedelta(days=1)
    assert found.status_page_within == timedelta(minutes=15)
    assert found.customer_email_after == timedelta(hours=1)
    assert found.tabletop_every == timedelta(days=365)
    assert found.drill_every == timedelta(days=184)
    assert found.policy_review_every == timedelta(days=365)
    assert found.clause("recovery_time") == "2 Recovery Time Objective (RTO)"


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES.keys())
def test_a_disaster_before_easter(text: str) -> None:
    """Declared on Maundy Thursday at 16:00, recovery is due on Tuesday at noon."""
    declared = datetime(2026, 4, 2, 5, tzinfo=UTC)
    assert rules(text).recovery_due(declared) == datetime(2026, 4, 7, 2, tzinfo=UTC)


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES.keys())
def test_approving_every_default_leaves_nothing_waiting(text: str) -> None:
    """Every open question can be decided by its role on the sentence that raises it."""
    controls: tuple[ControlName, ...] = get_args(ControlName)
    before, after = rules(text), rules(text, approvals(text))
    assert before.awaiting("recovery_time")
    assert [name for control in controls for name in after.awaiting(control)] == []
    values = {name: term.value for name, term in before.terms.items()}
    assert values == {name: term.value for name, term in after.terms.items()}


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES.keys())
def test_editing_a_figure_voids_the_decisions_on_it(text: str) -> None:
    """Whoever changes 4 business hours to 8 voids what was decided about the 4."""
    decided = approvals(text)
    edited = rules(text.replace("4 business hours", "8 business hours"), decided)
    assert edited.overlay is not None
    voided = {void.decision.question for void in edited.overlay.void}
    assert "business_calendar" in voided
    assert "business_calendar" in edited.awaiting("recovery_time")
    assert edited.awaiting("status_page") == ()
