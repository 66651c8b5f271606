"""What a recovery asks of the witnesses before anything is signed on what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.assembly.node import witnesses_of
from holdfast.assembly.reading import SystemClock
from holdfast.errors import HoldfastError
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError
from holdfast.operations.ports.store import Store
from holdfast.operations.witnessing import Cosigned, Heard, Unanswered
from holdfast.settings import FILE, Home


@dataclass(frozen=True, slots=True)
class Consulted:
    """What witnesses say of a log that came back, by name.

    ``fault`` is there where one of them knows more than came back.
    """

    words: Mapping[str, str]
    fault: HoldfastError | None = None

    @property
    def lines(self) -> list[str]:
        """The same for a person to read."""
        return [f"witness     {name}: {word}" for name, word in self.words.items()]


def consulted(home: Path, store: Store) -> Consulted:
    """Ask the witnesses of the settings before anything is signed on what came back."""
    note = store.checkpoint()
    if note is None:
        return Consulted({})
    if not (home / FILE).exists():
        return Consulted({"settings": "there are none here, and nobody was asked"})
    try:
        witnesses = witnesses_of(Home(home), Log(store, "recovery", SystemClock()))
        heard = witnesses.hear(note) if witnesses else ()
    except HoldfastError as fault:
        return Consulted({"settings": f"nobody was asked: {fault.message}"})
    words = {one.name: _word(one) for one in heard}
    faults = [one.fault for one in heard if one.fault is not None]
    if not faults:
        return Consulted(words)
    hint = (
        "Nothing is signed on this log; recording and acting go on. Look for a newer "
        "copy, or the lost disk. Where there is none, what came after this copy is "
        "lost: go on in a new log, holdfast ledger succeed. If copies and other "
        "witnesses agree with this log, it is the witness that is wrong: witness.md."
    )
    return Consulted(words, ForkError(faults[0].message, hint))


def _word(heard: Heard) -> str:
    said = heard.said
    if isinstance(said, Cosigned):
        return "it cosigned nothing beyond this"
    if heard.detail is not None:
        return f"it cosigned another log: {heard.detail}"
    detail = said.detail if isinstance(said, Unanswered) else "it knows a newer one"
    return f"what it cosigned is not known: {detail}"
