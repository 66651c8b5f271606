"""A sentence with everything around it that its meaning hangs on.

Recognisers are functions of a statement and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.domain.policy.frequencies import Frequency, find_frequencies
from holdfast.domain.policy.lexer import Found, find_quantities
from holdfast.domain.policy.model import Fact, Kind, Obligation
from holdfast.domain.policy.placeholders import find_placeholders


@dataclass(frozen=True, slots=True)
class Reading:
    """What a recogniser found in a statement.

    ``final`` ends the reading: what was found says all. ``note`` tells a person what
    is vague or ambiguous; ``ambiguous`` marks the sentence as such.
    """

    kind: Kind
    obligations: tuple[Obligation, ...] = ()
    facts: tuple[Fact, ...] = ()
    note: str | None = None
    ambiguous: bool = False
    final: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, its label, what leads to it, and what was counted in it.

    ``lead_ins`` are nearest first; ``before`` is what its paragraph said so far;
    ``cells`` are a row's heads and cells; ``announces`` is set where a list or a table
    follows that the sentence leads to, ``opens_section`` on the first below a heading.
    Lines count from 0.
    """

    text: str
    first: int
    last: int
    label: str | None = None
    headings: tuple[str, ...] = ()
    section: str = ""
    lead_ins: tuple[str, ...] = ()
    before: str = ""
    ordinal: int | None = None
    cells: tuple[tuple[str, str], ...] = ()
    in_list: bool = False
    opens_section: bool = False
    announces: bool = False
    code: bool = False
    title: str = ""
    acronyms: Mapping[str, str] = field(default_factory=dict)
    quantities: tuple[Found, ...] = ()
    frequencies: tuple[Frequency, ...] = ()
    placeholders: tuple[str, ...] = ()

    @property
    def full(self) -> str:
        """Label and text, as one would read it aloud."""
        return f"{self.label}: {self.text}" if self.label else self.text

    @property
    def durations(self) -> tuple[Found, ...]:
        """The quantities that are lengths of time."""
        return tuple(found for found in self.quantities if found.is_duration)

    @property
    def context(self) -> str:
        """Everything above the sentence, in one text."""
        return " / ".join([*self.headings, *self.lead_ins, self.label or ""])

    @property
    def frequency(self) -> Frequency | None:
        """The sentence's first cadence, or the one that its lead-in hands down."""
        if self.frequencies:
            return self.frequencies[0]
        for lead_in in (self.label or "", *self.lead_ins):
            if found := find_frequencies(lead_in):
                return found[0]
        return None

    def says(self, pattern: re.Pattern[str]) -> bool:
        """Say whether label or text match a pattern."""
        return bool(pattern.search(self.full))

    def about(self, pattern: re.Pattern[str]) -> bool:
        """Say whether the sentence or anything above it matches a pattern."""
        return bool(pattern.search(self.full) or pattern.search(self.context))


def with_figures(base: Statement, *, text: str, **more: Any) -> Statement:
    """Return a statement like the base, with what the lexers find in its text."""
    return replace(
        base,
        text=text,
        quantities=find_quantities(text),
        frequencies=find_frequencies(text),
        placeholders=find_placeholders(text),
        **more,
    )
