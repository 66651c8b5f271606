"""The rules in force: the policy's figures, decisions over defaults, what waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from tests.domain.declared_values import (
    EXAMPLE,
    bound,
    catalogue,
    policy,
    quantity,
    sentence,
)

from holdfast.domain.answers import Quorum, Value, parse_answer
from holdfast.domain.figures import Figure
from holdfast.domain.holiday_table import holiday_table
from holdfast.domain.overlay import Decision, Overlay
from holdfast.domain.policy.model import CompiledPolicy, Obligation
from holdfast.domain.questions import BY_NAME, QUESTIONS
from holdfast.domain.rules import Rules, resolve

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOLIDAYS = holiday_table("AU", "VIC", 2026, 2026)
NOTHING = policy(sentence("goal"))


def rules(text: CompiledPolicy = EXAMPLE, overlay: Overlay | None = None) -> Rules:
    """Resolve a policy with Victoria's holidays."""
    return resolve(text, overlay, catalogue(kim="RC"), HOLIDAYS)


def decided(question: str, text: str, *, approved: bool = True) -> Overlay:
    """Make an overlay with one decision."""
    asked = BY_NAME[question]
    value: Value = parse_answer(asked, text)
    approver = "kim" if approved else None
    anchor = "sha256:x"
    decision = Decision(question, anchor, value, text, asked.approver, approver)
    return Overlay("sha256:22", (decision,))


def melbourne(text: str) -> datetime:
    """Read a wall time of Melbourne."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Australia/Melbourne"))


def one(*obligations: Obligation) -> Rules:
    """Resolve a policy of one sentence."""
    return rules(policy(sentence("only", *obligations)))


def test_figures_come_from_the_obligations() -> None:
    """Every figure that the policy states is read from the control it is bound to."""
    found = rules()
    assert found.rto == Figure(4 * HOUR, True, "4 business hours", "sha256:rto/4")
    assert found.rpo == HOUR
    assert found.availability == Decimal("0.999")
    assert found.backup_every == DAY
    assert found.status_page_within == timedelta(minutes=15)
    assert found.customer_email_after == HOUR
    assert found.drill_every == 184 * DAY
    assert found.tabletop_every == 365 * DAY
    assert found.supplier_review_every == 365 * DAY
    assert found.policy_review_every == 365 * DAY


def test_a_policy_without_figures_has_none() -> None:
    """A figure that no sentence states is nothing, never a default."""
    found = rules(NOTHING)
    figures = (
        found.rto,
        found.rpo,
        found.availability,
        found.backup_every,
        found.status_page_within,
        found.customer_email_after,
        found.drill_every,
        found.tabletop_every,
        found.supplier_review_every,
        found.policy_review_every,
    )
    assert set(figures) == {None}
    assert found.recovery_due(melbourne("2026-07-01 10:00")) is None
    assert found.clause("recovery_time") == ""


def test_loss_may_be_stated_as_a_deadline() -> None:
    """A data loss bound as a deadline counts like one bound as a threshold."""
    assert one(bound("recovery_point", within=quantity("15", "minute"))).rpo == HOUR / 4


def test_the_strictest_of_several_figures_rules() -> None:
    """Of two figures for one promise the shorter rules, on the wall before business."""
    found = one(
        bound("recovery_time", within=quantity("8", "hour")),
        bound("recovery_time", within=quantity("4", "business_hour")),
        bound("recovery_time", within=quantity("4", "hour")),
        bound("availability", threshold=quantity("99.5", "percent")),
        bound("availability", threshold=quantity("99.95", "percent")),
    )
    assert found.rto == Figure(4 * HOUR, False, "4 hours", "sha256:only")
    assert found.availability == Decimal("0.9995")


def test_a_business_day_is_a_shift() -> None:
    """A business day is as long as the working hours of the calendar."""
    found = one(bound("recovery_time", within=quantity("2", "business_day")))
    assert found.rto is not None
    assert found.rto.length == 16 * HOUR
    assert found.rto.business


@pytest.mark.parametrize(
    ("words", "period"),
    [
        ("daily", DAY),
        ("weekly", 7 * DAY),
        ("monthly", 31 * DAY),
        ("quarterly", 92 * DAY),
        ("Semi-annual", 184 * DAY),
        ("annual or after any major change", 365 * DAY),
        ("every 6 months", 186 * DAY),
        ("every 15 minutes", timedelta(minutes=15)),
        ("2 weeks", 14 * DAY),
        ("now and then", None),
    ],
)
def test_cadences_in_the_words_of_the_field(
    words: str, period: timedelta | None
) -> None:
    """A cadence is read from the policy's words, and what says nothing is nothing."""
    assert one(bound("backups", every=words)).backup_every == period


def test_recovery_is_due_in_business_time() -> None:
    """The recovery clock runs in business hours over the public holidays."""
    due = rules().recovery_due(melbourne("2026-11-02 14:30"))
    assert due == melbourne("2026-11-04 10:30")


def test_recovery_is_due_on_the_wall_if_the_policy_says_hours() -> None:
    """A policy that says hours means hours, nights and holidays included."""
    found = one(bound("recovery_time", within=quantity("4", "hour")))
    due = found.recovery_due(melbourne("2026-11-02 16:30"))
    assert due == melbourne("2026-11-02 20:30")


@pytest.mark.parametrize(
    ("rank", "due"),
    [
        (2, "2026-07-02 10:00"),
        (3, "2026-07-03 10:00"),
        (4, "2026-07-08 10:00"),
        (7, "2026-07-08 10:00"),
    ],
)
def test_lower_ranks_have_their_own_time(rank: int, due: str) -> None:
    """Functions 2 to 4 are due by their own answers, later ranks with the last."""
    found = rules().recovery_due(melbourne("2026-07-01 10:00"), rank)
    assert found == melbourne(due)


def test_a_rank_with_its_own_figure_in_the_policy() -> None:
    """A recovery time that the policy states for a rank rules over the default."""
    found = one(bound("functions", rank=3, within=quantity("24", "hour")))
    due = found.recovery_due(melbourne("2026-07-04 10:00"), 3)
    assert due == melbourne("2026-07-05 10:00")
    assert found.terms["rto_of_function_3"].source == "policy"


def test_defaults_run_and_await_their_role() -> None:
    """An open question runs on its default, which awaits approval."""
    found = rules()
    assert found.duration("disruption_confirmed_after") == timedelta(minutes=5)
    assert found.critical_ranks() == (1, 2)
    assert found.quorum() == Quorum(2, 3)
    assert found.count("people_per_role") == 2
    assert found.choice("availability_window") == "calendar month"
    assert found.awaiting("alerting") == ("disruption_confirmed_after", "alert_within")
    assert found.awaiting("recovery_time") == (
        "business_calendar",
        "critical_functions",
    )
    term = found.terms["drill_every"]
    assert (term.source, term.approved, term.anchor, term.approver) == (
        "default",
        False,
        "sha256:drills",
        "RC",
    )


def test_questions_that_the_policy_does_not_raise_await_nobody() -> None:
    """Where a policy leaves nothing open, nothing waits, and answers still exist."""
    found = rules(NOTHING)
    controls = {question.control for question in QUESTIONS}
    assert [name for control in controls for name in found.awaiting(control)] == []
    assert found.duration("alert_within") == timedelta(minutes=5)


def test_an_approved_decision_rules() -> None:
    """A decision stands before the default and ends the wait for it."""
    found = rules(overlay=decided("alert_within", "2 min"))
    assert found.duration("alert_within") == timedelta(minutes=2)
    assert found.awaiting("alerting") == ("disruption_confirmed_after",)
    assert found.terms["alert_within"].source == "decision"


def test_a_provisional_decision_runs_but_still_waits() -> None:
    """A decision without approval is in force and keeps waiting for its role."""
    found = rules(overlay=decided("alert_within", "2 min", approved=False))
    assert found.duration("alert_within") == timedelta(minutes=2)
    assert "alert_within" in found.awaiting("alerting")


def test_the_calendar_is_the_one_decided() -> None:
    """A decided calendar replaces the default hours, zone and holidays."""
    found = rules(overlay=decided("business_calendar", "Mon-Sun 00:00-24:00 UTC"))
    saturday = melbourne("2026-07-04 10:00")
    assert found.recovery_due(saturday) == saturday + 4 * HOUR
    assert found.calendar.covered(saturday)


def test_figures_of_the_policy_answer_questions() -> None:
    """What the policy states itself needs no approval, and rules over the default."""
    term = rules().terms["critical_patch_within"]
    assert (term.value, term.source, term.approved) == (24 * HOUR, "policy", True)


def test_a_stated_cadence_is_the_better_default() -> None:
    """A quarterly drill is due after 92 days even while the question stays open."""
    every = bound("drills", every="quarterly")
    found = rules(policy(sentence("drills", every, questions="drill_every")))
    assert found.duration("drill_every") == 92 * DAY
    assert found.terms["drill_every"].source == "default"
    assert found.awaiting("drills") == ("drill_every",)


def test_clauses_are_cited_by_section_and_label() -> None:
    """A control's clause reads as people cite it, by label or else by heading."""
    assert rules().clause("recovery_time") == "2 RTO"
    plain = replace(sentence("page", bound("status_page"), section="7"), label=None)
    assert rules(policy(plain)).clause("status_page") == "7 Resilience"
    unnumbered = replace(plain, section="Resilience")
    assert rules(policy(unnumbered)).clause("status_page") == "Resilience"


def test_sentences_of_a_control() -> None:
    """The sentences that bind a control are found, and only those."""
    assert [s.text for s in rules().sentences_of("backups")] == ["backups"]


def test_asking_for_the_wrong_kind_is_a_mistake() -> None:
    """Reading an answer as what it is not is a programmer's mistake, told at once."""
    with pytest.raises(TypeError, match="alert_within is answered by no int"):
        rules().count("alert_within")


def test_every_question_has_a_term() -> None:
    """Every question has a value under every policy: no control asks in vain."""
    assert set(rules(NOTHING).terms) == {question.name for question in QUESTIONS}


@pytest.mark.parametrize("name", ["business_calendar", "rto_of_function_2"])
def test_a_decision_of_the_wrong_kind_is_a_mistake(name: str) -> None:
    """A decision that no parser can have made is told at once, not acted upon."""
    broken = Decision(name, "sha256:x", "soon", "soon", "RC")
    with pytest.raises(TypeError, match=name):
        rules(overlay=Overlay("sha256:22", (broken,))).recovery_time(2)
