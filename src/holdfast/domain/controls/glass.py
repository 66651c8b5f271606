"""Glass that was broken: an act went ahead without its second person.

Committee and lead are told at once, and it stands on the page until somebody else has
reviewed it.
"""

from __future__ import annotations

from holdfast.domain.controls.communication import duty_of
from holdfast.domain.controls.judging import Duty, Proof, Situation, Verdict
from holdfast.domain.events.authority import NAME_ALONE, GlassBroken
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.memory.orders import Order

SUBJECT = "break-glass"


def judge_glass(situation: Situation) -> Verdict | None:
    """Return the finding on what nobody reviewed yet; ``None`` without any."""
    open_ones = [order for order in _broken(situation) if order.reviewed is None]
    if not open_ones:
        return None
    proofs = tuple(
        Proof(_words(order.broken), order.broken_index, order.broken.at)
        for order in open_ones
        if order.broken is not None
    )
    return Verdict("at_risk", f"{proofs[0].text}; nobody reviewed that yet", proofs)


def owed_for_glass(situation: Situation) -> tuple[Duty, ...]:
    """Owe committee and lead word of every broken glass, at once."""
    return tuple(
        duty_of(
            situation,
            _notice(situation, order, order.broken),
            control="roles",
            owner="RC",
            what="tell committee and lead that the glass was broken",
        )
        for order in _broken(situation)
        if order.broken is not None and _tells_anybody(situation)
    )


def _broken(situation: Situation) -> list[Order]:
    orders = situation.state.orders.values()
    broken = [order for order in orders if order.broken is not None]
    return sorted(broken, key=lambda order: order.index)


def _people(situation: Situation) -> tuple[str, ...]:
    catalogue = situation.rules.catalogue
    return tuple(sorted({p.id for r in ("RC", "PL") for p in catalogue.holders(r)}))


def _tells_anybody(situation: Situation) -> bool:
    return bool(_people(situation))


def _words(broken: GlassBroken | None) -> str:
    assert broken is not None
    return f"{broken.by} broke the glass for {broken.order}: {broken.reason}"


def _notice(situation: Situation, order: Order, broken: GlassBroken) -> NoticeDue:
    people = _people(situation)
    went = (
        f"It was done by a name alone, without a sign-in ({order.ordered.subject})"
        if broken.signed_in == NAME_ALONE
        else "It goes ahead without a second person"
    )
    return NoticeDue(
        notice=f"{broken.key}/alert",
        incident=SUBJECT,
        duty="escalation",
        stage="opened",
        channel="email",
        recipients=tuple(f"person:{person}" for person in people),
        count=len(people),
        subject=f"The glass was broken for {broken.order}",
        text=(
            f"{_words(broken)}. {went}. Somebody else reviews it: "
            f"holdfast review {broken.order}."
        ),
        at=situation.now,
        due_at=broken.at + situation.rules.duration("alert_within"),
    )
