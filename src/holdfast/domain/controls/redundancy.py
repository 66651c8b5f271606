"""Production databases run in several zones or regions.

Shown by the primary's own list of standbys that stream now, and by where the catalogue
says that they stand. A replica that is declared and does not stream does not count;
nor does one that streams and nobody placed.
"""

from __future__ import annotations

from holdfast.domain.catalogue import Datastore, Environment, Replica
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
    within,
)
from holdfast.domain.controls.recovery_point import LOOK_COUNTS_FOR, WORST_FIRST


def judge(situation: Situation) -> Verdict:
    """Judge every production datastore; the worst one decides."""
    verdicts = [
        judge_one(situation, datastore)
        for datastore in situation.rules.catalogue.datastores
        if datastore.production
    ]
    if not verdicts:
        return unproven("the catalogue names no production datastore")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing: redundancy is a state, not a task."""
    del situation
    return ()


def elsewhere(here: Environment, there: Environment) -> bool:
    """Say whether two places are apart: another region, or another zone of it.

    Clause 5.1: either passes. A zone that nobody named is not another one.
    """
    if (here.provider, here.region) != (there.provider, there.region):
        return True
    return None not in {here.zone, there.zone} and here.zone != there.zone


def judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    """Judge one datastore by the standbys that stream from it now."""
    known = situation.state.datastores.get(datastore.id)
    measured, index = known.measures[-1] if known and known.measures else (None, None)
    if measured is None:
        return unproven(
            f"{datastore.id}: nobody has asked its server which standbys stream"
        )
    names = ", ".join(measured.streaming) or "no standby"
    proof = Proof(f"{datastore.id}: {names} streams", index, measured.at)
    if not within(measured.at, situation.now, LOOK_COUNTS_FOR):
        return Verdict("stale", f"{datastore.id}: the last look is old", (proof,))
    declared = {replica.name: replica for replica in datastore.replicas}
    streaming = [declared[name] for name in measured.streaming if name in declared]
    places = {place.id: place for place in situation.rules.catalogue.environments}
    here = places[datastore.environment]
    apart = [each for each in streaming if elsewhere(here, places[each.environment])]
    if apart:
        return _met(datastore, here, apart, places, proof)
    unplaced = [name for name in measured.streaming if name not in declared]
    if unplaced:
        reason = f"the catalogue does not say where {', '.join(unplaced)} stands"
        return unproven(f"{datastore.id}: {reason}", proof)
    if streaming:
        reason = "its standbys stand in its own zone, or no zone is named"
        return Verdict("breached", f"{datastore.id}: {reason}", (proof,))
    silent = ", ".join(declared)
    reason = f"no standby streams{f' ({silent} is declared)' if silent else ''}"
    return Verdict("breached", f"{datastore.id}: {reason}", (proof,))


def _met(
    datastore: Datastore,
    here: Environment,
    apart: list[Replica],
    places: dict[str, Environment],
    proof: Proof,
) -> Verdict:
    told = ", ".join(f"{r.name} in {place_name(places[r.environment])}" for r in apart)
    reason = f"{datastore.id} in {place_name(here)} streams to {told}"
    return Verdict("met", reason, (proof,))


def place_name(place: Environment) -> str:
    """Say where a place is: its region, and its zone where one is named."""
    return f"{place.region} zone {place.zone}" if place.zone else place.region
