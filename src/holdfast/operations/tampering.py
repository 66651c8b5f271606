"""What people do about tampering with the log: take it on, and end it with a reason."""

from __future__ import annotations

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.events.tampering import TamperingResolved
from holdfast.domain.memory.tampering import PREFIX, Tampering
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require
from holdfast.operations.respond import Desk

REASON_LENGTH_MAX = 500


def is_meant(situation: Situation, incident: str | None) -> bool:
    """Say whether a person means the incident of tampering, named or the only one."""
    if incident is not None:
        return incident.startswith(PREFIX)
    running = situation.state.tampering.running
    return running is not None and not situation.state.running


def acknowledge(desk: Desk) -> str:
    """Take the running incident on; return its id."""
    situation = desk.situation()
    require(situation.rules, desk.person, "acknowledge")
    found = _running(situation)
    event = IncidentAcknowledged(found.id, desk.person, situation.now)
    desk.record([Fact(event, situation.now, actor=f"person:{desk.person}")])
    return found.id


def resolve(desk: Desk, reason: str) -> str:
    """End the running incident; return its id.

    Raises `HoldfastError` without a reason, or while the newest check of a part still
    finds it wrong: no word of a person outweighs a hash.
    """
    situation = desk.situation()
    require(situation.rules, desk.person, "resolve")
    found = _running(situation)
    words = " ".join(reason.split())
    if not 0 < len(words) <= REASON_LENGTH_MAX:
        raise HoldfastError(
            "tampering with the log is not ended without a reason",
            f"Say what was found and done, in 1 to {REASON_LENGTH_MAX} characters: "
            "--reason.",
        )
    wrong = sorted(situation.state.tampering.suspects)
    if wrong:
        raise HoldfastError(
            f"the newest check still finds wrong: {', '.join(wrong)}",
            "Put it right and check again: holdfast ledger check.",
        )
    event = TamperingResolved(found.id, desk.person, words, situation.now)
    desk.record([Fact(event, situation.now, actor=f"person:{desk.person}")])
    return found.id


def _running(situation: Situation) -> Tampering:
    known = situation.state.tampering
    if known.running is None:
        raise HoldfastError(
            "no incident of tampering with the log is running",
            "See them all with: holdfast incident list.",
        )
    return known.all[known.running]
