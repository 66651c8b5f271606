"""What people do where nobody vouches for the log: take it on.

They do not end it: witnesses that vouch again do.
"""

from __future__ import annotations

from typing import Never

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.memory.lapses import PREFIX
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require
from holdfast.operations.respond import Desk


def is_meant(situation: Situation, incident: str | None) -> bool:
    """Say whether a person means this kind of incident, named or the only one."""
    if incident is not None:
        return incident.startswith(PREFIX)
    state = situation.state
    others = state.running or state.suspicions.running or state.tampering.running
    return state.lapses.running is not None and not others


def acknowledge(desk: Desk) -> str:
    """Take the running incident on; return its id."""
    situation = desk.situation()
    require(situation.rules, desk.person, "acknowledge")
    running = situation.state.lapses.running
    if running is None:
        raise HoldfastError(
            "the log's witnesses vouch for it: no incident of that is running",
            "See them all with: holdfast incident list.",
        )
    event = IncidentAcknowledged(running, desk.person, situation.now)
    desk.record([Fact(event, situation.now, actor=f"person:{desk.person}")])
    return running


def refuse_to_resolve() -> Never:
    """Say what ends it instead of a person's word."""
    raise HoldfastError(
        "no person ends this incident: it ends by itself once witnesses cosign again",
        "Get the witness to answer, or take it out of the settings, restart the node "
        "and record that: holdfast ledger witness retire NAME.",
    )
