"""A small policy and catalogue, made by hand, for tests of what is declared."""

from __future__ import annotations

from decimal import Decimal

from holdfast.domain.catalogue import Catalogue, Contact, Person
from holdfast.domain.policy.model import (
    CompiledPolicy,
    Obligation,
    OpenQuestion,
    Quantity,
    Sentence,
    Unit,
)
from holdfast.domain.promises import ControlName
from holdfast.domain.questions import BY_NAME, Role


def quantity(amount: str, unit: Unit) -> Quantity:
    """Make an amount as the policy would have it."""
    return Quantity(Decimal(amount), unit, f"{amount} {unit.replace('_', ' ')}s")


def sentence(
    name: str, *obligations: Obligation, section: str = "1", questions: str = ""
) -> Sentence:
    """Make a sentence whose anchor and shape are told from its name.

    "rto/4" has the anchor "sha256:rto/4" and the shape "shape:rto".
    """
    return Sentence(
        anchor=f"sha256:{name}",
        shape=f"shape:{name.partition('/')[0]}",
        section=section,
        heading_path=("Resilience",),
        label=name.partition("/")[0].upper(),
        lead_in=None,
        lines=(1, 1),
        text=name,
        kind="target" if obligations else "informational",
        status="bound" if obligations else "informational",
        obligations=obligations,
        open_questions=tuple(questions.split()),
    )


def policy(*sentences: Sentence) -> CompiledPolicy:
    """Make a policy of sentences; their open questions become the policy's."""
    opened = tuple(
        OpenQuestion(q, s.anchor, BY_NAME[q].asks, BY_NAME[q].default, "RC")
        for s in sentences
        for q in s.open_questions
    )
    return CompiledPolicy("sha256:00", "A policy", sentences, (), opened, (), (), ())


def bound(control: ControlName, **facts: object) -> Obligation:
    """Make an obligation of a control."""
    return Obligation(control=control, duty="keep it", **facts)  # type: ignore[arg-type]


EXAMPLE = policy(
    sentence("goal"),
    sentence(
        "rto/4",
        bound("recovery_time", within=quantity("4", "business_hour")),
        section="2",
        questions="business_calendar critical_functions",
    ),
    sentence(
        "rpo/1",
        bound("recovery_point", threshold=quantity("1", "hour")),
        section="2",
        questions="recovery_point_at_risk",
    ),
    sentence(
        "availability/99.9",
        bound("availability", threshold=quantity("99.9", "percent")),
        section="2",
        questions="vantage_quorum availability_window",
    ),
    sentence("rank 2", bound("functions", rank=2), questions="rto_of_function_2"),
    sentence("backups", bound("backups", every="daily"), questions="backup_gap"),
    sentence("suppliers", bound("third_parties", every="annual")),
    sentence("tabletop", bound("tabletop", every="annual"), questions="tabletop_every"),
    sentence("drills", bound("drills", every="semi-annual"), questions="drill_every"),
    sentence("review", bound("policy_review", every="annual")),
    sentence("patch", bound("patching", within=quantity("24", "hour"))),
    sentence(
        "alert",
        bound("alerting", trigger="disruption", channel="Slack"),
        questions="alert_within disruption_confirmed_after",
    ),
    sentence("page/15", bound("status_page", within=quantity("15", "minute"))),
    sentence(
        "email/1",
        bound("customer_email", threshold=quantity("1", "hour")),
        questions="customer_email_within",
    ),
)


def catalogue(**holders: Role) -> Catalogue:
    """Make a catalogue of people only, each with one role."""
    people = tuple(
        Person(name, Contact(f"{name}@acme.example", name.title()), (role,))
        for name, role in holders.items()
    )
    return Catalogue(
        "Acme", "log.acme.example", "sha256:11", people, (), (), (), (), (), (), ()
    )
