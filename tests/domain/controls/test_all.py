"""What holds for all twenty promises alike."""

from __future__ import annotations

from typing import get_args

import pytest
from tests.domain.story import DAY, HOUR, T0, Story, confirmed, rules

from holdfast.domain.controls.all import CONTROLS, judge_all, owed_by_all
from holdfast.domain.controls.judging import EXERCISE_COUNTS_FOR, Verdict, guarded
from holdfast.domain.events.governance import LedgerChecked
from holdfast.domain.promises import ControlName
from holdfast.domain.questions import OWNERS

NAMES: tuple[ControlName, ...] = get_args(ControlName)


def test_there_are_twenty() -> None:
    """Every promise has a control and an owner, in the policy's order."""
    assert tuple(CONTROLS) == tuple(OWNERS) == NAMES
    assert len(NAMES) == 20


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("adopted", [False, True])
def test_nothing_known_is_never_green(name: ControlName, adopted: bool) -> None:
    """On an empty state no control is met, and each says why in a sentence."""
    story = Story().adopt() if adopted else Story()
    verdict = story.judge(name)
    assert verdict.standing in ("unproven", "unbound")
    assert verdict.reason
    assert verdict.proofs == ()
    assert story.after(400 * DAY).judge(name).standing != "met"


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_judged_yet_owes_nothing_to_machines(name: ControlName) -> None:
    """On an empty state nothing is to be recorded."""
    for duty in CONTROLS[name].owes(Story().adopt().situation):
        assert duty.conclusions == ()
        assert duty.control == name


@pytest.mark.parametrize(
    ("name", "standing", "words"),
    [
        ("scope", "unproven", "8 people"),
        ("functions", "unproven", "SaaS platform, Customer support"),
        ("redundancy", "unproven", ""),
        ("remote_work", "unproven", ""),
        ("key_personnel", "unproven", "runbook"),
        ("third_parties", "unproven", "1 critical"),
        ("patching", "unbound", "placeholder"),
        ("tabletop", "unproven", "exercise"),
        ("policy_review", "unproven", "adopted on 2026-07-01 by ana"),
    ],
)
def test_promises_to_be_filled_tell_the_true_reason(
    name: ControlName, standing: str, words: str
) -> None:
    """What is not judged yet says what evidence is missing."""
    verdict = Story().adopt().judge(name)
    assert (verdict.standing, words in verdict.reason) == (standing, True)


def test_a_policy_that_is_not_adopted() -> None:
    """Before its adoption no review can have been."""
    assert Story().judge("policy_review").reason == "the policy has not been adopted"


def test_patching_without_a_blank_lacks_its_scanner() -> None:
    """Where the policy has a figure, only the scanner is missing."""
    assert Story(rules(cut="**Patching:**")).judge("patching").reason == (
        "no scanner is connected"
    )


def test_a_default_that_nobody_approved_is_never_met() -> None:
    """Guarding turns met into unbound and names the question; all else it leaves."""
    situation = Story(rules(unapproved=("alert_within",))).situation
    met = guarded(situation, "alerting", Verdict("met", "fine"))
    assert met.standing == "unbound"
    assert met.reason == "fine; but nobody approved the default for: alert_within"
    red = Verdict("breached", "bad")
    assert guarded(situation, "alerting", red) is red
    fine = Verdict("met", "fine")
    assert guarded(situation, "tabletop", fine) is fine


@pytest.mark.parametrize("name", NAMES)
def test_no_promise_is_met_while_nothing_is_approved(name: ControlName) -> None:
    """With every default unapproved, controls that rest on one are never met."""
    made = rules(unapproved=tuple(rules().terms))
    situation = Story(made).situation
    guardless = guarded(situation, name, Verdict("met", "fine")).standing == "met"
    silent = {"scope", "redundancy", "key_personnel", "audit_log"}
    assert not guardless or name in silent


def checked(story: Story, *, ok: bool = True, scope: str = "log") -> Story:
    """Verify the log in full."""
    return story.tell(LedgerChecked(9, "root", ok, scope, "9 entries", story.now))


def test_the_log_verified_is_not_enough() -> None:
    """A log that verifies is unproven while no copy and no witness stand behind it."""
    verdict = checked(Story()).judge("audit_log")
    assert verdict.standing == "unproven"
    assert [p.index for p in verdict.proofs] == [0]


def test_a_log_that_does_not_verify_is_breached() -> None:
    """Tampering is red, and a good check of another scope does not hide it."""
    story = checked(Story(), ok=False)
    assert story.judge("audit_log").standing == "breached"
    checked(story.after(HOUR), scope="copy")
    assert story.judge("audit_log").standing == "breached"
    assert checked(story).judge("audit_log").standing == "unproven"


def test_an_old_verification_is_stale() -> None:
    """After two days without a full verification it is stale."""
    story = checked(Story()).after(2 * DAY)
    assert story.judge("audit_log").standing == "unproven"
    assert story.after(HOUR).judge("audit_log").standing == "stale"


def test_promises_that_the_policy_does_not_make_are_not_owed() -> None:
    """Duties come only from controls that the policy speaks of."""
    story = confirmed(made=rules(cut="**The team:**"))
    controls = {duty.control for duty in owed_by_all(story.situation)}
    assert "alerting" not in controls
    assert "status_page" in controls


def test_all_are_judged_and_guarded() -> None:
    """Judging all gives each control's guarded verdict."""
    story = confirmed()
    verdicts = judge_all(story.situation)
    assert verdicts == {name: story.judge(name) for name in NAMES}
    assert T0 + EXERCISE_COUNTS_FOR == T0 + 365 * DAY
