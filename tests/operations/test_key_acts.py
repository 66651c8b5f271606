"""Acts on the log's keys: a sign-in that counts, or glass that everybody hears of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.operations.company import (
    COMMITTEE,
    LEAD,
    RESPONDER,
    Company,
    company,
    signed,
)

from holdfast.domain.controls import roles
from holdfast.domain.events.authority import ActOrdered, GlassBroken
from holdfast.domain.events.custody import LedgerKeyRotated
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.memory.custody import keys_in_force
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Signer
from holdfast.operations import approving
from holdfast.operations.authority import ForbiddenError, NotSignedInError
from holdfast.operations.respond import Desk
from holdfast.operations.rotation import rotate
from holdfast.operations.signing import introduce_key

OLD = Signer("northwind.example/log", bytes(32))
NEW = Signer("northwind.example/log", bytes([7]) * 32)
REASON = "the laptop with the password manager burnt"


def made() -> Company:
    """Return a company whose log names its key."""
    found = company()
    introduce_key(found.world.log, OLD.verifier_key)
    return found


def desk(at: Company, person: str, glass: str | None = None) -> Desk:
    """Return the desk of somebody who has just signed in, or breaks the glass."""
    known = None if glass else signed(person, at.clock.now())
    return Desk(at.world.log, at.clock, person, known, glass)


def test_a_rotation_says_how_its_actor_was_known() -> None:
    """A sign-in stands in the entry; one that ran out, or another's, is none."""
    at = made()
    who = desk(at, LEAD)
    for nobody in (
        replace(who, signed=None),
        replace(who, signed=signed(COMMITTEE, at.clock.now())),
        replace(who, signed=signed(LEAD, at.clock.now() - timedelta(hours=1))),
    ):
        with pytest.raises(NotSignedInError) as refused:
            rotate(nobody, (OLD, NEW))
        assert "holdfast sign-in --as" in refused.value.hint
        assert "--break-glass" in refused.value.hint
    with pytest.raises(ForbiddenError):
        rotate(desk(at, RESPONDER, REASON), (OLD, NEW))
    with pytest.raises(HoldfastError, match="no glass needs to be broken"):
        rotate(replace(who, glass=REASON), (OLD, NEW))
    assert at.events(LedgerKeyRotated) == []
    event = rotate(who, (OLD, NEW))
    assert who.signed is not None
    assert event.signed_in == who.signed.words()
    assert at.events(ActOrdered) == []


def test_glass_that_is_broken_for_a_key() -> None:
    """The act goes by a name; that is recorded with it, told, at risk, and reviewed."""
    at = made()
    with pytest.raises(HoldfastError, match="a reason has"):
        rotate(desk(at, LEAD, " "), (OLD, NEW))
    event = rotate(desk(at, LEAD, REASON), (OLD, NEW))
    assert event.signed_in == "name alone"
    state = at.world.log.state()
    assert keys_in_force(state.custody, event.from_size) == (
        OLD.verifier_key,
        NEW.verifier_key,
    )
    (broken,) = at.events(GlassBroken)
    assert isinstance(broken, GlassBroken)
    assert (broken.by, broken.reason) == (LEAD, REASON)
    situation = desk(at, LEAD).situation()
    assert approving.pending(situation) == ()
    (order,) = approving.unreviewed(situation)
    assert order.ordered.operation == "rotate_key"
    assert order.ordered.subject == NEW.verifier_key
    assert "broke the glass" in roles.judge(situation).reason
    at.beat(3)
    (notice,) = [
        one
        for one in at.events(NoticeDue)
        if isinstance(one, NoticeDue) and one.incident == "break-glass"
    ]
    assert "by a name alone, without a sign-in" in notice.text
    assert NEW.verifier_key in notice.text
    assert notice.channel == "email"
    with pytest.raises(ForbiddenError):
        approving.review(desk(at, LEAD), broken.order, "my own")
    approving.review(desk(at, COMMITTEE), broken.order, "it did burn")
    assert "broke the glass" not in roles.judge(desk(at, LEAD).situation()).reason
