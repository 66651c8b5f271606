"""What is remembered of each witness of the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.witness import (
    WitnessCosigned,
    WitnessDisagreed,
    WitnessRetired,
    WitnessSilent,
)

Trouble: TypeAlias = WitnessSilent | WitnessDisagreed


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness: when it cosigned last, as far as recorded, and what ails it now."""

    cosigned: WitnessCosigned | None = None
    cosigned_index: int | None = None
    trouble: Trouble | None = None
    trouble_index: int | None = None


Witnesses: TypeAlias = Map[str, Witness]


def remember(
    witnesses: Witnesses,
    event: WitnessCosigned | Trouble | WitnessRetired,
    index: int,
) -> Witnesses:
    """Return the witnesses with the event folded in.

    Only a cosignature ends a disagreement: a witness that then falls silent has not
    taken back what it said. One that was retired is forgotten, until it cosigns anew.
    """
    if isinstance(event, WitnessRetired):
        known = event.witness in witnesses
        return witnesses.delete(event.witness) if known else witnesses
    witness = witnesses.get(event.witness, Witness())
    match event:
        case WitnessCosigned():
            witness = Witness(event, index)
        case WitnessSilent() if isinstance(witness.trouble, WitnessDisagreed):
            pass
        case WitnessSilent() | WitnessDisagreed():
            witness = replace(witness, trouble=event, trouble_index=index)
    return witnesses.set(event.witness, witness)
