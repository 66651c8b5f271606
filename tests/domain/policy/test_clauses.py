"""The policy of the company in a box, and the seed with the same facts, by clause.

How 36 comes about, in both: 9 sentences inform (one opens the page, two give the
purpose, one the goal, one is the maxim on testing, four lead to a list or table). 27
oblige: scope 2 (both stand behind one label), objectives 3, roles 4 (a row each),
functions 4 (one per rank), systems and data 3, people and partners 3, security 2,
testing 3, communication 3. Front matter, navigation and heads of tables are none.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.domain.policy.shared import EXAMPLE, SEED, read

from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.policy.model import CompiledPolicy, Obligation
from holdfast.domain.questions import BY_NAME

# Kind and control of each sentence in order; "-" informs.
CLAUSES = [
    "-",
    "-",
    "-",
    "scope:scope",
    "scope:scope",
    "-",
    "-",
    "target:recovery_time",
    "target:recovery_point",
    "target:availability",
    "role:roles",
    "role:roles",
    "role:roles",
    "role:roles",
    "-",
    "rank:functions",
    "rank:functions",
    "rank:functions",
    "rank:functions",
    "state:redundancy",
    "state:backups",
    "state:off_site",
    "state:remote_work",
    "registry:key_personnel",
    "registry:third_parties",
    "state:audit_log",
    "event:patching",
    "-",
    "-",
    "cadence:tabletop",
    "cadence:drills",
    "review:policy_review",
    "-",
    "event:alerting",
    "event:status_page",
    "event:customer_email",
]
OWNERS = {
    "recovery_time": "Product/DevOps Lead",
    "functions": "Product/DevOps Lead",
    "remote_work": "Resilience Committee",
    "third_parties": "Resilience Committee",
    "tabletop": "Resilience Committee",
    "drills": "Product/DevOps Lead",
    "policy_review": "Resilience Committee",
    "alerting": "Incident Response Team",
    "status_page": "Customer Success",
    "customer_email": "Customer Success",
}


@pytest.fixture(params=[EXAMPLE, *SEED], ids=lambda path: path.stem, scope="module")
def policy(request: pytest.FixtureRequest) -> CompiledPolicy:
    """Return one of the two policies, compiled."""
    path: Path = request.param
    return compile_policy(read(path))


def only(policy: CompiledPolicy, control: str) -> Obligation:
    """Return the one obligation of a control."""
    (found,) = [
        obligation
        for sentence in policy.sentences
        for obligation in sentence.obligations
        if obligation.control == control
    ]
    return found


def test_every_sentence_is_classed(policy: CompiledPolicy) -> None:
    """Each of the 36 sentences has the kind and the control that it should have."""
    found = [
        ":".join([s.kind, *(o.control for o in s.obligations)])
        if s.obligations
        else "-"
        for s in policy.sentences
    ]
    assert found == CLAUSES
    assert len(found) == 36


def test_the_statuses(policy: CompiledPolicy) -> None:
    """Nine sentences inform, one holds a blank, the rest are bound."""
    statuses = [sentence.status for sentence in policy.sentences]
    assert statuses.count("informational") == 9
    assert statuses.count("placeholder") == 1
    assert statuses.count("bound") == 26


def test_nothing_is_left_over(policy: CompiledPolicy) -> None:
    """No line is unparsed and nothing in the text is called a defect."""
    assert policy.unparsed == ()
    assert policy.defects == ()


def test_the_one_placeholder_belongs_to_the_patches(policy: CompiledPolicy) -> None:
    """The bracketed example is a blank, the examples in parentheses are none."""
    (blank,) = policy.placeholders
    (sentence,) = [s for s in policy.sentences if s.status == "placeholder"]
    assert blank.text == "[e.g., 24-48]"
    assert blank.anchor == sentence.anchor
    assert sentence.obligations[0].control == "patching"
    assert sentence.obligations[0].within is None


def test_the_objectives(policy: CompiledPolicy) -> None:
    """Recovery time is a deadline after a declared disaster; the others are levels."""
    recovery = only(policy, "recovery_time")
    assert recovery.trigger == "disaster declared"
    assert recovery.within is not None
    assert (recovery.within.amount, recovery.within.unit) == (4, "business_hour")
    point = only(policy, "recovery_point").threshold
    assert point is not None
    assert (point.amount, point.unit) == (1, "hour")
    level = only(policy, "availability").threshold
    assert level is not None
    assert level.text == "99.9%"


def test_the_four_facts_of_backups(policy: CompiledPolicy) -> None:
    """Backups are automated, encrypted, daily, and go back to any moment."""
    backups = only(policy, "backups")
    assert backups.every == "daily"
    assert set(backups.atoms) == {
        "automated",
        "encrypted",
        "daily",
        "point-in-time recovery",
    }


def test_ranks_and_roles(policy: CompiledPolicy) -> None:
    """Functions are ranked in their order, and roles carry the policy's own names."""
    obligations = [o for s in policy.sentences for o in s.obligations]
    assert [o.rank for o in obligations if o.control == "functions"] == [1, 2, 3, 4]
    assert [o.owner for o in obligations if o.control == "roles"] == [
        "Resilience Committee",
        "Incident Response Team",
        "Product/DevOps Lead",
        "Customer Success",
    ]


@pytest.mark.parametrize(("control", "owner"), OWNERS.items())
def test_owners(policy: CompiledPolicy, control: str, owner: str) -> None:
    """An obligation that names nobody belongs to the role whose duty it is."""
    owners = {
        o.owner for s in policy.sentences for o in s.obligations if o.control == control
    }
    assert owners == {owner}


def test_scope_is_owned_by_two(policy: CompiledPolicy) -> None:
    """People in scope are the committee's, environments are engineering's."""
    owners = [
        o.owner for s in policy.sentences for o in s.obligations if o.control == "scope"
    ]
    assert owners == ["Resilience Committee", "Product/DevOps Lead"]


def test_items_inherit_the_trigger_of_their_lead_in(policy: CompiledPolicy) -> None:
    """Alert and status page wait for the disruption that the lead-in names."""
    assert only(policy, "alerting").trigger == "disruption affecting customers"
    page = only(policy, "status_page")
    assert page.trigger == "disruption affecting customers"
    assert page.within is not None
    assert page.within.text == "15 minutes"


def test_an_hour_that_must_pass_is_no_deadline(policy: CompiledPolicy) -> None:
    """The e-mail waits for an outage of an hour and has no deadline of its own."""
    email = only(policy, "customer_email")
    assert email.trigger == "outage exceeds 1 hour"
    assert email.within is None
    assert email.threshold is not None
    assert email.threshold.text == "1 hour"


def test_every_question_is_open_once(policy: CompiledPolicy) -> None:
    """All that the prose leaves open is asked, each where its control stands."""
    asked = [opened.question for opened in policy.open_questions]
    assert sorted(asked) == sorted(BY_NAME)
    for sentence in policy.sentences:
        controls = {obligation.control for obligation in sentence.obligations}
        assert {BY_NAME[name].control for name in sentence.open_questions} <= controls


def test_the_three_contradictions(policy: CompiledPolicy) -> None:
    """Exactly three pairs of promises get in each other's way."""
    assert [found.name for found in policy.contradictions] == [
        "rto_availability",
        "backup_rpo",
        "communication_business_hours",
    ]
    assert "43 min 12 s" in policy.contradictions[0].message
