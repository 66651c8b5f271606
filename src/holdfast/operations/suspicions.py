"""What people do about suspected ransomware: take it on, and end it with a reason."""

from __future__ import annotations

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.events.ransomware import SuspicionResolved
from holdfast.domain.memory.suspicions import PREFIX, Suspicion
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require
from holdfast.operations.respond import Desk
from holdfast.operations.tampering import REASON_LENGTH_MAX


def is_meant(situation: Situation, incident: str | None) -> bool:
    """Say whether a person means suspected ransomware, named or the only incident."""
    if incident is not None:
        return incident.startswith(PREFIX)
    state = situation.state
    return (
        len(state.suspicions.running) == 1
        and not state.running
        and state.tampering.running is None
    )


def acknowledge(desk: Desk, incident: str | None) -> str:
    """Take the running incident on; return its id."""
    situation = desk.situation()
    require(situation.rules, desk.person, "acknowledge")
    found = _running(situation, incident)
    event = IncidentAcknowledged(found.id, desk.person, situation.now)
    desk.record([Fact(event, situation.now, actor=f"person:{desk.person}")])
    return found.id


def resolve(desk: Desk, incident: str | None, reason: str) -> str:
    """End the running incident; return its id.

    Canaries that were touched are planted anew at the next look. Raises
    `HoldfastError` without a reason.
    """
    situation = desk.situation()
    require(situation.rules, desk.person, "resolve")
    found = _running(situation, incident)
    words = " ".join(reason.split())
    if not 0 < len(words) <= REASON_LENGTH_MAX:
        raise HoldfastError(
            "suspected ransomware is not ended without a reason",
            f"Say what it was, in 1 to {REASON_LENGTH_MAX} characters: --reason.",
        )
    event = SuspicionResolved(found.id, desk.person, words, situation.now)
    desk.record([Fact(event, situation.now, actor=f"person:{desk.person}")])
    return found.id


def _running(situation: Situation, incident: str | None) -> Suspicion:
    known = situation.state.suspicions
    running = sorted(known.running.values())
    wanted = [name for name in running if incident in {None, name}]
    if len(wanted) != 1:
        raise HoldfastError(
            f"no running incident {incident}" if incident else "which incident?",
            "See them all with: holdfast incident list.",
        )
    return known.all[wanted[0]]
