"""Reading decisions: what is in force, what is void, and every fault at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.domain.declared_values import EXAMPLE, bound, catalogue, policy, sentence

from holdfast.domain.overlay import Overlay, adopted_overlay, parse_overlay
from holdfast.domain.policy.model import CompiledPolicy
from holdfast.domain.rules import resolve
from holdfast.errors import FaultsError, HoldfastError

PEOPLE = catalogue(kim="RC", ana="PL", lee="IRT", sam="CS")
SOUND = """
[[decision]]
question = "drill_every"
anchor = "sha256:drills"
value = "180 d"
role = "RC"
approved_by = "kim"
approved_on = 2026-11-02
note = "as the auditor proposed"
"""


def overlay(text: str, read: CompiledPolicy = EXAMPLE) -> Overlay:
    """Read decisions on a policy."""
    return parse_overlay(text, read, PEOPLE)


def faults_of(text: str) -> dict[str, HoldfastError]:
    """Return the faults of an overlay by their place."""
    with pytest.raises(FaultsError) as caught:
        overlay(text)
    return {
        fault.where.removeprefix("overlay.toml: "): fault
        for fault in caught.value.faults
    }


def changed(old: str, new: str) -> str:
    """Return the sound overlay with one thing changed."""
    assert old in SOUND
    return SOUND.replace(old, new, 1)


def test_an_approved_decision_is_read() -> None:
    """A decision arrives with its value, its words, and who approved it when."""
    (decision,) = overlay(SOUND).decisions
    assert decision.question == "drill_every"
    assert (decision.value, decision.text) == (timedelta(days=180), "180 d")
    assert (decision.role, decision.approved_by) == ("RC", "kim")
    assert decision.approved_on == date(2026, 11, 2)
    assert decision.approved
    assert overlay(SOUND).decision("drill_every") == decision
    assert overlay(SOUND).decision("tabletop_every") is None


def test_an_empty_overlay_decides_nothing() -> None:
    """Nobody has to decide anything: the defaults run."""
    assert overlay("").decisions == ()


def test_without_approval_a_decision_is_provisional() -> None:
    """A decision that nobody approved has a value and its question's role."""
    bound_to = 'question = "alert_within"\nanchor = "sha256:alert"'
    text = f'[[decision]]\n{bound_to}\nvalue = "2 s"'
    (decision,) = overlay(text).decisions
    assert not decision.approved
    assert decision.role == "IRT"
    rules = resolve(EXAMPLE, overlay(text), PEOPLE, None)
    assert rules.duration("alert_within") == timedelta(seconds=2)
    assert "alert_within" in rules.awaiting("alerting")


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("drill_every", "drill_evry", "question", 'did you mean "drill_every"'),
        ('question = "drill_every"', "", "question", "missing"),
        ('anchor = "sha256:drills"', "", "anchor", "missing"),
        ("sha256:drills", "sha256:goal", "anchor", "does not leave"),
        ("180 d", "half a year", "value", "no duration"),
        ('value = "180 d"', "", "value", "missing"),
        ('value = "180 d"', "value = 180", "value", "wrong kind"),
        ("180 d", "186 d", "value", 'looser than the policy ("semi-annual")'),
        ('role = "RC"', 'role = "PL"', "role", '"PL" does not decide'),
        ('"kim"', '"ana"', "approved_by", "does not hold the role RC"),
        ('"kim"', '"kin"', "approved_by", 'did you mean "kim"'),
        ('approved_by = "kim"', "", "approved_by", "half an approval"),
        ("approved_on = 2026-11-02", "", "approved_on", "half an approval"),
        ("2026-11-02", '"2026-11-02"', "approved_on", "wrong kind"),
        ("note =", "notes =", "notes", 'did you mean "note"'),
    ],
)
def test_each_fault_is_told_at_its_place(
    old: str, new: str, where: str, message: str
) -> None:
    """Every kind of fault names its place, what is wrong, and a way out."""
    fault = faults_of(changed(old, new))[f"decision[1].{where}"]
    assert message in fault.message
    assert fault.hint


def test_faults_of_several_decisions_come_together() -> None:
    """Faults in several decisions, and a stray key, come in one error."""
    second = changed("180 d", "soon").replace('"kim"', '"lee"')
    found = faults_of("desicion = 1\n" + SOUND + second)
    assert list(found) == ["decision[2].value", "decision[2].approved_by", "desicion"]


def test_one_decision_for_each_question() -> None:
    """A question decided twice is a fault, which names the first decision."""
    fault = faults_of(SOUND + SOUND)["decision[2].question"]
    assert fault.message == '"drill_every" is decided by decision[1] already'


def test_the_hint_says_where_the_question_is_open() -> None:
    """A decision bound to the wrong sentence is told the right ones."""
    fault = faults_of(changed("sha256:drills", "sha256:goal"))["decision[1].anchor"]
    assert fault.hint == "Bind it to sha256:drills."
    nowhere = changed("drill_every", "joiner_grace").replace("180 d", "7 d")
    hint = faults_of(nowhere)["decision[1].anchor"].hint
    assert hint == "The policy leaves this open nowhere; remove the decision."


RTO_DECISION = """
[[decision]]
question = "critical_functions"
anchor = "sha256:rto/4"
shape = "shape:rto"
value = "1"
"""


def edited(name: str, questions: str = "critical_functions") -> CompiledPolicy:
    """Make a policy whose recovery sentence is another one."""
    only = sentence(name, bound("recovery_time"), questions=questions)
    return policy(replace(only, lines=(7, 8)))


@pytest.mark.parametrize(
    ("text", "now", "reason"),
    [
        (
            RTO_DECISION,
            edited("rto/8"),
            "the value changed (lines 7 to 8); approve it anew",
        ),
        (
            RTO_DECISION,
            edited("restore"),
            "the sentence was reworded; approve it anew for sha256:restore",
        ),
        (
            RTO_DECISION.replace("shape =", "note ="),
            edited("rto/8"),
            "the sentence was reworded; approve it anew for sha256:rto/8",
        ),
        (RTO_DECISION, edited("goal", ""), "the sentence is gone from the policy"),
    ],
    ids=["value", "reworded", "shape-unknown", "gone"],
)
def test_an_edited_sentence_voids_its_decision(
    text: str, now: CompiledPolicy, reason: str
) -> None:
    """A decision on a sentence that changed is kept with the reason, without force."""
    found = overlay(text, now)
    assert found.decisions == ()
    assert [(v.decision.question, v.reason) for v in found.void] == [
        ("critical_functions", reason)
    ]
    assert resolve(now, found, PEOPLE, None).critical_ranks() == (1, 2)


def test_a_value_changed_on_one_line() -> None:
    """The reason names one line as one line."""
    found = overlay(RTO_DECISION, policy(sentence("rto/8")))
    assert found.void[0].reason == "the value changed (line 1); approve it anew"


def test_a_void_decision_does_not_block_its_successor() -> None:
    """The decision on the old sentence may stay beside the one on the new."""
    both = RTO_DECISION + RTO_DECISION.replace("rto/4", "rto/8")
    found = overlay(both, edited("rto/8"))
    assert len(found.decisions) == len(found.void) == 1


def test_a_sentence_that_keeps_its_anchor_keeps_its_decision() -> None:
    """A decision whose sentence stands is in force, whatever else was edited."""
    assert overlay(RTO_DECISION, edited("rto/4")).void == ()


def test_approvals_outlive_their_approvers() -> None:
    """An adopted decision stays approved when who approved it has left."""
    (decision,) = adopted_overlay(SOUND, EXAMPLE).decisions
    assert decision.approved
    assert adopted_overlay(SOUND, EXAMPLE) == overlay(SOUND)


def test_an_adopted_decision_never_stops_a_clock() -> None:
    """What no longer fits the policy is void once adopted, and not a fault."""
    closed = edited("drills", "")
    (gone,) = adopted_overlay(SOUND, closed).void
    assert gone.reason == "the sentence no longer leaves this open"
    unreadable = changed("180 d", "half a year") + RTO_DECISION
    found = adopted_overlay(unreadable, EXAMPLE)
    assert [d.question for d in found.decisions] == ["critical_functions"]


@pytest.mark.parametrize("text", ["[[decision]", "x = 1979-13-01", "\x00"])
def test_broken_toml_is_one_fault(text: str) -> None:
    """A file that is no TOML is refused with its name and a hint."""
    with pytest.raises(HoldfastError) as caught:
        overlay(text)
    assert caught.value.where == "overlay.toml"
    assert caught.value.hint
