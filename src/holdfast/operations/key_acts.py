"""What the irreversible acts on the log's keys and witnesses need: a sign-in.

Where nobody can sign in, as after the loss of the passwords, the glass may be broken:
the act goes by a name, and with it goes what committee and lead are told of and review.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.authority import NAME_ALONE, ActOrdered, GlassBroken
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.approving import in_a_few_words
from holdfast.operations.authority import (
    NotSignedInError,
    require,
    require_signed_in,
)
from holdfast.operations.respond import LAPSES_AFTER, Desk

KeyAct = Literal["rotate_key", "close_ledger", "retire_witness"]


@dataclass(frozen=True, slots=True)
class Warrant:
    """How the actor is known, and what is to be recorded together with the act."""

    signed_in: str
    beside: tuple[Fact, ...] = ()


def warrant(desk: Desk, situation: Situation, act: KeyAct, subject: str) -> Warrant:
    """Return the person's warrant, by their sign-in or by the glass that they break.

    Raises `ForbiddenError` without the role, `NotSignedInError` without a sign-in that
    counts, and `HoldfastError` where glass would be broken for nothing.
    """
    require(situation.rules, desk.person, act)
    try:
        signed = require_signed_in(desk.person, desk.signed, act, situation.now)
    except NotSignedInError as fault:
        if desk.glass is not None:
            return _broken(desk, situation, act, subject, desk.glass)
        raise NotSignedInError(
            fault.message,
            f"{fault.hint} If that cannot be: --break-glass REASON, which committee "
            "and lead are told of.",
        ) from None
    if desk.glass is not None:
        raise HoldfastError(
            f"{desk.person} is signed in: no glass needs to be broken",
            "Leave --break-glass away.",
        )
    return Warrant(signed)


def _broken(
    desk: Desk, situation: Situation, act: KeyAct, subject: str, glass: str
) -> Warrant:
    now, by = situation.now, desk.person
    order = f"{act.replace('_', '-')}-{now:%Y%m%dT%H%M%S%f}"
    ordered = ActOrdered(
        order=order,
        operation=act,
        subject=subject,
        by=by,
        signed_in=NAME_ALONE,
        holds=(),
        runbook=None,
        lapses_at=now + LAPSES_AFTER,
        at=now,
    )
    broken = GlassBroken(order, by, NAME_ALONE, in_a_few_words(glass, "reason"), now)
    events = (ordered, broken)
    return Warrant(
        NAME_ALONE, tuple(Fact(e, now, actor=f"person:{by}") for e in events)
    )
