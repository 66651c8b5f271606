"""Who was erased: no address of theirs is used again, whatever a backup brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from immutables import Map

from holdfast.domain.events.people import PersonErased


@dataclass(frozen=True, slots=True)
class Erasure:
    """The first erasure of somebody, where it stands, and every text that went."""

    event: PersonErased
    index: int
    texts: tuple[str, ...]


Erasures: TypeAlias = Map[str, Erasure]


def remember(erasures: Erasures, event: PersonErased, index: int) -> Erasures:
    """Return the erasures with the event folded in."""
    known = erasures.get(event.person)
    if known is None:
        return erasures.set(event.person, Erasure(event, index, event.texts))
    more = tuple(text for text in event.texts if text not in known.texts)
    erasure = Erasure(known.event, known.index, (*known.texts, *more))
    return erasures.set(event.person, erasure)


def shown(erasures: Erasures, who: str) -> str:
    """Return who did something as people read it: an id, and whether it is erased.

    ``who`` is an id or a reference ("ana", "person:ana").
    """
    gone = who in erasures or f"person:{who}" in erasures
    return f"{who} (erased)" if gone else who


def forgotten(erasures: Erasures) -> frozenset[str]:
    """Return the digests of the texts that went with somebody."""
    return frozenset(text for one in erasures.values() for text in one.texts)
