"""Forms of words found in resilience policies, each in a policy made up for it."""

from __future__ import annotations

import pytest
from tests.domain.policy.grammar_cases import CASES

from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.policy.summary import summarise


@pytest.mark.parametrize(
    ("text", "wanted"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_form(text: str, wanted: dict[str, object]) -> None:
    """A form of words yields its figures, and no field that it does not speak of."""
    found = summarise(compile_policy(text))
    stated = {
        field: value
        for field, value in found.items()
        if field != "traps" and value not in (None, [])
    }
    assert stated == wanted


def test_what_is_ambiguous_is_said_to_be() -> None:
    """Twice a year or every two years: the sentence is marked, and the trap named."""
    policy = compile_policy("# P\n\nThe DR plan is tested bi-annually.")
    assert policy.sentences[0].status == "ambiguous"
    assert "bi-annual" in str(summarise(policy)["traps"])


def test_what_cannot_be_measured_is_named() -> None:
    """A deadline without a figure leaves its sentence ambiguous, with the word."""
    policy = compile_policy("# P\n\nOutages must be reported promptly to the IT team.")
    assert policy.sentences[0].status == "ambiguous"
    assert policy.sentences[0].note == '"promptly" is no deadline that can be measured'


def test_loose_ends_are_defects() -> None:
    """A table that never comes and a duty owed to oneself are found in the text."""
    circle = "The CTO will confer with the CTO."
    text = f"# P\n\n{circle}\n\nThe order is the following:\n\n# Q\n"
    assert [defect.line for defect in compile_policy(text).defects] == [3, 5]


def test_a_policy_without_these_promises_contradicts_nothing() -> None:
    """Contradictions come from figures: hourly backups carry an hour."""
    text = (
        "# P\n\nThe RTO is 30 minutes. The RPO is 1 hour. Uptime is 99.9%.\n\n"
        "Backups are taken hourly.\n"
    )
    assert compile_policy(text).contradictions == ()


def test_a_stated_deadline_leaves_no_question() -> None:
    """A policy that says how soon the team is alerted is not asked for it."""
    text = "# P\n\nThe on-call team must be alerted within 5 minutes of an outage.\n"
    asked = compile_policy(text).sentences[0].open_questions
    assert "alert_within" not in asked
    assert "disruption_confirmed_after" in asked
